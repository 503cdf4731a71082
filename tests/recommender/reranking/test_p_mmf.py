from __future__ import annotations

import numpy as np

from recommender.reranking.p_mmf import PMMF, _moved
from recommender.reranking.pricing import by_item, exposures
from tests.recommender.builders import histories
from tests.recommender.reranking.builders import candidates, known


def test_a_move_lowers_the_price_of_what_was_shown() -> None:
    """Two classes of half the items each, all exposure on the first: e/γ = 2 and 0, θ ∝ (e^−.2, 1)."""
    found = _moved(np.array([0.5, 0.5]), np.array([3.0, 0.0]), np.array([0.5, 0.5]))
    np.testing.assert_allclose(found, np.array([np.exp(-0.2), 1]) / (1 + np.exp(-0.2)))


def test_an_item_of_several_classes_gains_their_mean() -> None:
    assert by_item(np.array([1.0, 3.0]), known([[1, 0], [1, 1], [0, 0]]).members).tolist() == [1.0, 2.0, 0.0]


def test_the_least_shown_provider_is_shown_as_much_as_the_other_where_little_speaks_against_it() -> None:
    """Everyone prefers the items of a by a little, by amounts that differ between people."""
    rng = np.random.default_rng(0)
    ahead = rng.random(400) * 0.1
    asked = candidates([[0, 1, 2, 3]] * 400, [[0.25 + by, 0.25 + by, 0.25 - by, 0.25 - by] for by in ahead])
    members, met = known([[1, 0], [1, 0], [0, 1], [0, 1]]), histories([[]] * 400)
    least = []
    for strength in (0.0, 0.1, 0.5):
        made = PMMF(strength, members, k=2).learn(asked, met)
        of = exposures(made.lists(asked, met), 4) @ members.members
        least.append(of.min() / of.sum())
    assert least[0] == 0 < least[1] < least[2] and least[2] > 0.4
