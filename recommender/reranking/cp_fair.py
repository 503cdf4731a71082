"""People and providers at once: CP-Fair (Naghiaei, Rahmani, Deldjoo, SIGIR 2022)."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from recommender.data.dataset import Histories, Int
from recommender.reranking import chances, pricing
from recommender.reranking.base import NONE, Candidates, Known, State, Values, filled, order_of, places

ROUNDS, STEP = 60, 0.5
MOST = 0.9
"""By which a group's relevance is raised or lowered at most; a list is never turned against its person."""


class CPFair:
    """max over lists Σ_u U_u − λ (Σ_g n_g |ū_g − ū| + E Σ_c |e_c − γ_c|), U_u = Σ_r v(r) s(u, i_r).

    n_g, ū_g: people and mean utility of a group, ū that of all, taken as given; e_c, γ_c: a class's shares of the whole
    exposure E and of items, an item dividing itself among its classes; s the chance in parts of the usual one. The
    paper solves an integer program; here multipliers are learned, one for each group and class (an absolute value is
    the maximum of ±, so both lie in −1 … 1), by projected subgradient steps, relative to ū and γ_c, averaged over the
    second half: a list is then the k highest (1 − λ a_g) s(u, i) + λ b_c, made alone.
    """

    name: ClassVar[str] = "cp_fair"
    title: ClassVar[str] = "People and providers together"
    about: ClassVar[str] = (
        "Brings groups of people and classes of items closer together at once (CP-Fair, 2022): what better served "
        "groups get is moved towards items shown too little. Strength is the weight of both against relevance."
    )
    grid: ClassVar[tuple[float, ...]] = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8)
    most: ClassVar[float] = 10.0
    aims: ClassVar[tuple[str, ...]] = ("exposure", "people")
    by_classes: ClassVar[bool] = True
    by_people: ClassVar[bool] = True

    def __init__(self, strength: float, known: Known, *, k: int) -> None:
        self.strength, self.known, self.k = strength, known, k
        self._gain = np.zeros(len(known.shares))
        self._weights = np.ones(1)  # of each group, the last of whoever is of none

    def learn(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Self:
        able = pricing.reachable(candidates, self.known.members)
        if self.strength == 0 or not len(able):
            return self
        codes = np.full(len(candidates), NONE) if groups is None else groups
        members = self.known.members[:, able]
        sizes = members[self.known.offered].sum(axis=0).clip(1)
        sizes = (sizes / sizes.sum()).astype(np.float64)
        worth = chances.of(candidates).astype(np.float64)
        usual = pricing.usual(worth, self.k)
        a, b = np.zeros(int(codes.max(initial=NONE)) + 1), np.zeros(len(able))
        kept = []
        for step in range(ROUNDS):
            self._set(a, b, members, usual)
            values = self._values(worth, candidates, codes)
            lists = pricing.best(values, candidates, self.k)
            exposure = pricing.exposures(lists, len(members)) @ members
            rate = STEP / np.sqrt(1 + step)
            b = np.clip(b - rate * (exposure / max(float(exposure.sum()), 1e-300) - sizes) / sizes, -1, 1)
            a = np.clip(a + rate * _ahead(_utility(values, worth, self.k), codes, len(a)), -1, 1)
            kept.append((a, b))
        a, b = (np.mean(part, axis=0) for part in zip(*kept[ROUNDS // 2 :], strict=True))
        self._set(a, b, members, usual)
        return self

    def lists(self, candidates: Candidates, histories: Histories, groups: Int | None = None) -> Int:
        if self.strength == 0:
            return filled(candidates.items, self.k)
        codes = np.full(len(candidates), NONE) if groups is None else groups
        return order_of(self._values(chances.of(candidates).astype(np.float64), candidates, codes), candidates, self.k)

    def state(self) -> State:
        return {"gain": self._gain, "weights": self._weights}

    def load_state(self, state: State) -> Self:
        self._gain, self._weights = (np.asarray(state[name], dtype=np.float64) for name in ("gain", "weights"))
        return self

    def _set(self, a: Values, b: Values, members: np.ndarray, usual: float) -> None:
        self._gain = self.strength * usual * pricing.by_item(b, members)
        self._weights = np.append(1 - min(self.strength, MOST) * a, 1.0)

    def _values(self, worth: Values, candidates: Candidates, codes: Int) -> Values:
        known = np.where(codes < len(self._weights) - 1, codes, NONE)
        return np.asarray(self._weights[known][:, None] * worth + self._gain[candidates.items])


def _utility(values: Values, worth: Values, k: int) -> Values:
    """(n,) Σ_r v(r) worth of the k of the highest `values`."""
    k = min(k, values.shape[1])
    at = np.argpartition(-values, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(values, at, axis=1), axis=1)
    return np.asarray(np.take_along_axis(worth, np.take_along_axis(at, order, axis=1), axis=1) @ places(k))


def _ahead(utility: Values, codes: Int, n_groups: int) -> Values:
    """(n_groups,) (ū_g − ū) / ū; 0 of a group without people."""
    known = codes != NONE
    counts = np.bincount(codes[known], minlength=n_groups)
    sums = np.bincount(codes[known], weights=utility[known], minlength=n_groups)
    mean = float(utility[known].mean()) if known.any() else 0.0
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1) - mean, 0.0) / max(mean, 1e-300))
