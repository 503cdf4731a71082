"""What every method of attribution is asked and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from explain.attribution.game import Game, Target, Unit

Values = NDArray[np.float64]
EXACT, GRADIENT, SAMPLING, REMOVAL, SURROGATE, WEIGHTS = (
    "exact", "gradient", "sampling", "removal", "surrogate", "weights",
)  # fmt: skip
"""Kinds of methods: closed form, integrated gradients and the like, drawn coalitions, taking units away one at a time,
a simpler model that stands in, and attention weights (which are no explanation)."""


@dataclass(frozen=True)
class Cost:
    """`evaluations`: coalitions of units whose target was asked of the recommender (for gradients, passes)."""

    seconds: float
    evaluations: int


class Parts:
    """Values beside the difference that they are to sum to."""

    values: Values
    prediction: float
    baseline_prediction: float

    @property
    def gap(self) -> float:
        """|Σ values − (prediction − prediction at the baseline)|."""
        return abs(float(self.values.sum()) - (self.prediction - self.baseline_prediction))

    @property
    def relative_gap(self) -> float:
        """The gap in parts of the difference that is explained; of no difference, in parts of the prediction."""
        scale = abs(self.prediction - self.baseline_prediction) or abs(self.prediction)
        return self.gap / scale if scale else self.gap


@dataclass(frozen=True)
class Attribution(Parts):
    """What each unit adds to the target, against the baseline.

    `values` (n_units,); `prediction` the target as it is, `baseline_prediction` at the baseline, which `baseline` says
    in words; `errors` (n_units,) the standard error of each value where it was sampled. `additive`: whether the method
    means its values to sum to the difference (one that takes units away one at a time does not); `exact`: whether it
    is a closed form of what it says (see `Explainer.kind`). `fidelity`: of a model that stands in, R² of what it says
    where it was not fitted.
    """

    method: str
    target: Target
    units: tuple[Unit, ...]
    values: Values
    baseline: str
    prediction: float
    baseline_prediction: float
    cost: Cost
    additive: bool = True
    errors: Values | None = None
    exact: bool = False
    fidelity: float | None = None

    @property
    def order(self) -> NDArray[np.int64]:
        """(n_units,) places of the units, the one that raises the target most first; ties by place."""
        return np.argsort(-self.values, kind="stable").astype(np.int64)


class Explainer(Protocol):
    """A method of attribution. One class, one file; `name` is its key in the registry."""

    name: ClassVar[str]
    title: ClassVar[str]
    """In the words of pages."""
    kind: ClassVar[str]
    quick: ClassVar[bool]
    """Whether it answers within a request (else only as a task)."""

    def refuses(self, game: Game) -> str:
        """Why it cannot explain this, in a sentence; "" where it can."""
        ...

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        """Deterministic by `seed`. Raises CannotExplain where it refuses."""
        ...


def rank_agreement(one: Values, other: Values) -> float:
    """Spearman's rank correlation of two attributions of the same units; nan where either is constant."""
    ranks = [_ranks(each) for each in (one, other)]
    spread = [each.std() for each in ranks]
    if len(one) < 2 or not all(spread):
        return float("nan")
    centred = [each - each.mean() for each in ranks]
    return float((centred[0] * centred[1]).mean() / (spread[0] * spread[1]))


def _ranks(values: Values) -> Values:
    """Mean ranks, ties sharing theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean: Values = (ends - (counts - 1) / 2)[inverse]
    return mean


def named(units: Sequence[Unit], kind: str) -> NDArray[np.int64]:
    """Places of the units of a kind."""
    return np.array([at for at, unit in enumerate(units) if unit.kind == kind], dtype=np.int64)
