"""Whether a curve of a remedy is monotone within its intervals, or why not, as a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scipy import stats

from explain.fairness.influence import Moving

TINY = 1e-9
STAND_IN = (
    "What the remedy lowers is a stand-in, learned from the histories it was given; where lists are nearly all "
    "rearranged, lowering it further need not lower the figure."
)
PASSED = "It passes what is even and goes on at the other side of it."
CHANCE = "Each point is a training of its own, and chance in training comes on top of what people say."
NOT_MEANT = "The remedy is not made to lower it."
FREE = "There the remedy costs nothing: what it pushes back was not what people chose next."


@dataclass(frozen=True)
class Steps:
    """A sweep's accuracy by strength, against which figures are told."""

    accuracy: Sequence[Moving]
    strengths: Sequence[float]
    metric: str
    trained: bool

    def told(
        self, bad: Sequence[Moving], values: Sequence[float], *, aimed: bool, even: float | None = None
    ) -> dict[str, Any]:
        """{"holds", "text"} of a disparity: `bad` per point how bad it is, `values` what is shown of it, `even` the
        value between its two sides. It holds where neither rises, from the lowest point before, by more than chance."""
        rises, costs = (rise(each) for each in (bad, self.accuracy))
        said = []
        if rises:
            passed = even is not None and (values[rises[1]] - even) * (values[0] - even) < 0
            why = PASSED if passed else self._why(aimed)
            said.append(f"The disparity grows {self._between(rises, values)}. {why}")
        if costs:
            known = [each.value for each in self.accuracy]
            said.append(f"{self.metric} rises {self._between(costs, known)}. {CHANCE if self.trained else FREE}")
        if said:
            return {"holds": False, "text": " ".join(said)}
        return {"holds": True, "text": (
            f"Monotone within its intervals: as strength grows, neither the disparity nor {self.metric} rises by more "
            "than chance."
        )}  # fmt: skip

    def _between(self, pair: tuple[int, int], values: Sequence[float]) -> str:
        before, after = pair
        return (
            f"from strength {self.strengths[before]:g} to {self.strengths[after]:g} by more than chance "
            f"({_plain(values[before])} to {_plain(values[after])})"
        )

    def _why(self, aimed: bool) -> str:
        if self.trained:
            return CHANCE
        return STAND_IN if aimed else NOT_MEANT


def rise(figures: Sequence[Moving], *, level: float = 0.95) -> tuple[int, int] | None:
    """The greatest rise from the lowest point before it whose interval, adjusted for the number of pairs of points that
    it is the greatest of (Bonferroni), leaves 0 out: positions of both points, None where there is none."""
    pairs = len(figures) * (len(figures) - 1) // 2
    reach = float(stats.norm.ppf(1 - (1 - level) / 2 / max(1, pairs)))
    lowest, found, most = 0, None, 0.0
    for at in range(1, len(figures)):
        step = figures[at].less(figures[lowest])
        if step.value > max(TINY, reach * step.error) and step.value > most:
            found, most = (lowest, at), step.value
        if figures[at].value < figures[lowest].value:
            lowest = at
    return found


def _plain(value: float) -> str:
    text = f"{abs(value):.3f}".removeprefix("0") if abs(value) < 1 else f"{abs(value):.2f}"
    return f"−{text}" if value < 0 else text
