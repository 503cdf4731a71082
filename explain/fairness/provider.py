"""Exposure of items and of their classes: how evenly it spreads, and whether it follows what people choose.

E_i = Σ over lists of v(rank of i), v(r) = 1 / log₂(1 + r); R_i the relevance mass: how often i was held out, or, of
lists that were served, how often people had met it. Only items that may be shown count, those never shown with E = 0.

- equity of attention (Biega et al. 2018): Σ |E_i / ΣE − R_i / ΣR|, from 0 to 2;
- AWRF (Sapiezynski et al. 2019): 1 − JSD(exposure shares ‖ target shares) in bits, 1 where they are the same;
- disparate exposure (Singh and Joachims 2018): (E_g / R_g) / (E_h / R_h), largest over smallest of the classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, stats

from explain.fairness import consumer, disparities, influence
from explain.fairness.base import NONE, Asked, Classes, Material, number
from explain.fairness.influence import Moving, Shown
from recommender.data.dataset import Float, Int

Values = NDArray[np.float64]
Ends = tuple[float | None, float | None]
POINTS = 201
"""Points of the Lorenz curve over items."""
HALF = 0.5


@dataclass(frozen=True)
class Attention:
    """What lists show and what people choose, of the same `material`, by its people and its items that may be shown."""

    material: Material
    asked: Asked

    @cached_property
    def lists(self) -> Int:
        """(n_lists, k) the first k of each list, −1 also where an item may not be shown."""
        first = self.material.lists[:, : self.asked.k]
        return np.where((first != NONE) & self.material.offered[first], first, NONE)

    @cached_property
    def shown(self) -> Shown:
        """By people, of all their lists."""
        material = self.material
        of_lists = Shown.of(self.lists, material.n_items)
        rows = material.owners[of_lists.rows]
        return Shown(rows, of_lists.items, of_lists.weights, material.n_people, material.n_items)

    @cached_property
    def exposure(self) -> Values:
        """(n_items,)"""
        return self.shown.exposure()

    @cached_property
    def chosen(self) -> tuple[Int, Int]:
        """The person and the item of each choice that counts as relevance, (n_choices,) both."""
        of = self.material.histories if self.material.targets is None else self.material.targets
        there = self.material.offered[of.items]
        return of.rows[there], of.items[there]

    @cached_property
    def relevance(self) -> Values:
        """(n_items,)"""
        return np.bincount(self.chosen[1], minlength=self.material.n_items).astype(np.float64)

    def exposure_by_person(self, of_items: Float) -> Values:
        """(n_people, n_columns) Σ over what a person is shown of weight × `of_items` (n_items, n_columns)."""
        shown = self.shown
        return _summed(shown.rows, shown.items, shown.weights, of_items, shown.n_people)

    def chosen_by_person(self, of_items: Float) -> Values:
        """(n_people, n_columns) Σ over what a person chose of `of_items` (n_items, n_columns)."""
        rows, items = self.chosen
        return _summed(rows, items, np.ones(len(items)), of_items, self.material.n_people)

    def ends(self, name: str, figure: Moving) -> Ends:
        """Low and high of an interval of the level that is asked, on the scale of disparities.SCALES[name]."""
        people = self.material.n_people
        reach = float(stats.t.ppf((1 + self.asked.level) / 2, max(1, people - 1)))
        low, high = disparities.interval(name, figure, reach)
        return number(low), number(high)

    def share_ends(self, figure: Moving) -> Ends:
        """Of a share. One of 0 varies with nobody; it ends where all n people would miss it by chance as seldom as an
        interval allows, 1 − ((1 − level) / 2)^(1 / n). One of 1 likewise."""
        beyond = 1 - ((1 - self.asked.level) / 2) ** (1 / max(1, self.material.n_people))
        if figure.value <= 0:
            return 0.0, number(beyond)
        return (number(1 - beyond), 1.0) if figure.value >= 1 else self.ends(disparities.SHARE, figure)


def _summed(rows: Int, items: Int, weights: Values, of_items: Float, n_people: int) -> Values:
    table = sparse.csr_array((weights.astype(np.float32), (rows, items)), shape=(n_people, len(of_items)))
    return np.asarray(table @ of_items.astype(np.float32), dtype=np.float64)


def of_items(attention: Attention) -> dict[str, Any]:
    """The part `exposure` of the report; {} where no list shows anything."""
    material, exposure = attention.material, attention.exposure[attention.material.offered]
    if not exposure.sum():
        return {}
    relevance = attention.relevance[material.offered]
    gini = influence.pooled(
        influence.exposure_gini(attention.lists, material.offered), material.owners, material.n_people
    )
    low, high = attention.ends(disparities.GINI, gini)
    return {
        "gini": number(gini.value), "gini_low": low, "gini_high": high,
        "lorenz": consumer.lorenz(exposure, points=POINTS),
        "coverage": number((exposure > 0).mean()),
        "never": number((exposure == 0).mean()),
        "half": number(least_items(exposure, HALF) / len(exposure)),
        "choices": int(relevance.sum()),
        "equity_of_attention": number(equity_of_attention(exposure, relevance)),
        "awrf_catalogue": number(awrf(exposure, np.ones(len(exposure)))),
        "awrf_relevance": number(awrf(exposure, relevance)),
        "new": _of_new(attention),
    }  # fmt: skip


def _of_new(attention: Attention) -> dict[str, Any]:
    material = attention.material
    fresh = material.new & material.offered
    both = np.stack([fresh, np.ones(material.n_items)], axis=1).astype(np.float32)
    share = influence.ratio(*attention.exposure_by_person(both).T)
    low, high = attention.share_ends(share) if fresh.any() else (None, None)
    return {"items": int(fresh.sum()), "share": number(share.value) if fresh.any() else None, "low": low, "high": high,
            "catalogue_share": number(fresh.sum() / material.offered.sum())}  # fmt: skip


def least_items(exposure: Values, share: float) -> int:
    """How few items get at least `share` of all exposure together."""
    summed = np.cumsum(np.sort(exposure)[::-1])
    return int(np.searchsorted(summed, share * summed[-1] * (1 - 1e-9))) + 1


def equity_of_attention(exposure: Values, relevance: Values) -> float:
    """Σ |E_i / ΣE − R_i / ΣR|; nan where one of the sums is 0."""
    if not exposure.sum() or not relevance.sum():
        return float("nan")
    return float(np.abs(exposure / exposure.sum() - relevance / relevance.sum()).sum())


def awrf(exposure: Values, target: Values) -> float:
    """1 − JSD(P ‖ Q), JSD = H((P + Q) / 2) − (H(P) + H(Q)) / 2 in bits; nan where one of the sums is 0."""
    if not exposure.sum() or not target.sum():
        return float("nan")
    p, q = exposure / exposure.sum(), target / target.sum()
    apart = _bits((p + q) / 2) - (_bits(p) + _bits(q)) / 2
    return float(1 - max(0.0, apart))


def _bits(shares: Values) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum())


def divided(members: Float) -> Float:
    """(n_items, n_classes) an item of several classes counts in each by an equal part; rows of 0 stay."""
    return np.asarray(members / np.maximum(members.sum(axis=1, keepdims=True), 1), dtype=np.float32)


def of_classes(attention: Attention, classes: Classes) -> dict[str, Any]:
    """One of the report's `classes`. Shares are of the items whose class is known."""
    material = attention.material
    heading = {"name": classes.name, "title": classes.title, "supplier": classes.supplier}
    nothing: dict[str, Any] = {"rows": [], "disparate_exposure": None, "awrf": None, "equity_of_attention": None}
    weights = divided(classes.members * material.offered[:, None])
    known = weights.sum(axis=1) > 0
    if not known.any():
        return heading | {"problem": f"No item that may be shown has a class by {classes.title}."} | nothing
    found = _Shares.of(attention, weights)
    if not found.exposure.sum():
        return heading | {"problem": f"No list shows an item whose class by {classes.title} is known."} | nothing
    there = np.flatnonzero(weights.sum(axis=0) > 0)
    ratios = found.ratios(attention.asked.least)
    return heading | {
        "problem": _problem(classes, known, material.offered, len(there)),
        "rows": [_row(attention, classes, found, int(at)) for at in there],
        "disparate_exposure": number(ratios.max() / ratios.min()) if len(ratios) > 1 and ratios.min() > 0 else None,
        "awrf": number(awrf(found.exposure, found.relevance)),
        "equity_of_attention": number(equity_of_attention(found.exposure, found.relevance)),
    }


def _problem(classes: Classes, known: NDArray[np.bool_], offered: NDArray[np.bool_], there: int) -> str:
    told = []
    if missing := int((offered & ~known).sum()):
        told.append(f"Of {missing:,} of {int(offered.sum()):,} items no class by {classes.title} is known; they are "
                    "left out of these shares.")  # fmt: skip
    if absent := len(classes.names) - there:
        told.append(f"{absent:,} of {len(classes.names):,} classes by {classes.title} have no item that may be shown.")
    return " ".join(told)


@dataclass(frozen=True)
class _Shares:
    """Of `n_people` and `n_classes`: `seen` and `wanted` (n_people, n_classes) what a person adds to the exposure and
    the relevance of each class; `items` (n_classes,) how many items that may be shown are of it; `shown` (n_classes,)
    share of lists with one at least."""

    seen: Values
    wanted: Values
    items: Values
    catalogue: Values
    shown: Values

    @classmethod
    def of(cls, attention: Attention, weights: Float) -> _Shares:
        return cls(
            attention.exposure_by_person(weights),
            attention.chosen_by_person(weights),
            (weights > 0).sum(axis=0).astype(np.float64),
            weights.sum(axis=0, dtype=np.float64),
            _lists_with(attention.lists, weights > 0),
        )

    @cached_property
    def exposure(self) -> Values:
        return np.asarray(self.seen.sum(axis=0))

    @cached_property
    def relevance(self) -> Values:
        return np.asarray(self.wanted.sum(axis=0))

    @cached_property
    def all_seen(self) -> Values:
        return np.asarray(self.seen.sum(axis=1))

    @cached_property
    def all_wanted(self) -> Values:
        return np.asarray(self.wanted.sum(axis=1))

    def share(self, at: int) -> Moving:
        return influence.ratio(self.seen[:, at], self.all_seen)

    def ratio(self, at: int) -> Moving:
        """Share of exposure over share of relevance."""
        share, wanted = self.share(at), influence.ratio(self.wanted[:, at], self.all_wanted)
        if not wanted.value > 0:
            return influence.nothing(len(self.seen))
        value = share.value / wanted.value
        return Moving(value, (share.influence - value * wanted.influence) / wanted.value)

    def ratios(self, least: int) -> Values:
        """Of the classes that at least `least` people chose something of."""
        able = (self.wanted > 0).sum(axis=0) >= least
        shares = self.relevance[able] / max(self.relevance.sum(), 1e-300)
        return np.asarray(self.exposure[able] / self.exposure.sum() / shares)


def _lists_with(lists: Int, members: NDArray[np.bool_]) -> Values:
    """(n_classes,) share of lists that hold an item of each class."""
    rows, at = np.nonzero(lists != NONE)
    counts = _summed(rows, lists[rows, at], np.ones(len(rows)), members.astype(np.float32), len(lists))
    return np.asarray((counts > 0).mean(axis=0))


def _row(attention: Attention, classes: Classes, found: _Shares, at: int) -> dict[str, Any]:
    share, ratio = found.share(at), found.ratio(at)
    low, high = attention.share_ends(share)
    ratio_low, ratio_high = attention.ends(disparities.CLASSES, ratio) if ratio.value > 0 else (None, None)
    relevance = found.relevance.sum()
    return {
        "value": classes.names[at], "items": int(found.items[at]), "exposure": number(found.exposure[at], 3),
        "exposure_share": number(share.value), "low": low, "high": high,
        "catalogue_share": number(found.catalogue[at] / found.catalogue.sum()),
        "relevance_share": number(found.relevance[at] / relevance) if relevance else None,
        "ratio": number(ratio.value), "ratio_low": ratio_low, "ratio_high": ratio_high,
        "shown": number(found.shown[at]),
    }  # fmt: skip
