"""What most people take, recent interactions counting more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import numpy as np

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, hyper, require_data
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import NotFitted

DAY = 86_400.0


@dataclass(frozen=True)
class PopularityConfig(Config):
    """How fast an interaction is forgotten."""

    half_life_days: float = hyper(
        0.0, "Days after which an interaction counts half. 0 counts all alike.", low=0.0, high=36_500.0
    )


class Popularity:
    """score(i) = Σ over interactions with i of 2^(−age / half-life), age up to the newest interaction known."""

    name: ClassVar[str] = "popularity"
    config_class: ClassVar[type[Config]] = PopularityConfig
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = False

    def __init__(self, config: PopularityConfig | None = None) -> None:
        self.config: Config = config or PopularityConfig()
        self._weights: Float | None = None  # (n_items,)

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
        """Count. Interactions without a time count fully. Raises NotTrainable without interactions."""
        require_data(train)
        half_life = cast(PopularityConfig, self.config).half_life_days
        met, weights = train.histories, np.ones(len(train.histories.items))
        if half_life and np.isfinite(met.times).any():
            age = np.nan_to_num(np.nanmax(met.times) - met.times, nan=0.0, posinf=0.0, neginf=0.0)
            weights = 2.0 ** (-age / (half_life * DAY))
        counts = np.bincount(met.items, weights=weights, minlength=train.n_items)
        self._weights = counts.astype(np.float32)
        report(1.0, {}, None)
        return self

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        """The same line for everyone."""
        if self._weights is None:
            raise NotFitted("This recommender has not been trained.")
        weights = self._weights if items is None else self._weights[items]
        return np.tile(weights, (len(histories), 1))

    def state(self) -> State:
        if self._weights is None:
            raise NotFitted("This recommender has not been trained.")
        return {"weights": self._weights}

    def load_state(self, state: State) -> Self:
        self._weights = state["weights"]
        return self
