"""A catalog, divided, and how its parts are cut from histories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Dataset, Histories, Holdout, Int
from recommender.data.preparation import drop_repeats, sort_by_time

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """One catalog, divided. All parts share the positions of people and items of the catalog.

    `train`: what weights are learned from while validation chooses. `before_test`: train and what validation held
    out, what the measured recommender has learned from. `full`: everything, what the served recommender learns from.
    """

    train: Dataset
    validation: Holdout
    test: Holdout
    before_test: Dataset
    full: Dataset


def in_order(dataset: Dataset) -> Histories:
    """Oldest first, ties in order of arrival; of a repeated (person, item) only the first counts."""
    return drop_repeats(sort_by_time(dataset.histories))


def holdout(people: Int, histories: Histories, targets: Histories, candidates: Int | None = None) -> Holdout:
    """Ask about `people` (positions), with their rows of `histories` and `targets`."""
    people = people.astype(np.int64)
    return Holdout(people, histories.select(people), targets.select(people), candidates)


def from_end(histories: Histories) -> Int:
    """(nnz,) how many interactions the person still made after this one; 0 = the person's last."""
    last = np.repeat(histories.indptr[1:], histories.lengths) - 1
    return last - np.arange(len(histories.items))


def from_start(histories: Histories) -> Int:
    """(nnz,) how many interactions the person had made before this one; 0 = the person's first."""
    return np.arange(len(histories.items)) - np.repeat(histories.indptr[:-1], histories.lengths)


def last_as_validation(known: Histories) -> tuple[Mask, Int]:
    """Leave-last-out within `known`: (nnz,) which interactions are held out for validation, and of whom.

    People with at least two interactions lose their last one; the others are not validated.
    """
    people = np.flatnonzero(known.lengths >= 2)
    return (from_end(known) == 0) & (known.lengths >= 2)[known.rows], people


def chosen(count: int, share: float, rng: np.random.Generator) -> Mask:
    """(count,) true for a share of them drawn at random: at least one of two or more, never all."""
    wanted = min(max(1, round(share * count)), count - 1) if count > 1 else 0
    mask = np.zeros(count, dtype=np.bool_)
    mask[rng.permutation(count)[:wanted]] = True
    return mask
