"""The newest items first, the same for everyone: what a “new” shelf shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, hyper, require_data
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import NotFitted

DAY = 86_400.0
EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class LatestConfig(Config):
    """What makes an item new."""

    by: str = hyper(
        "released",
        "released: an item is as old as its date of release where it has one, else as its first interaction; "
        "first_interaction: always as that.",
        choices=("released", "first_interaction"),
    )


class Latest:
    """score(i) = −(days from i's beginning to the newest interaction known).

    An item begins with its release where a date is known (and `by` says so), else with its first interaction. What
    nobody has met yet begins now if it came into the catalog after everything that was met (keys ascend in that
    order), and with the oldest otherwise. The row's own `created` is not used: an import creates a whole catalog in a
    minute.
    """

    name: ClassVar[str] = "latest"
    config_class: ClassVar[type[Config]] = LatestConfig
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = False

    def __init__(self, config: LatestConfig | None = None) -> None:
        self.config: Config = config or LatestConfig()
        self._freshness: Float | None = None  # (n_items,)

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
        """Date every item. Raises NotTrainable without interactions."""
        require_data(train)
        begun = beginnings(train)
        if cast(LatestConfig, self.config).by == "released" and "released" in train.item_fields:
            released = np.array([seconds(day) for day in train.item_fields["released"]])
            begun = np.where(np.isfinite(released), released, begun)
        newest = np.nanmax(train.histories.times, initial=0.0) if np.isfinite(train.histories.times).any() else 0.0
        self._freshness = ((begun - newest) / DAY).astype(np.float32)
        report(1.0, {}, None)
        return self

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        """The same line for everyone."""
        freshness = self.state()["freshness"]
        return np.tile(freshness if items is None else freshness[items], (len(histories), 1))

    def state(self) -> State:
        if self._freshness is None:
            raise NotFitted("This recommender has not been trained.")
        return {"freshness": self._freshness}

    def load_state(self, state: State) -> Self:
        self._freshness = state["freshness"]
        return self


def beginnings(train: Dataset) -> NDArray[np.float64]:
    """(n_items,) seconds since 1970 of each item's first interaction; see `Latest` for items that nobody met."""
    met = train.histories
    first = np.full(train.n_items, np.inf)
    known = np.isfinite(met.times)
    np.minimum.at(first, met.items[known], met.times[known])
    dated = np.isfinite(first)
    oldest, newest = (first[dated].min(), met.times[known].max()) if dated.any() else (0.0, 0.0)
    last_met = int(met.items.max())
    came_after = np.arange(train.n_items) > last_met
    return np.where(dated, first, np.where(came_after, newest, oldest))


def seconds(day: Any) -> float:
    """Seconds since 1970 at which a date begins; nan where it is not one."""
    return (day - EPOCH).days * DAY if isinstance(day, date) else np.nan
