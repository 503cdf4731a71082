"""Folds of ratings: every rating is asked about exactly once."""

from __future__ import annotations

import numpy as np

from recommender.data.dataset import Dataset, Histories, Int
from recommender.data.splits.base import Split, chosen, holdout, in_order
from recommender.exceptions import BadInput, NotTrainable

FOLDS = 5
VALIDATION_SHARE = 0.1
"""Share of a fold's training ratings that validates."""


def k_fold(dataset: Dataset, *, k: int = FOLDS, seed: int = 0) -> list[Split]:
    """k splits; each interaction is in the test of exactly one of them, drawn at random in equal parts (±1).

    For predicted ratings: time plays no part, so a rating may be predicted from later ones. Everyone with an
    interaction in a fold's test counts there; the history is what the person did in the other folds (it may be empty).
    Repeats as in leave_last_out. Raises BadInput for k under 2, NotTrainable with fewer than k interactions.
    """
    if k < 2:
        raise BadInput("k must be at least 2.", field="k")
    histories = in_order(dataset)
    if len(histories.items) < k:
        raise NotTrainable(f"There are {len(histories.items)} interactions; {k} folds need at least {k}.")
    rng = np.random.default_rng(seed)
    folds = rng.permutation(np.arange(len(histories.items)) % k)
    return [fold(dataset, histories, folds, at, rng) for at in range(k)]


def fold(dataset: Dataset, histories: Histories, folds: Int, at: int, rng: np.random.Generator) -> Split:
    """The split whose test are the interactions with `folds` (nnz,) == `at`; a tenth of the rest validates."""
    is_test = folds == at
    rest = np.flatnonzero(~is_test)
    is_validation = np.zeros(len(folds), dtype=np.bool_)
    is_validation[rest[chosen(len(rest), VALIDATION_SHARE, rng)]] = True
    before_test, test = histories.keep(~is_test), histories.keep(is_test)
    train, validation = histories.keep(~is_test & ~is_validation), histories.keep(is_validation)
    return Split(
        train=dataset.with_histories(train),
        validation=holdout(np.flatnonzero(validation.lengths), train, validation),
        test=holdout(np.flatnonzero(test.lengths), before_test, test),
        before_test=dataset.with_histories(before_test),
        full=dataset.with_histories(histories),
    )
