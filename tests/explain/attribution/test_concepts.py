"""Sensitivity to categories, on a network whose derivative along each is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from explain.attribution import concepts
from explain.attribution.concepts import Asked
from recommender.data.dataset import Histories, Int
from tests.recommender.builders import histories

CATEGORIES = [["A"], ["A"], ["A"], ["B"], ["B"], ["B"], ["C"], ["C"], [], []]


class Gated:
    """Items are one-hot by category. Item 9 scores the mean of A in the history − the mean of B, each squared and
    signed, so that the derivative is positive along A, negative along B and 0 along C; all other items score 0."""

    name = "gated"

    def embed(self, met: Histories) -> dict[str, Any]:
        width = int(met.lengths.max())
        places = np.full((len(met), width), -1)
        for row in range(len(met)):
            places[row, : met.lengths[row]] = np.arange(met.indptr[row], met.indptr[row + 1])
        tokens = np.zeros((len(met), width, 3), dtype=np.float32)
        for row, column in zip(*np.nonzero(places >= 0), strict=True):
            said = CATEGORIES[met.items[places[row, column]]]
            if said:
                tokens[row, column, "ABC".index(said[0])] = 1
        return {"tokens": torch.from_numpy(tokens).requires_grad_(), "places": torch.from_numpy(places)}

    def score_embedded(self, embedded: Any, met: Histories, items: Int) -> Any:
        lengths = torch.from_numpy(met.lengths)[:, None]
        mean = embedded["tokens"].sum(dim=1) / lengths
        score = (0.1 + mean[:, 0]) ** 2 - (0.1 + mean[:, 1]) ** 2
        return score[:, None] * torch.from_numpy((items == 9).astype(np.float32))


def people(n: int = 120, seed: int = 0) -> Histories:
    rng = np.random.default_rng(seed)
    rows = []
    for at in range(n):
        kind = at % 3
        rows.append(
            [int(rng.integers(3)) + 3 * (kind if rng.random() < 0.7 else int(rng.integers(3))) for _ in range(6)]
        )
    return histories([[min(item, 8) for item in row] for row in rows])


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, Any]]:
    examples = people()
    asked = Asked(examples.select(np.arange(40)), np.full(40, 9), examples)
    return {row["concept"]: row for row in concepts.concepts(Gated(), asked, CATEGORIES, seed=3)}


def test_along_a_category_that_raises_everyone_gains_and_along_one_that_lowers_nobody(found: dict[str, Any]):
    assert found["A"]["share"] > 0.95
    assert found["B"]["share"] < 0.05
    assert found["A"]["p_holm"] < 0.05
    assert found["B"]["p_holm"] < 0.05
    assert found["A"]["low"] <= found["A"]["share"] <= found["A"]["high"]


def test_classifiers_tell_rich_histories_apart(found: dict[str, Any]):
    assert all(row["found"] > 0.8 for row in found.values())
    assert all(row["examples"] >= concepts.FEWEST for row in found.values())


def test_the_gradient_along_a_step_of_all_places_is_that_of_the_mean():
    met = histories([[0, 3, 6]])
    slopes = concepts.slopes(Gated(), met, np.array([[9]]), np.array([8]))
    # means are 1/3 each: d/dA (.1 + a)² = 2 (.1 + 1/3), d/dB the same with the other sign, d/dC 0
    np.testing.assert_allclose(slopes[0], [2 * (0.1 + 1 / 3), -2 * (0.1 + 1 / 3), 0], atol=1e-6)
    over_itself = concepts.slopes(Gated(), met, np.array([[9]]), np.array([9]))
    np.testing.assert_allclose(over_itself, 0, atol=1e-7)


def test_states_are_means_over_real_places():
    met = histories([[0, 3], [6]])
    np.testing.assert_allclose(concepts.embedded(Gated(), met), [[0.5, 0.5, 0], [0, 0, 1]])


def test_a_category_of_too_few_histories_is_not_asked_about():
    few = histories([[0]] * 10 + [[3]] * 40)
    asked = Asked(few, np.full(50, 9), few)
    assert [row["concept"] for row in concepts.concepts(Gated(), asked, CATEGORIES)] == ["B"]


def test_equal_samples_do_not_differ_and_p_is_never_nothing():
    rng = np.random.default_rng(0)
    assert concepts.permutation_p(np.ones(20), np.ones(20), rng) == 1
    assert concepts.permutation_p(np.ones(20), np.zeros(20), rng) == pytest.approx(1 / 10_001)


def test_only_networks_that_read_place_by_place_can_be_asked():
    assert concepts.able(Gated(), people(3))
    assert not concepts.able(object(), people(3))  # type: ignore[arg-type]
    assert not concepts.able(Gated(), histories([]))
