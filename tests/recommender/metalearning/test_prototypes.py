"""Centres and attention, with values worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from recommender.metalearning.prototypes import EMPTY, Liking, Support, attended, centres, padded, pulls, tastes

POINTS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
PRIOR = torch.tensor([0.5, 0.5])
LIKING = Liking(grade=torch.tensor(1.0), against=torch.tensor(0.5), pull=torch.tensor(2.0))


def support(order: tuple[int, ...] = (0, 1, 2)) -> Support:
    """The first person liked item 0 by one degree, disliked item 1 by one, met item 2; the second did nothing."""
    columns = {
        "items": [0, 1, 2], "weights": [1.0, 1.0, 0.5], "likes": [1.0, -1.0, 0.0],
        "residuals": [1.0, -2.0, 0.0], "rated": [1.0, 1.0, 0.0],
    }  # fmt: skip
    given = {name: torch.tensor([column[at] for at in order]) for name, column in columns.items()}
    return Support(n=2, rows=torch.zeros(3, dtype=torch.int64), level=torch.zeros(2), **given)


def test_what_was_disliked_counts_against():
    """a = 1 · (1 + 1), −½ · 1 · (1 + 1), ½ · 1."""
    assert pulls(support(), LIKING).tolist() == [2.0, -1.0, 0.5]


def test_the_centre_is_the_weighted_mean_and_of_nothing_the_prior():
    """(2 · (½, ½) + 2 · (1, 0) − (0, 1) + ½ · (2, 2)) / (2 + 2 + 1 + ½) = (4, 1) / 5.5."""
    found = centres(POINTS, support(), LIKING, PRIOR)
    torch.testing.assert_close(found, torch.tensor([[4 / 5.5, 1 / 5.5], [0.5, 0.5]]))


def test_the_taste_is_the_mean_of_what_ratings_leave_unexplained():
    """(1 · (1, 0) − 2 · (0, 1)) / (2 + 2); the item that was not rated does not count."""
    found = tastes(POINTS, support(), torch.tensor(2.0))
    torch.testing.assert_close(found, torch.tensor([[0.25, -0.5], [0.0, 0.0]]))


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 2, 0)])
def test_the_order_does_not_matter(order: tuple[int, ...]):
    torch.testing.assert_close(
        centres(POINTS, support(order), LIKING, PRIOR), centres(POINTS, support(), LIKING, PRIOR)
    )


def test_a_padded_support_keeps_the_last():
    found = padded(support(), LIKING, 2)
    assert found.items.tolist() == [[1, 2], [EMPTY, EMPTY]]
    assert found.weights.tolist() == [[-1.0, 0.5], [0.0, 0.0]]
    assert padded(support(), LIKING, 4).items.tolist() == [[EMPTY, 0, 1, 2], [EMPTY] * 4]


def test_attention_goes_to_what_is_alike_and_of_nothing_is_zero():
    """Of (1, 0) and (0, 1) with values 1 and −1 asked about (1, 0), τ = ½, ρ = 0: (e² − 1) / (e² + 1 + 1)."""
    keys = POINTS[:2].expand(2, 2, 2)
    given, there = torch.tensor([[1.0, -1.0]] * 2), torch.tensor([[True, True], [False, False]])
    found = attended(POINTS[:1], keys, given, there, torch.tensor(0.5), torch.tensor(0.0))
    e2 = math.exp(2)
    torch.testing.assert_close(found, torch.tensor([[(e2 - 1) / (e2 + 2)], [0.0]]))
    own = attended(POINTS[:1].expand(2, 1, 2), keys, given, there, torch.tensor(0.5), torch.tensor(0.0))
    torch.testing.assert_close(own, found)
