"""Means of many small groups drawn towards what is expected of them, by as much as chance alone moves them.

Empirical Bayes: q̄ ~ N(m, e²), m ~ N(expected, τ²), so that E[m | q̄] = expected + τ² / (τ² + e²) (q̄ − expected). τ² is
Paule and Mandel's (1982): Σ (q̄ − expected)² / (τ² + e²) = the number of groups.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
HALVINGS = 60


def shrunk(means: Values, errors: Values, expected: Values) -> Values:
    """(n_groups,) the means drawn towards `expected`; `errors` their standard errors, all above 0 to be drawn."""
    distance = means - expected
    variance = between(distance, errors)
    total = variance + errors**2
    return expected + np.divide(variance, total, out=np.ones_like(total), where=total > 0) * distance


def between(distance: Values, errors: Values) -> float:
    """τ², 0 where the distances are no greater than their errors explain."""
    uncertain = errors > 0
    if not uncertain.any():
        return float((distance**2).mean()) if len(distance) else 0.0

    def excess(variance: float) -> float:
        return float((distance[uncertain] ** 2 / (variance + errors[uncertain] ** 2)).sum() - uncertain.sum())

    least, most = 0.0, float((distance**2).sum())
    if excess(least) <= 0:
        return 0.0
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        least, most = (middle, most) if excess(middle) > 0 else (least, middle)
    return (least + most) / 2
