"""Putting data in order before they are split or learned from.

`histories` is what every run needs; the other modules do what a run's PreparationConfig asks for (see `prepare` in
`preparing`, which is loaded with scikit-learn only where something is asked for).
"""

from recommender.data.preparation.histories import (
    drop_repeats,
    fingerprint,
    last_of_repeats,
    pairs,
    rated,
    rating_scale,
    recency,
    sort_by_time,
)

__all__ = [
    "drop_repeats",
    "fingerprint",
    "last_of_repeats",
    "pairs",
    "rated",
    "rating_scale",
    "recency",
    "sort_by_time",
]
