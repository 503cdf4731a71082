"""What a context is known by, and the head over it, by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from recommender.data.dataset import Histories
from recommender.metalearning.contexts import ContextCounts, ContextHead, ContextSupport
from tests.recommender.builders import histories


def placed(people: list[list[int]], places: list[str | None]) -> Histories:
    return replace(histories(people), contexts={"place": np.array(places, dtype=object)})


SEEN = placed([[0, 0, 1], [0], [2]], ["home", "home", "work", "home", None])


def test_people_are_counted_once_for_an_item_in_a_value() -> None:
    found = ContextCounts.of(SEEN, 3)
    assert found.vocabulary.fields[0].values == ("home", "work")
    assert found.counts.toarray().tolist() == [[2, 0, 0], [0, 1, 0]]


def test_a_moment_is_found_by_its_value_and_an_unseen_one_is_none() -> None:
    asked = replace(histories([[], [], []]), fields={"context.place": np.array(["work", "moon", None], dtype=object)})
    assert ContextCounts.of(SEEN, 3).asked(asked).tolist() == [[1], [-1], [-1]]
    assert ContextCounts.of(SEEN, 3).asked(histories([[]])).tolist() == [[-1]]


def test_what_others_did_adds_to_known_values_and_makes_new_ones() -> None:
    before = ContextCounts.of(SEEN, 3)
    found = before.met(placed([[1, 2]], ["home", "moon"]))
    assert found.vocabulary.fields[0].values == ("home", "work", "moon")
    assert found.counts.toarray().tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert before.counts.toarray().tolist() == [[2, 0, 0], [0, 1, 0]]
    back = ContextCounts.unpacked(found.packed())
    assert back.vocabulary == found.vocabulary
    assert (back.counts != found.counts).nnz == 0


def test_two_pieces_keep_their_places_when_the_first_one_grows() -> None:
    many = replace(
        SEEN, contexts={**SEEN.contexts, "sky": np.array(["sun", "sun", "rain", "sun", "sun"], dtype=object)}
    )
    met = replace(histories([[2]]), contexts={"place": np.array(["moon"], dtype=object)})
    found = ContextCounts.of(many, 3).met(met)
    assert [field.values for field in found.vocabulary.fields] == [("home", "work", "moon"), ("sun", "rain")]
    assert found.counts.toarray().tolist() == [[2, 0, 0], [0, 1, 0], [0, 0, 1], [2, 0, 1], [0, 1, 0]]


def test_training_does_not_see_those_who_are_asked() -> None:
    counts = ContextCounts.of(SEEN, 3)
    support = ContextSupport(counts, SEEN, SEEN)
    drawn = [support.draw(np.array([0]), np.random.default_rng(seed)).toarray() for seed in range(20)]
    assert max(each[0, 0] for each in drawn) == 1  # the other one's
    assert all(each[1].sum() == 0 for each in drawn)
    assert support.codes.tolist() == [[0], [0], [1], [0], [-1]]


def test_scores_by_hand() -> None:
    """Two items with features 1 and −1, met alike: mean 0, spread 1. Met in v: item 0, 3 times; w = 1 / (1 + 3/3) = ½.
    gain 2: ±1; lift 1 · log(1 + 3 / (6 · ½)) = log 2 for item 0. Half of it where fade ½ meets 3 known."""
    head = ContextHead(1, 1)
    with torch.no_grad():
        for name, value in (("log_gain", 2.0), ("log_lift", 1.0), ("log_precision", 3.0), ("log_kappa", 6.0)):
            getattr(head, name).fill_(math.log(value))
        head.fade.fill_(0.5)
        table = head.values(
            torch.tensor([[1.0], [-1.0]]), torch.tensor([[3.0, 0.0]]), torch.tensor([0.5, 0.5]), torch.tensor([0]),
            torch.tensor([3.0]),
        )  # fmt: skip
        assert table.tolist()[0] == pytest.approx([1 + math.log(2), -1])
        found = head(table, torch.tensor([[0], [0], [-1]]), torch.tensor([0.0, 3.0, 0.0]))
    assert found[0].tolist() == pytest.approx([1 + math.log(2), -1])
    assert found[1].tolist() == pytest.approx([(1 + math.log(2)) / 2, -0.5])
    assert found[2].tolist() == [0, 0]
