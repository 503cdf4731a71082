"""Settings, ranks, the best k and the masking of what was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from recommender.algorithms import registry
from recommender.algorithms.base import Config, describe, hyper, mask_seen, mean_ndcg, ndcg, ranks_of, top_k
from recommender.algorithms.popularity import Popularity
from recommender.data.splits import leave_last_out
from recommender.evaluation.protocol import evaluate
from recommender.exceptions import BadConfig, UnknownAlgorithm
from tests.recommender.builders import blocks, histories


@dataclass(frozen=True)
class Example(Config):
    size: int = hyper(4, "A size.", low=1, high=9)
    rate: float = hyper(0.5, "A rate.", low=0)
    kind: str = hyper("a", "A kind.", choices=("a", "b"))
    wide: bool = hyper(False, "Whether wide.")
    limit: int | None = hyper(None, "A limit.", low=1)


def test_strings_become_what_was_declared() -> None:
    given = {"size": "7", "rate": "1e-2", "kind": "b", "wide": "yes", "limit": "none"}
    assert Example.from_mapping(given) == Example(size=7, rate=0.01, kind="b", wide=True, limit=None)
    assert Example.from_mapping({"limit": "3"}).limit == 3


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"size": "0"}, "size"), ({"size": 10}, "size"), ({"size": "x"}, "size"), ({"size": 1.5}, "size"),
        ({"size": True}, "size"), ({"rate": "nan"}, "rate"), ({"rate": -1}, "rate"), ({"kind": "c"}, "kind"),
        ({"wide": "perhaps"}, "wide"), ({"limit": 0}, "limit"), ({"other": 1}, "other"), ({"size": None}, "size"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_naming_the_setting(given: dict[str, object], field: str) -> None:
    with pytest.raises(BadConfig) as caught:
        Example.from_mapping(given)
    assert caught.value.field == field
    assert field in str(caught.value)


def test_settings_describe_themselves() -> None:
    assert describe(Example)[0] == {
        "name": "size", "type": "int", "default": 4, "optional": False, "help": "A size.", "low": 1, "high": 9,
        "choices": (), "tune": True,
    }  # fmt: skip
    assert describe(Example)[4]["optional"] is True


@pytest.mark.parametrize("name", list(registry.ALGORITHMS))
def test_every_setting_of_every_algorithm_says_what_it_means(name: str) -> None:
    assert registry.get(name).name == name
    for row in describe(registry.config_class(name)):
        assert row["help"].endswith(".")


def test_an_unknown_algorithm_is_told_with_the_known() -> None:
    with pytest.raises(UnknownAlgorithm, match="ease"):
        registry.get("nonsense")


def test_the_best_k_with_ties_to_the_lower_column() -> None:
    scores = np.array([[1, 3, 3, 2], [0, 0, 0, 0]], dtype=np.float32)
    items, values = top_k(scores, 3)
    assert items.tolist() == [[1, 2, 3], [0, 1, 2]]
    assert values.tolist() == [[3, 3, 2], [0, 0, 0]]


def test_seen_items_are_no_candidates() -> None:
    scores = mask_seen(np.ones((2, 3), dtype=np.float32), histories([[0, 1], [2]]))
    assert top_k(scores, 5)[0].tolist() == [[2, -1, -1], [0, 1, -1]]
    assert top_k(scores[:, :0], 5)[0].shape == (2, 0)


def test_ranks_agree_with_the_lists() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(5, size=(50, 12)).astype(np.float32)
    items, _ = top_k(scores, 12)
    for place in range(12):
        assert (ranks_of(scores, np.arange(50), items[:, place]) == place + 1).all()


def test_a_seen_item_has_no_rank() -> None:
    scores = mask_seen(np.ones((1, 3), dtype=np.float32), histories([[1]]))
    assert ranks_of(scores, np.array([0, 0]), np.array([1, 2])).tolist() == [np.inf, 2]


def test_a_score_that_is_no_number_has_no_rank() -> None:
    """Else an epoch that diverged would look perfect to early stopping."""
    scores = np.array([[np.nan, np.nan, np.nan], [1, np.nan, 2]], dtype=np.float32)
    assert ranks_of(scores, np.array([0, 1]), np.array([1, 0])).tolist() == [np.inf, 2]


def test_early_stopping_watches_what_the_evaluation_reports() -> None:
    data = blocks()
    split = leave_last_out(data)
    model = Popularity().fit(split.train, rng=np.random.default_rng(0), report=lambda *_: None)
    expected = evaluate(model, split.validation, data).summary["ndcg@10"]
    assert ndcg(model, split.validation, batch=7) == pytest.approx(expected)


def test_what_a_recommender_can_do_is_known_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.ALGORITHMS, "stars", "nowhere:Stars")
    assert registry.abilities("stars") == {"ranking"}
    monkeypatch.setitem(registry.RATING, "stars", False)
    assert registry.abilities("stars") == {"rating"}
    monkeypatch.setitem(registry.RATING, "stars", True)
    assert registry.abilities("stars") == {"ranking", "rating"}
    with pytest.raises(UnknownAlgorithm):
        registry.abilities("nothing")


def test_what_stops_trainings_is_a_mean_over_people() -> None:
    """One with two targets at ranks 1 and 11, one with one at rank 3, one who is asked nothing."""
    targets = histories([[0, 1], [2], []])
    found = mean_ndcg(np.array([1.0, 11.0, 3.0]), targets)
    assert found == pytest.approx((1 / (1 + 1 / np.log2(3)) + 1 / np.log2(4)) / 2)
