"""Random lists: the floor under every comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import NotFitted, NotTrainable

Hash = NDArray[np.uint64]


@dataclass(frozen=True)
class RandomConfig(Config):
    """Nothing to choose; the run's seed decides the order."""


class Random:
    """A fixed random order per history: the same person asked twice gets the same list, an event changes it."""

    name: ClassVar[str] = "random"
    config_class: ClassVar[type[Config]] = RandomConfig
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = False

    def __init__(self, config: RandomConfig | None = None) -> None:
        self.config: Config = config or RandomConfig()
        self._salts: Hash | None = None  # (n_items,) a random number per item

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
        """Draw a number per item. Raises NotTrainable for a catalog without items."""
        if not train.n_items:
            raise NotTrainable("The catalog has no items. Import items or interactions first.")
        self._salts = rng.integers(2**64, size=train.n_items, dtype=np.uint64)
        report(1.0, {}, None)
        return self

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        """Numbers from 0 to 1, mixed from the item's number and the person's history."""
        if self._salts is None:
            raise NotFitted("This recommender has not been trained.")
        salts = self._salts if items is None else self._salts[items]
        met = np.zeros(len(histories.items) + 1, dtype=np.uint64)
        np.cumsum(_mixed(self._salts[histories.items]), out=met[1:])
        person = met[histories.indptr[1:]] - met[histories.indptr[:-1]]  # wraps around, as hashes may
        mixed = _mixed(person[:, None] ^ salts[None, :])
        return (mixed >> np.uint64(40)).astype(np.float32) / np.float32(2**24)

    def state(self) -> State:
        if self._salts is None:
            raise NotFitted("This recommender has not been trained.")
        return {"salts": self._salts.view(np.int64)}

    def load_state(self, state: State) -> Self:
        self._salts = state["salts"].view(np.uint64)
        return self


def _mixed(x: Hash) -> Hash:
    """splitmix64's finaliser: every bit of the answer depends on every bit of `x`."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
