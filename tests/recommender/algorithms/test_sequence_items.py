"""Items told by id, by text or by both: what a text says counts for items that training never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from recommender.algorithms.sasrec import SASRec, SASRecConfig
from recommender.algorithms.sequence_items import Items
from recommender.data.dataset import Dataset, Float
from recommender.exceptions import NotTrainable
from tests.recommender.builders import blocks, histories

NEVER = 23
"""An item that nobody met."""


def vectors(rows: int = 24) -> Float:
    """Both halves of the catalog point their own way, each item a little its own; of length 1."""
    rng = np.random.default_rng(3)
    found = 0.3 * rng.standard_normal((rows, 8)).astype(np.float32)
    found[: rows // 2, 0] += 2
    found[rows // 2 :, 1] += 2
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def catalog() -> Dataset:
    data = blocks(n_people=80)
    kept = data.histories.keep(data.histories.items != NEVER)
    return replace(data, histories=kept, item_vectors=vectors())


def fitted(items: str, data: Dataset) -> SASRec:
    config = SASRecConfig(factors=16, length=8, epochs=8, batch=16, items=items, learning_rate=0.01, dropout=0.0)
    return SASRec(config).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)


@pytest.fixture(scope="module")
def trained() -> dict[str, SASRec]:
    return {by: fitted(by, catalog()) for by in ("text", "both")}


def test_rows_by_hand() -> None:
    # items 0 and 1 have the texts (1, 0) and (0, 2), item 2 has none; the map doubles and adds up
    items = Items(3, 2, "text", np.array([[1, 0], [0, 2], [0, 0]], dtype=np.float32))
    assert items.map is not None
    with torch.no_grad():
        items.own.copy_(torch.tensor([[9.0, 9], [9, 9], [5, 6], [7, 8]]))
        items.map.weight.copy_(torch.tensor([[2.0, 0], [1, 1]]))
    assert items().tolist() == [[2, 1], [0, 2], [5, 6], [7, 8]]  # those without a text have a row of their own
    items.by = "both"
    assert items.eval()().tolist() == [[11, 10], [9, 11], [5, 6], [7, 8]]
    items.bake()
    items.extend(np.array([[1, 1], [0, 0]], dtype=np.float32))
    assert items().tolist() == [[11, 10], [9, 11], [5, 6], [2, 2], [0, 0], [7, 8]]


def test_the_map_starts_as_the_ridge_regression() -> None:
    told = vectors()
    items = Items(24, 4, "both", told)
    items.start_from(np.random.default_rng(0).standard_normal((24, 4)).astype(np.float32))
    assert items.map is not None
    wanted = items.eval()().detach().numpy()[:-1]
    expected = np.linalg.solve(told.T @ told + np.eye(8), told.T @ wanted).T
    np.testing.assert_allclose(items.map.weight.detach().numpy(), expected, rtol=1e-3, atol=1e-5)
    assert wanted.std() == pytest.approx(0.02, rel=1e-3)


def test_an_item_never_seen_is_ranked_by_its_text() -> None:
    data = catalog()
    told = data.item_vectors
    assert told is not None
    near = replace(data, item_vectors=np.concatenate([told[:-1], told[14:15]]))
    far = replace(data, item_vectors=np.concatenate([told[:-1], told[2:3]]))
    asked = histories([[12, 13, 14]])
    liked, other = (fitted("text", each).score(asked)[0] for each in (near, far))
    assert liked[NEVER] == pytest.approx(liked[14], abs=1e-4)  # the same text, the same score
    assert liked[NEVER] - liked[:12].max() > 0 > other[NEVER] - other[12:NEVER].max()


def copied(model: SASRec) -> SASRec:
    return SASRec(model.config).load_state(model.state())


@pytest.mark.parametrize("by", ["text", "both"])
def test_items_that_came_later_stand_at_the_end(by: str, trained: dict[str, SASRec]) -> None:
    asked = histories([[12, 13, 14], [1, 2, 3], []])
    before, longer = trained[by].score(asked), copied(trained[by])
    assert longer.extend(np.concatenate([vectors()[15:16], vectors()[4:5]])) is longer
    longer.extend(np.zeros((1, 8), dtype=np.float32))
    after = longer.score(asked)
    assert after.shape == (3, 27)
    np.testing.assert_allclose(after[:, :24], before, rtol=1e-4, atol=1e-5)
    assert after[0, 24] > after[0, 25]  # who likes the second half is offered what reads like it
    assert after[1, 25] > after[1, 24]
    assert (after[:, 26] < after[:, :26].min(axis=1)).all()  # of which nothing is said
    np.testing.assert_allclose(longer.score(asked, items=np.array([26, 24])), after[:, [26, 24]], rtol=1e-4)
    assert longer.score(histories([[12, 24]])).shape == (1, 27)  # and a new item may be part of a history


def test_by_id_what_came_later_comes_last() -> None:
    after = fitted("id", catalog()).extend(vectors(2)).score(histories([[1, 2]]))
    assert np.isfinite(after).all()
    assert (after[:, 24:] < after[:, :24].min()).all()


def test_no_vector_is_kept(trained: dict[str, SASRec]) -> None:
    assert set(trained["both"].state()) - set(fitted("id", catalog()).state()) == {"items.map.weight"}


@pytest.mark.parametrize("by", ["text", "both"])
def test_a_resumed_training_by_text_equals_an_uninterrupted_one(by: str) -> None:
    states = []
    config = SASRecConfig(factors=16, length=8, epochs=3, batch=16, items=by)
    options = {"rng": np.random.default_rng(0)}
    whole = SASRec(config).fit(catalog(), report=lambda *told: states.append(told[2]), **options)
    resumed = SASRec(config).fit(catalog(), report=lambda *_: None, resume=states[1], rng=np.random.default_rng(0))
    assert all(np.array_equal(resumed.state()[key], array) for key, array in whole.state().items())


def test_without_any_text_it_says_so() -> None:
    with pytest.raises(NotTrainable, match="items=id"):
        fitted("text", replace(blocks(), item_vectors=None))


def test_only_text_asks_for_vectors() -> None:
    assert not SASRec.needs_text(SASRecConfig())
    assert SASRec.needs_text(SASRecConfig(items="both"))
