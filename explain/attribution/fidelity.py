"""How true a simple model is to the recommender whose scores it learned: on people it has not learned from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.attribution.base import rank_agreement
from explain.attribution.importance import bounds
from recommender.data.dataset import Int
from recommender.evaluation.significance import ratio_intervals

HELD_OUT = 1 / 3
"""Share of the people that only measure."""
LEAST_R2, LEAST_AGREEMENT, LEAST_PEOPLE = 0.3, 0.4, 10
"""A stand-in below either tells more about itself than about the recommender, and is not shown; nor is one that was
measured on fewer people."""
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Fidelity:
    """`r2` = 1 − Σ(score − said)² / Σ(score − mean)² over all rows of held-out people; `agreement` the mean over these
    people of Spearman's rank correlation of their items; each with its 95% interval, people resampled."""

    r2: float
    r2_low: float
    r2_high: float
    agreement: float
    agreement_low: float
    agreement_high: float
    people: int
    rows: int

    @property
    def refusal(self) -> str:
        """Why the stand-in is not shown, in a sentence; "" where it may be."""
        if self.people < LEAST_PEOPLE:
            return f"Its fidelity was measured on {self.people} people; {LEAST_PEOPLE} are needed to say anything."
        if not self.r2 >= LEAST_R2:
            return (
                f"It explains {max(0.0, self.r2):.0%} of the differences between scores (R², {LEAST_R2:.0%} are asked "
                "for), so its rules would not be the recommender’s."
            )
        if not self.agreement >= LEAST_AGREEMENT:
            return (
                f"It orders items otherwise than the recommender (rank agreement {self.agreement:.2f}, at least "
                f"{LEAST_AGREEMENT} is asked for), so its rules would not be the recommender’s."
            )
        return ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def held_out(people: Int, *, seed: int = 0) -> NDArray[np.bool_]:
    """(n,) whether a row's person, of `people` (n,), only measures."""
    names = np.unique(people)
    chosen = np.random.default_rng(seed).permutation(names)[: round(len(names) * HELD_OUT)]
    return np.isin(people, chosen)


def fidelity(said: Values, scores: Values, people: Int) -> Fidelity:
    """Of what a stand-in `said` (n,) about `scores` (n,) of `people` (n,)."""
    names, of = np.unique(people, return_inverse=True)
    if len(names) < 2:
        none = float("nan")
        return Fidelity(none, none, none, none, none, none, len(names), len(said))
    wrong: Values = np.bincount(of, weights=(scores - said) ** 2).astype(np.float64)
    spread: Values = np.bincount(of, weights=(scores - scores.mean()) ** 2).astype(np.float64)
    lost = ratio_intervals(wrong[:, None], spread)
    parts = [1 - float(each[0]) for each in lost] if lost else [float("nan")] * 3
    ranks = np.array([rank_agreement(said[of == each], scores[of == each]) for each in range(len(names))])
    ranks = np.nan_to_num(ranks)  # a stand-in that says the same of all items orders nothing
    low, high = bounds(ranks[:, None])
    return Fidelity(
        parts[0], parts[2], parts[1], float(ranks.mean()), float(low[0]), float(high[0]), len(names), len(said)
    )
