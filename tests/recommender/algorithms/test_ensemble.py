"""The ensemble, with values worked by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from recommender.algorithms.ensemble import Ensemble, EnsembleConfig, learned_weights, ranked, standardised
from recommender.algorithms.popularity import Popularity
from recommender.data.dataset import Holdout
from recommender.exceptions import BadConfig, NotTrainable
from tests.recommender.builders import dataset, histories


class Fixed(Popularity):
    """Gives everyone the same scores."""

    def __init__(self, *scores: float) -> None:
        super().__init__()
        self._weights = np.array(scores, dtype=np.float32)


DATA = dataset([[0, 1, 2, 3]], 4)
MEMBERS = {"ease": Fixed(4, 3, 2, 1), "ials": Fixed(0, 5, 9, 1)}


def made(config: EnsembleConfig, validation: Holdout | None = None, members: Any = None) -> Ensemble:
    rng = np.random.default_rng(0)
    given = {"validation": validation, "parents": members or MEMBERS}
    return Ensemble(config).fit(DATA, rng=rng, report=lambda *_: None, **given)


def test_fusion_adds_reciprocal_ranks_of_what_was_not_met() -> None:
    """Item 0 was met. ease ranks 1, 2, 3 as 1st, 2nd, 3rd; ials ranks 2, 1, 3. With k = 1 and equal weights item 1 has
    (1/2 + 1/3) / 2 = 5/12, item 2 (1/3 + 1/2) / 2 = 5/12, item 3 1/4."""
    scores = made(EnsembleConfig(members="ease,ials", method="rrf", rrf_k=1)).score(histories([[0]]))
    assert scores[0, 1:].tolist() == pytest.approx([5 / 12, 5 / 12, 1 / 4])


def test_stacking_weighs_minus_the_logarithm_of_ranks() -> None:
    """Weights 3 : 1, nothing met: item 2 is 3rd and 1st, so −(3/4 ln 3 + 1/4 ln 1)."""
    scores = made(EnsembleConfig(members="ease,ials", weights="3,1")).score(histories([[]]))
    by_hand = [
        -(0.75 * math.log(first) + 0.25 * math.log(second)) for first, second in ((1, 4), (2, 2), (3, 1), (4, 3))
    ]
    assert scores[0].tolist() == pytest.approx(by_hand)


def test_standardised_scores_leave_out_what_was_met() -> None:
    """Of 1, 3, 5 (the 100 was met) the mean is 3 and the variance 8/3."""
    scores = np.array([[100, 1, 3, 5]], dtype=np.float32)
    found = standardised(scores, histories([[0]]))[0]
    assert found[1:].tolist() == pytest.approx([-2 / math.sqrt(8 / 3), 0, 2 / math.sqrt(8 / 3)])


def test_scores_that_are_all_alike_weigh_nothing_and_rank_the_lower_item_first() -> None:
    scores = np.full((1, 3), 7, dtype=np.float32)
    assert standardised(scores, histories([[]])).tolist() == [[0, 0, 0]]
    assert ranked(scores, histories([[1]])).tolist() == [[1, 3, 2]]


def test_who_has_met_everything_is_answered_all_the_same() -> None:
    asked = histories([[0, 1, 2, 3]])
    for normalisation in ("rank", "zscore"):
        assert np.isfinite(made(EnsembleConfig(members="ease,ials", normalisation=normalisation)).score(asked)).all()


def test_learned_weights_are_log_odds_of_what_was_chosen() -> None:
    """Three candidates: the first member speaks for the first, the second for the second, nobody for the third. Of ten
    people six chose the first, three the second, one the third: e^w₁ : e^w₂ : 1 = 6 : 3 : 1, so w = (ln 6, ln 3)."""
    features = np.tile(np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32), (10, 1, 1))
    items = np.array([0] * 6 + [1] * 3 + [2])
    found = learned_weights(features, np.arange(10), items, np.zeros((10, 3), dtype=bool), pull=0)
    assert found == pytest.approx([math.log(6) / math.log(18), math.log(3) / math.log(18)], abs=1e-3)


def test_a_pull_holds_weights_together() -> None:
    """One person chose the first: with d = w₁ − w₂ and w₁ + w₂ = 1 the loss is ln(1 + e^−d) + p d² / 4, so that
    1 / (1 + e^d) = p d / 2, which for p = 4 is solved by d = .2224."""
    features, barred = np.eye(2, dtype=np.float32)[None], np.zeros((1, 2), dtype=bool)
    found = learned_weights(features, np.array([0]), np.array([0]), barred, pull=4)
    difference = found[0] - found[1]
    assert 1 / (1 + math.exp(difference)) == pytest.approx(2 * difference, abs=1e-5)
    assert difference == pytest.approx(0.2224, abs=1e-3)


def test_what_was_met_is_no_candidate() -> None:
    """Were item 1 a candidate, the second member would be right for having ranked it low."""
    features = np.array([[[0, 0], [9, 0], [1, 0]]], dtype=np.float32)
    barred = np.array([[False, True, False]])
    found = learned_weights(features, np.array([0]), np.array([2]), barred, pull=1)
    assert found[0] > found[1]


def test_the_member_that_knows_gets_the_weight_and_it_is_written_down() -> None:
    people = 40
    asked, targets = histories([[0]] * people), histories([[3]] * people)
    members = {"ease": Fixed(1, 1, 2, 3), "ials": Fixed(3, 2, 1, 0)}
    told: list[Any] = []
    model = Ensemble(EnsembleConfig(members="ease,ials", pull=0)).fit(
        DATA, validation=Holdout(np.arange(people), asked, targets), parents=members, rng=np.random.default_rng(0),
        report=lambda progress, metrics, state: told.append(metrics),
    )  # fmt: skip
    assert model.weights() == {"ease": 1.0, "ials": 0.0}
    assert model.refit_config() == EnsembleConfig(members="ease,ials", pull=0, weights="1.000000,0.000000")
    assert told[-1] == {"ndcg@10": 1.0, "weight ease": 1.0, "weight ials": 0.0}


def test_without_validation_all_weigh_the_same() -> None:
    assert made(EnsembleConfig(members="ease,ials")).weights() == {"ease": 0.5, "ials": 0.5}


def test_a_missing_member_is_named() -> None:
    with pytest.raises(NotTrainable, match="item_knn"):
        made(EnsembleConfig(members="ease,item_knn"))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"members": ""}, "members"),
        ({"members": "ease,ease"}, "members"),
        ({"members": "ease,ensemble"}, "members"),
        ({"members": "ease,magic"}, "members"),
        ({"members": "ease,user_knn"}, "members"),
        ({"members": "ease,ials", "weights": "1"}, "weights"),
        ({"members": "ease,ials", "weights": "1,x"}, "weights"),
        ({"members": "ease,ials", "weights": "0,0"}, "weights"),
        ({"members": "ease,ials", "weights": "2,-1"}, "weights"),
        ({"method": "magic"}, "method"),
    ],
)
def test_nonsense_is_refused_by_name(given: dict[str, Any], field: str) -> None:
    with pytest.raises(BadConfig) as caught:
        EnsembleConfig.from_mapping(given)
    assert caught.value.field == field
