"""Whatever the histories: nothing held out is learned from, and every interaction is on one side only."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.data.dataset import Dataset, Histories, Holdout
from recommender.data.splits import PROTOCOLS, WITH_SHOTS, Split, splits_of
from recommender.exceptions import NotTrainable
from tests.recommender.builders import dataset

N_ITEMS = 7
interaction = st.tuples(st.integers(0, N_ITEMS - 1), st.integers(0, 6))
people = st.lists(st.lists(interaction, max_size=8), min_size=1, max_size=8)
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def made(rows: list[list[tuple[int, int]]]) -> Dataset:
    times = [[float(time) for _, time in row] for row in rows]
    return dataset([[item for item, _ in row] for row in rows], N_ITEMS, times)


def pairs(histories: Histories, people: Any = None) -> list[tuple[int, int]]:
    rows = histories.rows if people is None else people[histories.rows]
    return list(zip(rows.tolist(), histories.items.tolist(), strict=True))


def cuts(data: Dataset, protocol: str, shots: int | None, seed: int) -> list[Split]:
    with suppress(NotTrainable):
        return splits_of(data, protocol, shots=shots if protocol in WITH_SHOTS else None, seed=seed)
    return []


def asked(holdout: Holdout) -> list[tuple[int, int]]:
    return pairs(holdout.targets, holdout.people)


@QUICK
@given(people, st.sampled_from(list(PROTOCOLS)), st.none() | st.integers(0, 3), st.integers(0, 99))
def test_nothing_asked_about_was_learned_from_or_is_in_the_history(
    rows: list[list[tuple[int, int]]], protocol: str, shots: int | None, seed: int
) -> None:
    for split in cuts(made(rows), protocol, shots, seed):
        for holdout, learned in ((split.test, split.before_test), (split.validation, split.train)):
            wanted = asked(holdout)
            assert len(wanted) == len(set(wanted))  # once each
            assert not set(wanted) & set(pairs(learned.histories))
            assert not set(wanted) & set(pairs(holdout.histories, holdout.people))
            assert (holdout.targets.lengths > 0).all()  # whoever counts is asked something
            assert len(set(holdout.people.tolist())) == len(holdout.people)


@QUICK
@given(people, st.sampled_from(["leave-last-out", "time", "ties-shuffled", "cold-items"]), st.integers(0, 99))
def test_every_interaction_is_learned_from_or_asked_about(
    rows: list[list[tuple[int, int]]], protocol: str, seed: int
) -> None:
    for split in cuts(made(rows), protocol, None, seed):
        everything = sorted(set(pairs(made(rows).histories)))
        assert sorted(pairs(split.full.histories)) == everything
        assert sorted(pairs(split.before_test.histories) + asked(split.test)) == everything
        held, before = pairs(split.train.histories) + asked(split.validation), pairs(split.before_test.histories)
        if protocol == "time":  # of each person the first late interaction is asked, the later ones are on neither side
            assert len(set(held)) == len(held) and set(held) <= set(before)
            assert {person for person, _ in set(before) - set(held)} <= set(split.validation.people.tolist())
        else:
            assert sorted(held) == sorted(before)


@QUICK
@given(people)
def test_training_ends_before_the_test_begins(rows: list[list[tuple[int, int]]]) -> None:
    for split in cuts(made(rows), "time", None, 0):
        assert split.before_test.histories.times.max() < split.test.targets.times.min()
        if len(split.validation.people):
            assert split.train.histories.times.max(initial=-np.inf) < split.validation.targets.times.min()


@QUICK
@given(people, st.sampled_from(["cold-users", "cold-both"]), st.none() | st.integers(0, 3), st.integers(0, 99))
def test_new_people_are_absent_from_training(
    rows: list[list[tuple[int, int]]], protocol: str, shots: int | None, seed: int
) -> None:
    for split in cuts(made(rows), protocol, shots, seed):
        assert not split.before_test.histories.lengths[split.test.people].any()
        if shots is not None:
            assert (split.test.histories.lengths <= shots).all()


@QUICK
@given(people, st.sampled_from(["cold-items", "cold-both"]), st.integers(0, 3), st.integers(0, 99))
def test_new_items_are_absent_from_training_but_for_their_shots(
    rows: list[list[tuple[int, int]]], protocol: str, shots: int, seed: int
) -> None:
    for split in cuts(made(rows), protocol, shots, seed):
        new = split.test.candidates
        assert new is not None
        met = np.bincount(split.before_test.histories.items, minlength=N_ITEMS)[new]
        assert (met <= (shots if protocol == "cold-items" else 0)).all()
        assert set(split.test.targets.items.tolist()) <= set(new.tolist())
        if protocol == "cold-both":
            assert not set(split.test.histories.items.tolist()) & set(new.tolist())


@QUICK
@given(people, st.integers(0, 99))
def test_folds_ask_about_everything_once(rows: list[list[tuple[int, int]]], seed: int) -> None:
    folds = cuts(made(rows), "k-fold", None, seed)
    if folds:
        everything = [pair for split in folds for pair in asked(split.test)]
        assert sorted(everything) == sorted(set(pairs(made(rows).histories)))
