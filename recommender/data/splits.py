"""Ways to hold interactions out, so that a recommender is asked about what it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommender.data.dataset import Dataset, Histories, Holdout, Int
from recommender.data.preparation import drop_repeats, sort_by_time


@dataclass(frozen=True)
class Split:
    """One catalog, divided. All parts share the positions of people and items of the catalog.

    `train`: what weights are learned from while validation chooses. `before_test`: train and the validation targets,
    what the measured recommender has learned from. `full`: everything, what the served recommender learns from.
    """

    train: Dataset
    validation: Holdout
    test: Holdout
    before_test: Dataset
    full: Dataset


def leave_last_out(dataset: Dataset) -> Split:
    """The last item of each person is the test, the one before it the validation, the rest is for training.

    Order is time, ties in order of arrival; of a repeated (person, item) only the first counts. People with one
    item stay in training only; people with two are tested, not validated. No person is left out for a short history.
    The test's histories include the validation item.
    """
    histories = drop_repeats(sort_by_time(dataset.histories))
    lengths = histories.lengths
    from_end = np.repeat(histories.indptr[1:], lengths) - 1 - np.arange(len(histories.items))  # 0 = a person's last
    tested = np.flatnonzero(lengths >= 2)
    validated = np.flatnonzero(lengths >= 3)
    is_test = (from_end == 0) & (lengths >= 2)[histories.rows]
    is_validation = (from_end == 1) & (lengths >= 3)[histories.rows]
    before_test = histories.keep(~is_test)
    train = histories.keep(~is_test & ~is_validation)
    return Split(
        train=dataset.with_histories(train),
        validation=_holdout(validated, train, histories.keep(is_validation)),
        test=_holdout(tested, before_test, histories.keep(is_test)),
        before_test=dataset.with_histories(before_test),
        full=dataset.with_histories(histories),
    )


def _holdout(people: Int, histories: Histories, targets: Histories) -> Holdout:
    return Holdout(people.astype(np.int64), histories.select(people), targets.select(people))
