"""Tuning of the sentence encoder: adapters begin as nothing, learn who meets what, resume exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from recommender.algorithms.base import State
from recommender.algorithms.content import Content, ContentConfig
from recommender.algorithms.content_tuning import LowRank, Tuner, Tuning, neighbours, tuned_map
from recommender.data.dataset import Dataset
from recommender.data.text_encoder import SentenceEncoder
from tests.recommender.builders import dataset, histories

WORDS = ("sailors", "bakers", "wizards", "miners", "pilots", "nurses")
CONFIG = ContentConfig(encoder="tuned", rank=2, blocks=1, epochs=3, pairs=64, pieces=8, learning_rate=0.01, labels=0.0)


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Even items go with even ones and odd with odd ones, which their texts do not say."""
    texts = np.array([f"A story of {word}" for word in WORDS], dtype=object)
    vectors = SentenceEncoder("float32").encode(texts.tolist())
    people = [[0, 2, 4], [1, 3, 5], [2, 4, 0], [5, 1, 3]] * 4
    return replace(dataset(people, 6), item_texts=texts, item_vectors=vectors)


def tuner(data: Dataset) -> Tuner:
    return Tuner(data, Tuning(2, 1, 3, 64, 8, 0.01, 0.07), np.random.default_rng(0))


class Kept:
    def __init__(self) -> None:
        self.states, self.losses = list[State](), list[float]()

    def __call__(self, progress: float, metrics: Mapping[str, float], state: State | None) -> None:
        if state is not None:
            self.states.append(state)
            self.losses.append(metrics["loss"])


def trained(data: Dataset, *, config: ContentConfig = CONFIG, **more: object) -> Content:
    given = {"rng": np.random.default_rng(0), "report": Kept()} | more
    return Content(config).fit(data, **given)


def test_an_adapter_adds_a_product_of_two_thin_matrices():
    base = nn.Linear(2, 2, bias=False)
    base.weight.data = torch.eye(2)
    layer = LowRank(base, 1, torch.Generator())
    x = torch.tensor([[3.0, 5.0]])
    assert torch.equal(layer(x), x)
    layer.down.data, layer.up.data = torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0], [0.0]])
    assert layer(x).tolist() == [[3.0 + 2 * 8.0, 5.0]]


def test_before_it_learns_the_vectors_are_those_of_the_encoder(data: Dataset):
    frozen = data.item_vectors
    assert frozen is not None
    assert (tuner(data).vectors() * frozen).sum(axis=1).min() > 0.998  # bfloat16 below the tuned block


def test_pairs_are_what_someone_met_within_three_steps_and_liked():
    rated = replace(histories([[0, 1, 2, 3, 4], [3]]), values=np.array([5, 1, 5, 5, 5, 1], dtype=np.float32))
    found = neighbours(rated, np.array([0, 2, 3, 4]), 5).tolist()
    assert sorted(found) == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]


def test_items_that_are_met_together_come_nearer(data: Dataset):
    kept = Kept()
    model = Content(CONFIG).fit(data, rng=np.random.default_rng(0), report=kept)
    assert kept.losses[-1] < kept.losses[0]
    frozen = Content(CONFIG.replace(encoder="frozen")).fit(data, rng=np.random.default_rng(0), report=Kept())
    for first, together in ((0, [2, 4]), (1, [3, 5])):
        before, after = (each.score(histories([[first]]))[0] for each in (frozen, model))
        assert after[together].mean() - before[together].mean() > 0.2


def test_a_resumed_tuning_equals_an_uninterrupted_one(data: Dataset):
    kept = Kept()
    whole = Content(CONFIG).fit(data, rng=np.random.default_rng(0), report=kept).state()
    resumed = trained(data, resume=kept.states[0], rng=np.random.default_rng(9)).state()
    assert {name.split(".")[1] for name in whole if name.startswith("tuned.")} == {"map", "adapter"}
    for name, array in whole.items():
        assert np.array_equal(array, resumed[name])
    back = Content(CONFIG).load_state(whole)
    assert np.array_equal(back.score(histories([[0]])), Content(CONFIG).load_state(resumed).score(histories([[0]])))


def test_the_map_is_least_squares_drawn_towards_leaving_alone():
    frozen = np.zeros((2, 384))
    frozen[0, 0] = frozen[1, 1] = 3.0
    found = tuned_map(frozen, (frozen[::-1]).astype(np.float32))
    assert found[0, :2].tolist() == pytest.approx([0.1, 0.9])  # (9 + 1)⁻¹ (9 · [0, 1] + 1 · [1, 0])
    assert found[5, 5] == pytest.approx(1.0)


def test_items_that_came_later_go_through_the_map(data: Dataset):
    frozen, model = trained(data, config=CONFIG.replace(encoder="frozen")), trained(data)
    assert data.item_vectors is not None
    before, after = (each.extend(data.item_vectors[[2]]).score(histories([[0]]))[0] for each in (frozen, model))
    assert before[6] == pytest.approx(before[2], abs=1e-6)
    assert before[2] < after[6] < after[2]  # six items say less of the space than they say of themselves
