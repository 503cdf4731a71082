"""Held out as new: people that training has not seen, items that it has not seen, and both at once."""

from __future__ import annotations

import numpy as np

from recommender.data.dataset import Dataset, Histories, Holdout, Int
from recommender.data.splits.base import (
    Mask,
    Split,
    chosen,
    from_end,
    from_start,
    holdout,
    in_order,
    last_as_validation,
)
from recommender.exceptions import NotTrainable

PEOPLE_SHARE, ITEMS_SHARE = 0.2, 0.2
"""Shares of people and of items drawn to be new."""
VALIDATION_SHARE = 0.1
"""Share of the remaining people that validates."""
LAST_PART = 0.2
"""Share of a new person's interactions, the last ones, that are asked about; at least one."""


def held_out_people(dataset: Dataset, *, share: float = PEOPLE_SHARE, shots: int | None = None, seed: int = 0) -> Split:
    """A share of people, drawn at random, is absent from training altogether and asked about with a given history.

    Without `shots` a new person's last fifth (rounded, at least one) are the targets, all before it the history. With
    `shots` the first so many are the history (0: none at all) and all others the targets. Only people with at least
    one interaction more than the history needs (two; shots + 1) can be drawn; the rest stay in training. Everyone
    drawn counts. Validation is done in the same way on a tenth of the remaining people, who join the training of the
    measured recommender. Order and repeats as in leave_last_out.
    """
    histories = in_order(dataset)
    is_target = _targets(histories, shots)
    rng = np.random.default_rng(seed)
    can = np.flatnonzero((histories.lengths > 0) & (histories.lengths >= _least(shots)))
    tested = can[chosen(len(can), share, rng)]
    rest = np.setdiff1d(can, tested)
    validated = rest[chosen(len(rest), VALIDATION_SHARE, rng)]
    if not len(tested):
        raise NotTrainable(f"Fewer than two people have {_least(shots)} interactions; nobody can be held out.")
    is_new = _among(tested, len(histories))[histories.rows]
    is_late = _among(validated, len(histories))[histories.rows]
    support, targets = histories.keep(~is_target), histories.keep(is_target)
    return Split(
        train=dataset.with_histories(histories.keep(~is_new & ~is_late)),
        validation=holdout(validated, support, targets),
        test=holdout(tested, support, targets),
        before_test=dataset.with_histories(histories.keep(~is_new)),
        full=dataset.with_histories(histories),
    )


def cold_items(dataset: Dataset, *, share: float = ITEMS_SHARE, shots: int | None = None, seed: int = 0) -> Split:
    """A share of the items that anyone met, drawn at random, is new: training has seen at most `shots` of each.

    Without `shots` (or 0) no interaction with a new item is learned from; else the first `shots` of each by time are.
    Everyone with a target, that is an interaction with a new item that was not learned from, counts and is asked which
    of the new items come next: only new items are ranked (`Holdout.candidates`), for against the known ones a
    recommender that puts all new ones last would be judged by where it puts them all. The history is everything else
    that the person did. Validation is leave-last-out within what is learned from, so that recommenders that know items
    by their id can stop by it too. Order and repeats as in leave_last_out.
    """
    histories = in_order(dataset)
    new = _new_items(histories, dataset.n_items, share, np.random.default_rng(seed))
    is_target = new[histories.items] & (_place_in_item(histories) >= (shots or 0))
    known, targets = histories.keep(~is_target), histories.keep(is_target)
    test = holdout(np.flatnonzero(targets.lengths), known, targets, np.flatnonzero(new))
    return _with_last_as_validation(dataset, histories, known, test)


def cold_both(
    dataset: Dataset,
    *,
    people: float = PEOPLE_SHARE,
    items: float = ITEMS_SHARE,
    shots: int | None = None,
    seed: int = 0,
) -> Split:
    """New people are asked about new items; training holds the other people's interactions with the other items only.

    A new person's history is what that person did with known items, or the first `shots` of it; it may be empty.
    Everyone drawn who met a new item counts; the targets are all new items that the person met, and only new items
    are ranked. Drawn as in held_out_people and cold_items (people with at least one interaction), validated as in
    cold_items, order and repeats as in leave_last_out.
    """
    histories = in_order(dataset)
    rng = np.random.default_rng(seed)
    can = np.flatnonzero(histories.lengths)
    is_new = _among(can[chosen(len(can), people, rng)], len(histories))[histories.rows]
    new = _new_items(histories, dataset.n_items, items, rng)
    cold = new[histories.items]
    targets, support = histories.keep(is_new & cold), histories.keep(is_new & ~cold)
    if shots is not None:
        support = support.keep(from_start(support) < shots)
    if not len(targets.items):
        raise NotTrainable("None of the people held out met any of the items held out; the catalog is too small.")
    test = holdout(np.flatnonzero(targets.lengths), support, targets, np.flatnonzero(new))
    return _with_last_as_validation(dataset, histories, histories.keep(~is_new & ~cold), test)


def _with_last_as_validation(dataset: Dataset, histories: Histories, known: Histories, test: Holdout) -> Split:
    is_validation, validated = last_as_validation(known)
    train = known.keep(~is_validation)
    return Split(
        train=dataset.with_histories(train),
        validation=holdout(validated, train, known.keep(is_validation)),
        test=test,
        before_test=dataset.with_histories(known),
        full=dataset.with_histories(histories),
    )


def _least(shots: int | None) -> int:
    """Interactions that someone must have to be held out."""
    return 2 if shots is None else shots + 1


def _targets(histories: Histories, shots: int | None) -> Mask:
    if shots is not None:
        return from_start(histories) >= shots
    asked = np.maximum(1, np.round(LAST_PART * histories.lengths))
    return from_end(histories) < asked[histories.rows]


def _new_items(histories: Histories, n_items: int, share: float, rng: np.random.Generator) -> Mask:
    """(n_items,) which items are new, drawn from those that anyone met. Raises NotTrainable with fewer than two."""
    met = np.unique(histories.items)
    if len(met) < 2:
        raise NotTrainable("Fewer than two items were met by anyone; none can be held out.")
    return _among(met[chosen(len(met), share, rng)], n_items)


def _place_in_item(histories: Histories) -> Int:
    """(nnz,) how many interactions with the same item came before, by time, then in the order of people."""
    order = np.lexsort((histories.times, histories.items))
    counts = np.bincount(histories.items) if len(histories.items) else np.zeros(0, dtype=np.int64)
    starts = np.cumsum(counts) - counts
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order)) - starts[histories.items[order]]
    return place


def _among(positions: Int, count: int) -> Mask:
    mask = np.zeros(count, dtype=np.bool_)
    mask[positions] = True
    return mask
