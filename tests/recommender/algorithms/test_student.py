"""Distillation: what the teacher says, worked by hand, and a student that follows it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from recommender.algorithms.alone import Alone
from recommender.algorithms.base import mask_seen
from recommender.algorithms.lessons import Lessons, held, taught
from recommender.algorithms.sasrec import Net, SASRecConfig
from recommender.algorithms.sequence_items import Items
from recommender.algorithms.student import Student, StudentConfig, onto, take_over
from recommender.data.splits import leave_last_out
from recommender.exceptions import BadConfig, NotTrainable
from tests.recommender.algorithms.test_conformance import Kept, fitted
from tests.recommender.builders import blocks, histories


def test_the_weights_are_those_of_scores_and_ranks():
    """Scores 1, 0 at T = ½: e²/(e² + 1), 1/(e² + 1); ranks with decay 1: 1/(1 + e⁻¹), e⁻¹/(1 + e⁻¹); half of each."""
    lessons = Lessons(
        np.zeros((2, 2), dtype=np.int32), np.array([[1, 0], [0, 0]], dtype=np.float32), np.array([True, False])
    )
    soft, rank = math.exp(2) / (math.exp(2) + 1), 1 / (1 + math.exp(-1))
    found = lessons.weights(0.5, 1.0, 0.5)
    np.testing.assert_allclose(found, [[(soft + rank) / 2, 1 - (soft + rank) / 2], [0, 0]], rtol=1e-6)


MET = histories([[0, 1, 2, 3], [13], [], [14, 15, 14]])
BEFORE = histories([[], [0], [0, 1], [0, 1, 2], [], [], [14], [14, 15]])


def test_a_lesson_is_what_the_teacher_recommends_at_that_place():
    teacher = fitted("ease", blocks())
    found = taught(teacher, MET, 5, 10, np.random.default_rng(0), lambda share: None)
    assert found.taught.all()
    scores = mask_seen(teacher.score(BEFORE), BEFORE)
    best = -np.sort(-scores, axis=1)[:, :5]
    np.testing.assert_allclose(found.scores, best, rtol=1e-3, atol=1e-4)
    for row, items in enumerate(found.items):
        np.testing.assert_allclose(scores[row, items], best[row], rtol=1e-3, atol=1e-4)


def test_one_that_reads_sequences_teaches_every_place_in_one_reading():
    """Its places count from the end of what it reads, so lists differ a little from those of each place alone."""
    teacher = fitted("sasrec", blocks(), settings={"epochs": 20, "learning_rate": 0.005})
    found = taught(teacher, MET, 6, 1, np.random.default_rng(0), lambda share: None)
    assert found.taught.all() and (np.diff(found.scores, axis=1) <= 0).all()
    alone = np.argsort(-mask_seen(teacher.score(BEFORE), BEFORE), axis=1)[:, :6]
    shared = [len(set(a) & set(b)) for a, b in zip(found.items.tolist(), alone.tolist(), strict=True)]
    assert np.mean(shared) >= 4
    for row, items in enumerate(found.items.tolist()):
        assert not set(items) & set(BEFORE.items_of(row).tolist())


def test_some_places_are_asked_about_and_the_last_always():
    teacher, met = fitted("ease", blocks()), histories([list(range(12)), [13]])
    found = taught(teacher, met, 3, 4, np.random.default_rng(0), lambda share: None)
    assert found.taught.sum() == 5 and found.taught[11] and found.taught[12]


def learned(soft: float, teacher: Any, rows: list[dict[str, float]] | None = None) -> Student:
    split = leave_last_out(blocks(n_people=100))
    config = StudentConfig(teacher="ease", soft=soft, factors=16, length=12, epochs=12, batch=16, learning_rate=5e-3)
    return Student(config).fit(
        split.train, validation=split.validation if rows is not None else None, parents={"ease": teacher},
        rng=np.random.default_rng(0),
        report=lambda progress, metrics, state: None if rows is None else rows.append(dict(metrics)),
    )  # fmt: skip


def test_a_student_that_listens_agrees_more_with_its_teacher():
    teacher = fitted("ease", leave_last_out(blocks(n_people=100)).train)
    asked = histories([[n, n + 1, n + 2] for n in range(9)] + [[n, n + 1] for n in range(12, 22)])

    def agreement(model: Any) -> float:
        """Mean rank correlation of scores."""
        ranks = [np.argsort(np.argsort(each.score(asked), axis=1), axis=1) for each in (model, teacher)]
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(*ranks, strict=True)]))

    assert agreement(learned(0.9, teacher)) > agreement(learned(0.0, teacher))


def test_size_speed_and_quality_of_both_are_told():
    rows: list[dict[str, float]] = []
    student = learned(0.5, fitted("ease", leave_last_out(blocks(n_people=100)).train), rows)
    told = rows[-1]
    assert set(told) == {f"{who} {what}" for who in ("teacher", "student") for what in ("quality", "ms", "bytes")}
    assert told["student bytes"] == sum(array.nbytes for array in student.state().values())
    assert told["student ms"] > 0 and 0 <= told["student quality"] <= 1


def test_what_cannot_teach_is_refused():
    for name in ("student", "mf", "user_knn", "nobody"):
        with pytest.raises(BadConfig) as caught:
            StudentConfig(teacher=name)
        assert caught.value.field == "teacher"
    with pytest.raises(NotTrainable, match="teacher sasrec"):
        Student().fit(blocks(), rng=np.random.default_rng(0), report=Kept())
    assert Student.settings_for(("ensemble",)) == {"teacher": "ensemble"}


READS = {"epochs": 20, "learning_rate": 0.005}


def test_what_a_teacher_holds_at_a_place_is_what_it_scores_from():
    """What it holds before the last interaction of everyone, times its items, are its scores without that one."""
    teacher = fitted("sasrec", blocks(), settings=READS)
    net = teacher._fitted()
    found = held(teacher, MET, torch.eye(net.candidates.shape[1]), lambda share: None)
    assert found.read.all()
    scores = found.hidden.astype(np.float32) @ net.candidates.numpy().T
    before = histories([[0, 1, 2], [], [14, 15]])
    last = [3, 4, 7]  # the last interactions of the three who have any
    assert np.abs(scores[last] - teacher.score(before)).mean() < 0.25 * teacher.score(before).std()
    narrow = held(teacher, MET, torch.eye(net.candidates.shape[1], 4), lambda share: None)
    np.testing.assert_array_equal(narrow.hidden, found.hidden[:, :4])


def test_a_place_that_the_teacher_does_not_see_is_not_read():
    teacher = fitted("sasrec", blocks(), settings=READS | {"length": 3})
    found = held(teacher, MET, torch.eye(teacher._fitted().candidates.shape[1]), lambda share: None)
    assert found.read.tolist() == [False, False, True, True, True, False, True, True]


def test_a_narrower_student_keeps_the_products_with_items_best():
    """Rows of rank 2 in four numbers: two numbers suffice for every product."""
    draws = torch.Generator().manual_seed(0)
    rows = torch.randn(9, 2, generator=draws) @ torch.randn(2, 4, generator=draws)
    narrow, wide = onto(rows, 2), onto(rows, 6)
    torch.testing.assert_close((rows @ narrow) @ (rows @ narrow).T, rows @ rows.T, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(rows @ wide, torch.nn.functional.pad(rows, (0, 2)))
    assert onto(rows[:1], 3).shape == (4, 3)


def net_of(**settings: Any) -> Net:
    config = SASRecConfig(factors=8, heads=2, **settings)
    return Net(Items(9, 8, "id", None), config).eval()


def test_a_student_built_like_its_teacher_begins_as_it():
    """One layer each: at once they read alike, as far as the shorter reads."""
    teacher, student, other = net_of(blocks=1, length=6), net_of(blocks=1, length=4), net_of(blocks=2, length=6)
    take_over(student, teacher, torch.eye(8))
    take_over(other, teacher, torch.eye(8))
    ids, lengths = torch.tensor([[9, 1, 2, 3]]), torch.tensor([4])
    told = [net(net.tokens(ids), lengths, only_last=False) for net in (student, teacher)]
    torch.testing.assert_close(*told)
    torch.testing.assert_close(other.blocks[0].qkv.weight, teacher.blocks[0].qkv.weight)
    narrow = Net(Items(9, 4, "id", None), SASRecConfig(factors=4, heads=2, blocks=1, length=4))
    take_over(narrow, teacher, onto(teacher.candidates, 4))
    torch.testing.assert_close(narrow.candidates, teacher.candidates @ onto(teacher.candidates, 4))


def test_one_person_is_read_as_many_are():
    teacher = fitted("sasrec", blocks(), settings=READS)
    config = StudentConfig(factors=16, length=5, epochs=2, batch=16)
    student = Student(config).fit(
        blocks(), parents={"sasrec": teacher}, rng=np.random.default_rng(0), report=lambda *_: None
    )
    asked = histories([[0, 1, 2, 3], [13], [], [14, 15, 14], [0, 1, 2, 3, 4], list(range(9))])
    assert Alone.can_read(student._fitted()) and not Alone.can_read(net_of(blocks=2, length=4))
    together = student.score(asked)
    for row in range(len(asked)):
        one = asked.select(np.array([row]))
        np.testing.assert_allclose(student.score(one)[0], together[row], rtol=1e-4, atol=1e-5)
        some = student.score(one, items=np.array([4, 2]))
        np.testing.assert_allclose(some, student.score(one)[:, [4, 2]], rtol=1e-5)


def test_a_student_becomes_like_its_teacher_inside():
    train = blocks(n_people=100)
    teacher, apart = fitted("sasrec", train, settings=READS), []

    def inside(model: Any) -> Any:
        return held(model, MET, torch.eye(16), lambda share: None).hidden.astype(np.float32)

    for weight in (0.0, 3.0):
        config = StudentConfig(factors=16, length=12, epochs=8, batch=16, learning_rate=3e-3, hidden=weight, soft=0.0)
        student = Student(config).fit(
            train, parents={"sasrec": teacher}, rng=np.random.default_rng(0), report=lambda *_: None
        )
        apart.append(np.square(inside(student) - inside(teacher)).mean())
    assert apart[1] < 0.7 * apart[0]


def test_a_resumed_student_of_one_that_reads_sequences_is_the_same():
    train, kept = blocks(), Kept()
    teacher = fitted("sasrec", train, settings=READS)
    config = StudentConfig(factors=16, length=8, epochs=3, batch=16)

    def made(report: Any, **resume: Any) -> Any:
        rng = np.random.default_rng(0)
        return Student(config).fit(train, parents={"sasrec": teacher}, rng=rng, report=report, **resume).state()

    whole = made(kept)
    resumed = made(Kept(), resume=kept.states[0])
    assert all(np.array_equal(resumed[name], array) for name, array in whole.items())
