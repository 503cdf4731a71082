"""Held out by time: each person's last item, everything after a moment, and the control for ties in time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Dataset, Histories
from recommender.data.splits.base import Mask, Split, from_end, from_start, holdout, in_order
from recommender.exceptions import NotTrainable

TEST_SHARE, VALIDATION_SHARE = 0.1, 0.1
"""Shares of all interactions that the time split gives to the test and, before it, to validation."""


def leave_last_out(dataset: Dataset) -> Split:
    """The last item of each person is the test, the one before it the validation, the rest is for training.

    Order is time, ties in order of arrival; of a repeated (person, item) only the first counts. People with one
    item stay in training only; people with two are tested, not validated. No person is left out for a short history.
    The test's histories include the validation item.
    """
    histories = in_order(dataset)
    lengths, end = histories.lengths, from_end(histories)
    tested = np.flatnonzero(lengths >= 2)
    validated = np.flatnonzero(lengths >= 3)
    is_test = (end == 0) & (lengths >= 2)[histories.rows]
    is_validation = (end == 1) & (lengths >= 3)[histories.rows]
    before_test = histories.keep(~is_test)
    train = histories.keep(~is_test & ~is_validation)
    return Split(
        train=dataset.with_histories(train),
        validation=holdout(validated, train, histories.keep(is_validation)),
        test=holdout(tested, before_test, histories.keep(is_test)),
        before_test=dataset.with_histories(before_test),
        full=dataset.with_histories(histories),
    )


def time_split(dataset: Dataset, *, test: float = TEST_SHARE, validation: float = VALIDATION_SHARE) -> Split:
    """Everything from one moment on is the test, for the whole catalog at once: nothing of the future is learned from.

    The moment is the earliest at which at most the share `test` of all interactions is still to come; interactions
    of the same time are never divided. What a person did from it on are that person's targets, all of them, whether
    or not the item was ever met before; the history is what the person did before it. Everyone who did something from
    that moment on counts, also who did nothing before (with an empty history): recommending to newcomers is part of
    this protocol. The same moment for validation lies `validation` of all interactions earlier; of each person the
    first interaction from there on is asked. Repeats as in leave_last_out; an unknown time counts as the future.
    Raises NotTrainable where all interactions have the same time.
    """
    histories = in_order(dataset)
    moment = _moment(histories.times, test)
    if moment is None:
        raise NotTrainable("All interactions have the same time, so nothing can be held out by time.")
    is_test = _from(histories, moment)
    earlier = histories.keep(~is_test)
    is_late = _from(earlier, _moment(earlier.times, validation / (1 - test)))
    train, late = earlier.keep(~is_late), earlier.keep(is_late)
    asked = late.keep(from_start(late) == 0)
    future = histories.keep(is_test)
    return Split(
        train=dataset.with_histories(train),
        validation=holdout(np.flatnonzero(asked.lengths), train, asked),
        test=holdout(np.flatnonzero(future.lengths), earlier, future),
        before_test=dataset.with_histories(earlier),
        full=dataset.with_histories(histories),
    )


def shuffled_ties(dataset: Dataset, *, seed: int = 0) -> Split:
    """Leave-last-out after interactions of one person with the same time were put in random order.

    A control: where it and leave_last_out give different figures, the order of arrival carries information that a
    deployed recommender would not have.
    """
    histories = dataset.histories
    chance = np.random.default_rng(seed).random(len(histories.items))
    order = np.lexsort((chance, histories.times, histories.rows))
    return leave_last_out(dataset.with_histories(histories.take(order)))


def _from(histories: Histories, moment: float | None) -> Mask:
    return ~(histories.times < moment) if moment is not None else np.zeros(len(histories.items), dtype=np.bool_)


def _moment(times: NDArray[np.float64], share: float) -> float | None:
    """The earliest time, but not the very first, from which on at most `share` of `times` lie.

    Where the last tie alone is more than that, it is that tie's time; None where all times are the same.
    """
    known = np.sort(times[np.isfinite(times)])
    if not len(known) or known[0] == known[-1]:
        return None
    at = min(int(np.ceil((1 - share) * len(known))), len(known) - 1)
    moment = known[at]
    if known[at - 1] == moment and known[-1] > moment:  # the tie reaches back before the share: leave it to the past
        moment = known[np.searchsorted(known, moment, side="right")]
    return float(max(moment, known[np.searchsorted(known, known[0], side="right")]))
