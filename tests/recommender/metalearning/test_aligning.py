"""Values by hand of the student's losses and of the step that first takers move an item by."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from recommender.metalearning.aligning import Alignment, Student, alignment, reliability, ridge, taken


def test_many_takers_make_a_teacher_reliable() -> None:
    np.testing.assert_allclose(reliability(np.array([0, 20])), [0.0, math.tanh(1.0)], rtol=1e-6)


def test_a_weighted_ridge_by_hand() -> None:
    """One feature 1, weights 1 and 3, targets 0 and 2, penalty 2: 3 · 2 / (1 + 3 + 2) = 1; the ones are unpenalised."""
    content = np.array([[1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    found = ridge(content, np.array([[0.0], [2.0]]), np.array([1.0, 3.0]), 2.0)
    np.testing.assert_allclose(found[0], [1.0], rtol=1e-6)


def test_what_was_taken_by_hand() -> None:
    """The first of two equally scored items was taken: log 2; where only it could be, 0."""
    scores, took = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])
    assert taken(scores, took, torch.ones(1, 2)).item() == pytest.approx(math.log(2))
    assert taken(scores, took, torch.tensor([[1.0, 0.0]])).item() == pytest.approx(0.0, abs=1e-6)


def test_alignment_by_hand() -> None:
    """One person at 1, items at 0 by the student, ±1 by the teacher; the student ranks evenly."""
    people, student, teacher = torch.ones(1, 1), torch.zeros(2, 1), torch.tensor([[1.0], [-1.0]])
    given = (people, student, teacher, torch.ones(2), torch.tensor(1.0))
    assert alignment(*given, Alignment(0, 1, 0)).item() == pytest.approx(1.0)
    assert alignment(*given, Alignment(0, 0, 1)).item() == pytest.approx(1.0)
    assert alignment(*given, Alignment(1, 0, 0)).item() == pytest.approx(math.log(2))


def test_first_takers_move_an_item_towards_them() -> None:
    """k = 2, κ = 1, α = .5, people's mean 0 and spread 1, ŷ = 0, one taker at 3: ½ · 2 · 3 · .5 = 1.5; none: 0."""
    with torch.random.fork_rng(devices=[]):
        student = Student(2, 1, 4, 0.0)
    student.log_sharpness.data = torch.tensor(2.0).log()
    student.log_few.data = torch.tensor(0.0)
    student.rate.data = torch.tensor([0.5])
    moved = student.warmed(torch.zeros(2, 1), torch.tensor([[3.0], [0.0]]), torch.tensor([1.0, 0.0]))
    assert moved.flatten().tolist() == pytest.approx([1.5, 0.0])
