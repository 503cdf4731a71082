"""The bias model: a rating is the mean of all plus what is usual for the person and for the item (Koren, KDD 2008).

Shrunk towards zero, so that few ratings move little. The person's part is closed form: it adapts to anyone at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Float, Histories, Int

Values = NDArray[np.float64]


@dataclass(frozen=True)
class BiasModel:
    """r̂(u, i) = μ + b(u) + b(i), b(u) = Σ (r − μ − b(i)) / (λ_u + n_u) over the person's ratings.

    `mean` μ; `items` (n_items,) b(i), 0 for items never rated; `of_people` λ_u; `spread` standard deviation of what is
    left; `low`, `high` the scale.
    """

    mean: float
    items: Float
    of_people: float
    spread: float
    low: float
    high: float

    @classmethod
    def fit(
        cls, ratings: Histories, n_items: int, *, of_items: float = 5.0, of_people: float = 5.0, sweeps: int = 5
    ) -> BiasModel:
        """b(i) = Σ (r − μ − b(u)) / (λ_i + n_i), in turns with b(u) `sweeps` times. `ratings`: nothing but ratings.

        Of no ratings at all: the middle of nothing, a model that says 0 with a spread of 1.
        """
        values = ratings.values.astype(np.float64)
        if not len(values):
            return cls(0.0, np.zeros(n_items, dtype=np.float32), of_people, 1.0, 0.0, 0.0)
        mean, rows, items = float(values.mean()), ratings.rows, ratings.items
        of_item, of_person = np.zeros(n_items), np.zeros(len(ratings))
        for _ in range(sweeps):
            of_item = shrunk(values - mean - of_person[rows], items, n_items, of_items)
            of_person = shrunk(values - mean - of_item[items], rows, len(ratings), of_people)
        left = values - mean - of_person[rows] - of_item[items]
        spread = float(left.std()) or 1.0
        low, high = float(values.min()), float(values.max())
        return cls(mean, of_item.astype(np.float32), of_people, spread, low, high)

    def adapt(self, ratings: Histories) -> Float:
        """(n_people,) b(u); 0 for whoever rated nothing."""
        left = ratings.values.astype(np.float64) - self.mean - self.items[ratings.items]
        return cast(Float, shrunk(left, ratings.rows, len(ratings), self.of_people).astype(np.float32))

    def contributions(self, ratings: Histories) -> Float:
        """(nnz,) each rating's part (r − μ − b(i)) / (λ_u + n_u) of the person's b(u): they sum to it exactly."""
        left = ratings.values.astype(np.float64) - self.mean - self.items[ratings.items]
        return cast(Float, (left / (self.of_people + ratings.lengths[ratings.rows])).astype(np.float32))

    def predict(self, people: Float, items: Int) -> Float:
        """Ratings of `items` by people whose b(u) are `people`, shapes that broadcast; not clipped."""
        return cast(Float, (self.mean + people + self.items[items]).astype(np.float32))

    def residuals(self, ratings: Histories) -> Float:
        """(nnz,) what is left of each rating after μ and b(i): the person's part and all beyond it."""
        return cast(Float, (ratings.values - self.mean - self.items[ratings.items]).astype(np.float32))

    def clip(self, found: NDArray[np.floating]) -> Float:
        return cast(Float, np.clip(found, self.low, self.high).astype(np.float32))

    def packed(self) -> dict[str, NDArray[np.generic]]:
        numbers = np.array([self.mean, self.of_people, self.spread, self.low, self.high])
        return {"bias.items": self.items, "bias.numbers": numbers}

    @classmethod
    def unpacked(cls, state: dict[str, NDArray[np.generic]]) -> BiasModel:
        mean, of_people, spread, low, high = (float(number) for number in state["bias.numbers"].tolist())
        return cls(mean, cast(Float, state["bias.items"]), of_people, spread, low, high)


def shrunk(values: Values, at: Int, n: int, shrinkage: float) -> Values:
    """(n,) Σ values / (shrinkage + count) over the entries of each place `at`."""
    sums, counts = np.bincount(at, weights=values, minlength=n), np.bincount(at, minlength=n)
    return cast(Values, np.divide(sums, counts + shrinkage, out=np.zeros(n), where=counts > 0))
