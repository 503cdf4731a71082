"""From a recommender that adapts to people it hardly knows to one that reads long histories, by how much each has done.

Where the one hands over to the other is learned on validation, by cutting histories to their last few interactions. It
keeps its parents' states: it serves without the runs that trained them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from recommender.algorithms import registry
from recommender.algorithms.base import (
    Adaptable,
    Adapted,
    Config,
    Recommender,
    Report,
    State,
    columns,
    hyper,
    ranks_of,
    require_data,
    tells_uncertainty,
)
from recommender.algorithms.ensemble import kept, ranked, restored
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.preparation import last_of_repeats, rated
from recommender.exceptions import BadConfig, NotFitted, NotTrainable

LENGTHS = (1, 2, 3, 5, 8, 12, 20, 35, 60, 100)
"""Interactions to which the histories of validation are cut."""
PEOPLE = 500
"""People at most whom each of these lengths is tried on."""
STEPS = 20
"""Shares of the warm recommender that are tried: 0, 1/20, … 1."""
SHARP = (1.0, 2.0, 4.0, 16.0)
"""How abruptly one hands over to the other; 16 is all but a switch."""
WHOLE = 0.01
"""A share of one of the two below which the other answers alone."""
COLD, WARM, EMPTY = "cold", "warm", -1
MEMBERS = (COLD, WARM)
KINDS = ("other", "rating")


@dataclass(frozen=True)
class BlendConfig(Config):
    """The two, and where the one hands over to the other."""

    cold: str = hyper("ridge_head", "The recommender that adapts to a few interactions.")
    warm: str = hyper("sasrec", "The recommender that reads long histories.")
    threshold: float | None = hyper(
        None,
        "Interactions at which both count alike; learned on validation unless given. 0: the warm one always answers.",
        low=0.0,
        high=1e6,
        tune=False,
    )
    sharpness: float | None = hyper(
        None, "How abruptly it hands over, learned unless given: 1 slowly, 16 at once.", low=0.1, high=64.0, tune=False
    )
    length: int = hyper(
        200, "Most recent interactions that are kept of someone adapted to.", low=1, high=5000, tune=False
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cold not in registry.ADAPTABLE or self.cold == Blend.name or not registry.ranks(self.cold):
            able = ", ".join(sorted(name for name in registry.ADAPTABLE if name != Blend.name))
            raise BadConfig(f"cold is a recommender that adapts: {able}.", field="cold")
        barred = {Blend.name, self.cold} | registry.REMEMBERING
        if self.warm not in registry.ALGORITHMS or self.warm in barred or not registry.ranks(self.warm):
            raise BadConfig(
                "warm is another recommender that makes lists and keeps no rows about people.", field="warm"
            )


class Blend:
    """score(u, i) = (1 − w) c(u, i) + w h(u, i), w = nˢ / (nˢ + tˢ) after n interactions, t the threshold.

    c and h are −ln rank in the lists of the cold and the warm recommender; n counts different items.
    """

    name: ClassVar[str] = "blend"
    config_class: ClassVar[type[Config]] = BlendConfig
    stochastic: ClassVar[bool] = True  # what adapts was trained with a seed
    uses_validation: ClassVar[bool] = True
    ordered: ClassVar[bool] = True
    reads_fields: ClassVar[bool] = True

    def __init__(self, config: BlendConfig | None = None) -> None:
        self.config: Config = config or BlendConfig()
        self._members: dict[str, Recommender] = {}
        self._threshold, self._sharpness = 0.0, SHARP[-1]

    @property
    def field_names(self) -> frozenset[str]:
        """Attributes and context that either of the two reads."""
        return frozenset[str]().union(*(getattr(each, "field_names", ()) for each in self._members.values()))

    @classmethod
    def parents(cls, config: Config) -> tuple[str, ...]:
        """Names of the algorithms it is made of."""
        return cast(BlendConfig, config).cold, cast(BlendConfig, config).warm

    @classmethod
    def settings_for(cls, names: tuple[str, ...]) -> Mapping[str, Any]:
        """Settings that make these algorithms its parents: the first that adapts is the cold one."""
        cold = next((name for name in names if name in registry.ADAPTABLE), None)
        warm = next((name for name in names if name != cold), None)
        return {name: value for name, value in ((COLD, cold), (WARM, warm)) if value is not None}

    def fit(
        self,
        train: Dataset,
        *,
        validation: Holdout | None = None,
        parents: Mapping[str, Recommender] | None = None,
        resume: State | None = None,
        rng: np.random.Generator,
        report: Report,
    ) -> Self:
        """Take the two and, where `validation` is there and no threshold is given, learn it; for that they must not
        have learned from the validation's targets. Raises NotTrainable where one is missing, Cancelled.

        A row of the report per length (`epoch`): NDCG@10 of the cold, the warm and the blend, and the warm one's share.
        """
        require_data(train)
        config, given = self._config, parents or {}
        if missing := [name for name in self.parents(config) if name not in given]:
            raise NotTrainable(f"The blend lacks its trained parts: {', '.join(missing)}.")
        self._members = {COLD: given[config.cold], WARM: given[config.warm]}
        self._threshold = 0.0 if config.threshold is None else config.threshold
        self._sharpness = SHARP[-1] if config.sharpness is None else config.sharpness
        if config.threshold is None and validation is not None and len(validation.people):
            self._learn(validation, report)
        report(1.0, {"threshold": self._threshold, "sharpness": self._sharpness}, None)
        return self

    def _learn(self, validation: Holdout, report: Report) -> None:
        """Threshold and sharpness under which the blend's NDCG@10, as the mean over lengths, is highest."""
        tables = dict[int, NDArray[np.float64]]()
        for at, length in enumerate(LENGTHS):
            found = self._tried(validation, length)
            if found is not None:
                tables[length] = found
            report(0.9 * (at + 1) / len(LENGTHS), {}, None)
        if not tables:
            return
        lengths = np.array(list(tables))
        table = np.stack(list(tables.values()))
        self._threshold, self._sharpness = learned(lengths, table, self._config.sharpness)
        for length, row in tables.items():
            share = float(shares(np.array([length]), self._threshold, self._sharpness)[0])
            metrics = {"epoch": length, "cold": row[0], "warm": row[-1], "blend": row[round(share * STEPS)]}
            report(0.95, {**metrics, "share": share}, None)

    def _tried(self, validation: Holdout, length: int) -> NDArray[np.float64] | None:
        """(STEPS + 1,) NDCG@10 by the warm one's share, of people with at least so many interactions, cut to the last
        so many; None where there are too few to tell."""
        whole = validation.histories
        able = np.flatnonzero(whole.lengths >= length)
        if not len(able):
            return None
        at = able[np.unique(np.linspace(0, len(able) - 1, min(PEOPLE, len(able))).astype(np.int64))]
        gains = np.zeros(STEPS + 1)
        for start in range(0, len(at), 100):
            some = at[start : start + 100]
            met, targets = whole.select(some), validation.targets.select(some)
            cut = cleaned(newest(met, length))
            cold, warm = (ranked(each.score(cut), met) for each in self._members.values())
            for step in range(STEPS + 1):
                found = mixed(cold, warm, np.full(len(some), step / STEPS))
                found[met.rows, met.items] = -np.inf
                ranks = ranks_of(found, targets.rows, targets.items)
                gains[step] += np.where(ranks <= 10, 1 / np.log2(ranks + 1), 0.0).sum()
        return gains / len(at)

    def refit_config(self) -> Config:
        """With what was learned written down, so that it holds for the two trained on everything."""
        if not self._members:
            return self.config
        return self.config.replace(threshold=round(self._threshold, 6), sharpness=self._sharpness)

    @property
    def adapts_up_to(self) -> int:
        """Interactions after which the warm one answers alone (or more is known than is kept)."""
        if self._threshold == 0:
            return 0
        alone = self._threshold * (1 / WHOLE - 1) ** (1 / self._sharpness)
        return int(min(alone, self._config.length))

    def answering(self, histories: Histories) -> list[str]:
        """Who answers each person: "cold", "warm", or "both"."""
        found = shares(cleaned(histories).lengths, self._threshold, self._sharpness)
        return [COLD if share == 0 else WARM if share == 1 else "both" for share in found.tolist()]

    @property
    def scale(self) -> tuple[float, float] | None:
        """Of the cold one: lowest and highest rating it learned from."""
        return cast(tuple[float, float] | None, getattr(self._fitted()[COLD], "scale", None))

    @property
    def unsure(self) -> bool:
        """Whether the cold one knows how unsure it is."""
        return tells_uncertainty(self._fitted()[COLD])

    def uncertainty(self, support: Histories) -> Float:
        """That of the cold one, which answers while little is known. Raises NotTrainable where it has none."""
        cold = self._fitted()[COLD]
        if not tells_uncertainty(cold):
            raise NotTrainable(f"{cold.name} does not know how unsure it is.")
        return cold.uncertainty(newest(cleaned(support), self._config.length))

    def adapt(self, support: Histories) -> Adapted:
        """What the cold one keeps (`cold.…`), and the last `length` different items for the warm one."""
        support = newest(cleaned(support), self._config.length)
        cold = cast(Adaptable, self._fitted()[COLD]).adapt(support)
        found: Adapted = {f"{COLD}.{name}": part for name, part in cold.items()}
        place = np.arange(len(support.items)) + np.repeat(self._config.length - support.indptr[1:], support.lengths)
        filled = (("items", support.items, EMPTY, np.int32), ("values", support.values, 0, np.float32),
                  ("times", support.times, 0, np.float64), ("rated", rated(support), 0, np.int8))  # fmt: skip
        for name, column, blank, kind in filled:
            found[name] = np.full((len(support), self._config.length), blank, dtype=kind)
            found[name][support.rows, place] = column
        return found

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        members = self._fitted()
        met = cleaned(histories) if adapted is None else remembered(adapted, histories)
        share = shares(met.lengths, self._threshold, self._sharpness)
        parts = []
        for name, needed in ((COLD, share < 1), (WARM, share > 0)):
            at = np.flatnonzero(needed)
            own = None if name == WARM or adapted is None else _of_cold(adapted, at)
            parts.append((at, members[name].score(met.select(at), adapted=own)))
        width = parts[0][1].shape[1]
        cold, warm = (np.zeros((len(met), width), dtype=np.float32) for _ in MEMBERS)
        for table, (at, scores) in zip((cold, warm), parts, strict=True):
            table[at] = ranked(scores, met.select(at))
        return columns(mixed(cold, warm, share), items)

    def state(self) -> State:
        state: State = {"learned": np.array([self._threshold, self._sharpness])}
        for name, member in self._fitted().items():
            state |= kept(f"{name}.{member.name}", member)
        return state

    def load_state(self, state: State) -> Self:
        self._threshold, self._sharpness = (float(number) for number in state["learned"])
        config = self._config
        for name, algorithm in ((COLD, config.cold), (WARM, config.warm)):
            own = {key.removeprefix(f"{name}."): part for key, part in state.items() if key.startswith(f"{name}.")}
            self._members[name] = restored(algorithm, own)
        return self

    def members(self) -> Mapping[str, Recommender]:
        return self._fitted()

    @property
    def _config(self) -> BlendConfig:
        return cast(BlendConfig, self.config)

    def _fitted(self) -> dict[str, Recommender]:
        if not self._members:
            raise NotFitted("This recommender has not been trained.")
        return self._members


def shares(lengths: NDArray[Any], threshold: float, sharpness: float) -> NDArray[np.float64]:
    """w = nˢ / (nˢ + tˢ) of the warm one after n interactions; 0 after none, and all of it where t is 0. Where one of
    the two has less than WHOLE of it, the other has all."""
    if threshold == 0:
        return (np.asarray(lengths) > 0).astype(np.float64)
    odds = (np.asarray(lengths, dtype=np.float64) / threshold) ** sharpness
    found = np.where(np.isinf(odds), 1.0, odds / (1 + np.where(np.isinf(odds), 0.0, odds)))
    return cast(NDArray[np.float64], np.where(found < WHOLE, 0.0, np.where(found > 1 - WHOLE, 1.0, found)))


def mixed(cold: Float, warm: Float, share: NDArray[np.float64]) -> Float:
    """(n, n_items) of ranks in both lists: (1 − w) (−ln rank) + w (−ln rank)."""
    warm_share = share[:, None].astype(np.float32)
    return cast(Float, -(1 - warm_share) * np.log(np.maximum(cold, 1)) - warm_share * np.log(np.maximum(warm, 1)))


def learned(lengths: Int, table: NDArray[np.float64], sharpness: float | None) -> tuple[float, float]:
    """The threshold and sharpness whose blend is best as the mean over `lengths`; `table` (n, STEPS + 1) holds the
    quality by share. Thresholds are tried at and between the lengths, at 0 (warm only) and far behind the last; the
    earlier and sharper one wins where several are equal."""
    between = np.sqrt(lengths[:-1] * lengths[1:]) if len(lengths) > 1 else np.empty(0)
    tried = sorted({0.0, *lengths.astype(float).tolist(), *between.tolist(), 4.0 * lengths[-1], 1e6})
    best, found = -np.inf, (0.0, SHARP[-1])
    for threshold in tried:
        for sharp in sorted(SHARP if sharpness is None else (sharpness,), reverse=True):
            steps = np.round(shares(lengths, threshold, sharp) * STEPS).astype(np.int64)
            value = float(table[np.arange(len(lengths)), steps].mean())
            if value > best + 1e-9:
                best, found = value, (float(threshold), sharp)
    return found


def _of_cold(adapted: Adapted, rows: Int) -> Adapted:
    prefix = f"{COLD}."
    return {name.removeprefix(prefix): part[rows] for name, part in adapted.items() if name.startswith(prefix)}


def cleaned(histories: Histories) -> Histories:
    """Of an item met repeatedly the last time counts."""
    mask = last_of_repeats(histories)
    return histories if mask.all() else histories.keep(mask)


def newest(histories: Histories, length: int) -> Histories:
    """The last `length` interactions of each person."""
    later = histories.indptr[1:][histories.rows] - 1 - np.arange(len(histories.items))
    return histories if (later < length).all() else histories.keep(later < length)


def remembered(adapted: Adapted, histories: Histories) -> Histories:
    """The histories that `adapt` put into rectangles, with the fields of those who ask."""
    there = adapted["items"] != EMPTY
    indptr = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int64)
    return replace(
        histories, indptr=indptr, items=adapted["items"][there].astype(np.int64),
        values=adapted["values"][there].astype(np.float32), times=adapted["times"][there].astype(np.float64),
        kinds=(adapted["rated"][there] > 0).astype(np.int16), kind_names=KINDS, contexts={},
    )  # fmt: skip
