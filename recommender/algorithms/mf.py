"""Matrix factorisation of ratings with biases (Koren, Bell, Volinsky, IEEE Computer 2009), fitted by stochastic
gradient descent in small batches.

Only what belongs to items is kept: a person's bias and factors are found from the ratings at the moment of asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, hyper, require_data
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.preparation import last_of_repeats, rated
from recommender.exceptions import NotFitted, NotTrainable

STEP = 0.5
"""The step times the ratings of one item in a batch is kept below this, so that no batch overshoots."""
SPREAD = 0.1
"""Standard deviation of factors at the start."""


@dataclass(frozen=True)
class MFConfig(Config):
    """Size, penalties and training. Ratings are standardised first, so that the same settings fit any scale."""

    factors: int = hyper(64, "Numbers that describe an item.", low=1, high=1024)
    penalty: float = hyper(0.12, "Pull of factors towards zero, per rating.", low=0.0, high=100.0)
    bias_penalty: float = hyper(0.08, "Pull of biases towards zero, per rating.", low=0.0, high=100.0)
    frequency: float = hyper(
        0.5,
        "How much less each rating pulls where there are many: n ratings pull n^(1 − frequency) times as one does.",
        low=0.0,
        high=1.0,
    )
    epochs: int = hyper(40, "Passes over the ratings; the step falls to zero over them.", low=1, high=1000)
    learning_rate: float = hyper(0.01, "Step at the start.", low=1e-6, high=1.0)
    batch: int = hyper(512, "Ratings in a step.", low=1, high=65_536)


@dataclass(frozen=True)
class Ratings:
    """Standardised ratings: `people`, `items` (n,) positions and `values` (n,); mean and spread of the raw ones."""

    people: Int
    items: Int
    values: Float
    scale: NDArray[np.float64]  # lowest, highest, mean, spread


class MF:
    """rating(u, i) = μ + σ (b(u) + b(i) + p(u)ᵀ q(i)), minimising the squared error plus, per rating,
    λ_b (w(u) b(u)² + w(i) b(i)²) + λ (w(u) |p(u)|² + w(i) |q(i)|²), w(x) = (ratings of x / mean of that)^(−frequency).

    With items fixed, b(u) and p(u) are the minimum of the same sum over the person's ratings: a small linear system.
    """

    name: ClassVar[str] = "mf"
    config_class: ClassVar[type[Config]] = MFConfig
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = False
    ranks: ClassVar[bool] = False

    def __init__(self, config: MFConfig | None = None) -> None:
        self.config: Config = config or MFConfig()
        self._items: NDArray[np.float64] | None = None  # (n_items, 1 + factors): bias, then factors
        self._scale: NDArray[np.float64] = np.zeros(5)  # lowest, highest, mean, spread, mean ratings of a person

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
        """Every epoch draws from a seed of its own, so that a resumed training repeats nothing and misses nothing.
        Raises NotTrainable without ratings, Cancelled."""
        require_data(train)
        ratings = ratings_of(train.histories)
        training = Training(
            cast(MFConfig, self.config), ratings, train.n_users, train.n_items, int(rng.integers(2**31))
        )
        if resume:
            training.load(resume)
        while training.done < training.config.epochs:
            error = training.epoch()
            metrics = {"epoch": float(training.done), "train_rmse": error * float(ratings.scale[3])}
            report(training.done / training.config.epochs, metrics, training.state())
        people = max(1, len(np.unique(ratings.people)))
        scale = np.append(ratings.scale, len(ratings.values) / people)
        return self.load_state({"items": training.items.double().numpy(), "scale": scale})

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        """The predicted ratings, not held within the scale."""
        table = self._fitted() if items is None else self._fitted()[items]
        people = self._folded(histories)
        standard = people[:, :1] + table[:, 0] + people[:, 1:] @ table[:, 1:].T
        return cast(Float, (self._scale[2] + self._scale[3] * standard).astype(np.float32))

    def predict(self, histories: Histories, rows: Int, items: Int, *, adapted: Adapted | None = None) -> Float:
        table, asked = self._fitted()[items], np.unique(rows)
        people = self._folded(histories.select(asked))[np.searchsorted(asked, rows)]
        standard = people[:, 0] + table[:, 0] + (people[:, 1:] * table[:, 1:]).sum(axis=1)
        found = self._scale[2] + self._scale[3] * standard
        return cast(Float, np.clip(found, self._scale[0], self._scale[1]).astype(np.float32))

    def state(self) -> State:
        return {"items": self._fitted(), "scale": self._scale}

    def load_state(self, state: State) -> Self:
        self._items, self._scale = state["items"], state["scale"]
        return self

    def _folded(self, histories: Histories) -> NDArray[np.float64]:
        """(n_people, 1 + factors) bias and factors: (AᵀA + n w D) x = Aᵀ(r − b), A the rated items' factors beside a
        column of ones; zeros for whoever rated nothing."""
        config, table = cast(MFConfig, self.config), self._fitted()
        kept = distinct_ratings(histories)
        values = (kept.values - self._scale[2]) / self._scale[3] - table[kept.items, 0]
        pull = np.full(table.shape[1], config.penalty)
        pull[0] = config.bias_penalty
        people = np.zeros((len(kept), table.shape[1]))
        for row in np.flatnonzero(kept.lengths):
            at = slice(kept.indptr[row], kept.indptr[row + 1])
            met = table[kept.items[at]]
            met[:, 0] = 1.0
            n = len(met)
            weight = n * (n / self._scale[4]) ** -config.frequency
            ridge = np.diag(weight * pull + 1e-9)
            people[row] = np.linalg.solve(met.T @ met + ridge, met.T @ values[at])
        return people

    def _fitted(self) -> NDArray[np.float64]:
        if self._items is None:
            raise NotFitted("This recommender has not been trained.")
        return self._items


class Training:
    """One training: biases (first column) and factors of people and of items, and how far it is."""

    def __init__(self, config: MFConfig, ratings: Ratings, n_people: int, n_items: int, seed: int) -> None:
        self.config, self.ratings, self.seed, self.done = config, ratings, seed, 0
        random = torch.Generator().manual_seed(seed)
        self.people = torch.randn(n_people, 1 + config.factors, generator=random) * SPREAD
        self.items = torch.randn(n_items, 1 + config.factors, generator=random) * SPREAD
        self.people[:, 0] = self.items[:, 0] = 0.0
        self.pulls = [
            self._pull(each, n) for each, n in ((ratings.people, n_people), (ratings.items, n_items))
        ]  # fmt: skip
        share = np.bincount(ratings.items).max() / len(ratings.items)
        self.batch = max(1, min(config.batch, int(STEP / (config.learning_rate * share))))

    def _pull(self, positions: Int, n: int) -> torch.Tensor:
        """(n, 1 + factors) what a rating pulls biases and factors by."""
        counts = np.bincount(positions, minlength=n)
        weights = (np.maximum(counts, 1) / counts[counts > 0].mean()) ** -self.config.frequency
        wide = np.full((n, 1 + self.config.factors), self.config.penalty, dtype=np.float32)
        wide[:, 0] = self.config.bias_penalty
        return torch.from_numpy(wide * weights[:, None].astype(np.float32))

    def epoch(self) -> float:
        """Every rating once; returns the root of the mean squared error on the way, in standard units."""
        order = np.random.default_rng([self.seed, self.done]).permutation(len(self.ratings.values))
        steps, total = range(0, len(order), self.batch), 0.0
        for step, start in enumerate(steps):
            left = 1 - (self.done + step / len(steps)) / self.config.epochs
            total += self._step(order[start : start + self.batch], self.config.learning_rate * left)
        self.done += 1
        return float(np.sqrt(total / len(order)))

    def _step(self, at: Int, rate: float) -> float:
        """x ← x + rate Σ (e ∂r̂/∂x − pull x) over the batch, for all rows x it touches; returns Σ e²."""
        who, what = torch.from_numpy(self.ratings.people[at]), torch.from_numpy(self.ratings.items[at])
        person, item = self.people[who], self.items[what]
        parts = person * item
        error = torch.from_numpy(self.ratings.values[at]) - parts[:, 1:].sum(1) - person[:, 0] - item[:, 0]
        up_person, up_item = error[:, None] * item, error[:, None] * person
        up_person[:, 0] = up_item[:, 0] = error
        self.people.index_add_(0, who, up_person - self.pulls[0][who] * person, alpha=rate)
        self.items.index_add_(0, what, up_item - self.pulls[1][what] * item, alpha=rate)
        return float(error @ error)

    def state(self) -> State:
        """All that resuming needs; copies."""
        counters = np.array([self.seed, self.done])
        return {"counters": counters, "people": self.people.numpy().copy(), "items": self.items.numpy().copy()}

    def load(self, state: State) -> None:
        self.seed, self.done = (int(number) for number in state["counters"])
        self.people, self.items = (torch.from_numpy(state[name].copy()) for name in ("people", "items"))


def ratings_of(histories: Histories) -> Ratings:
    """Everyone's last rating of each item, standardised. Raises NotTrainable where there is none."""
    kept = distinct_ratings(histories)
    if not len(kept.items):
        raise NotTrainable("The catalog has no ratings to learn from; choose a recommender that ranks.")
    values = kept.values.astype(np.float64)
    mean, spread = values.mean(), values.std() or 1.0
    scale = np.array([values.min(), values.max(), mean, spread])
    return Ratings(kept.rows, kept.items, ((values - mean) / spread).astype(np.float32), scale)


def distinct_ratings(histories: Histories) -> Histories:
    kept = histories.keep(rated(histories))
    return kept.keep(last_of_repeats(kept))
