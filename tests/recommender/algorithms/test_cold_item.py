"""Items that nobody met, and items that came after the training."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recommender.algorithms.cold_item import ColdItem, ColdItemConfig, some_of
from recommender.algorithms.teachers import OfEASE, OfIALS
from recommender.data.dataset import Dataset
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks, histories, two_tastes

NEW = np.array([0, 1, 22, 23])
LIKE = two_tastes(24)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Four of the items, two of either taste, were never met."""
    made = blocks(n_people=200)
    return made.with_histories(made.histories.keep(~np.isin(made.histories.items, NEW)))


@pytest.fixture(scope="module", params=["ials", "ease"])
def model(request: pytest.FixtureRequest, data: Dataset) -> ColdItem:
    teacher = fitted(request.param, data, settings={"factors": 4} if request.param == "ials" else {})
    made = ColdItem(ColdItemConfig(teacher=request.param, factors=4, hidden=8, batch=8, epochs=3))
    return made.fit(data, parents={request.param: teacher}, rng=np.random.default_rng(0), report=lambda *_: None)


ASKED = histories([[2, 3, 4, 5], [13, 14, 15, 16]])


def test_items_nobody_met_are_told_by_what_is_said_of_them(model: ColdItem) -> None:
    scores = model.score(ASKED, items=NEW)
    assert scores[0, :2].min() > scores[0, 2:].max()
    assert scores[1, 2:].min() > scores[1, :2].max()


def test_items_that_come_later_are_too_and_change_no_other(model: ColdItem) -> None:
    before, vectors = model.score(ASKED), model._vectors
    try:
        model.extend(LIKE[[5, 20]])
        after = model.score(histories([[2, 3, 4, 5, 24], [13, 14, 15, 16]]))
    finally:
        model._vectors = vectors
    np.testing.assert_allclose(after[:, :24], before, rtol=1e-5, atol=1e-6)
    assert after[0, 24] > after[0, 25]
    assert after[1, 25] > after[1, 24]


def test_the_first_who_take_an_item_move_it_towards_themselves(model: ColdItem) -> None:
    nothing_said, person = np.zeros((1, 384), dtype=np.float32), model.people(ASKED)[1]
    takers = histories([[13, 14, 15], [14, 15, 16], [17, 18, 19]])
    alone, moved = model.told(nothing_said)[0], model.told(nothing_said, [takers])[0]
    assert person @ moved > person @ alone
    np.testing.assert_allclose(model.told(nothing_said, [histories([])])[0], alone, rtol=1e-5, atol=1e-6)


def test_it_keeps_its_teacher(model: ColdItem) -> None:
    back = ColdItem(model.config).load_state(model.state())  # type: ignore[arg-type]
    assert type(back._teacher) is type(model._teacher)
    np.testing.assert_array_equal(back.people(ASKED), model.people(ASKED))
    np.testing.assert_array_equal(back.told(LIKE[:2]), model.told(LIKE[:2]))


def test_a_teacher_is_vectors(data: Dataset) -> None:
    """Of ials exactly; of ease, with as many numbers as it has items less one, nearly."""
    ials, ease = fitted("ials", data), fitted("ease", data)
    for model, teacher in ((ials, OfIALS(ials)), (ease, OfEASE.of(ease, 23))):  # type: ignore[arg-type]
        np.testing.assert_allclose(teacher.people(ASKED) @ teacher.items.T, model.score(ASKED), atol=0.02)


def test_never_all_of_the_takers_are_given() -> None:
    took = np.zeros((30, 4), dtype=np.float32)
    took[:25, 0] = took[:2, 1] = took[0, 2] = 1
    for seed in range(5):
        given = some_of(took, np.random.default_rng(seed))
        assert (given <= took).all()
        assert given[:, 0].sum() <= 20
        assert given[:, 1].sum() <= 1
        assert not given[:, 2:].any()


def test_without_any_text_it_learns_from_fields_alone(data: Dataset) -> None:
    made = fitted("cold_item", replace(data, item_vectors=None))
    assert np.isfinite(made.score(ASKED)).all()
