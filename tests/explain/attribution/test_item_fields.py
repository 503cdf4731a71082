"""What is said of a person, of the moment and of the item as units: masking nothing is the score, what is not read is
no unit, and Shapley values over the fields are those of all orders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from explain.attribution import registry
from explain.attribution.game import ATTRIBUTE, CONTEXT_FIELD, ITEM_FIELD, MARGIN, PROBABILITY, Game, Target
from explain.exceptions import CannotExplain
from recommender.algorithms import registry as registered
from recommender.algorithms.base import ItemFieldsMaskable, Recommender
from recommender.data.dataset import Dataset, Histories
from tests.explain.attribution.test_shapley import by_permutations
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks, histories

N_ITEMS = 24
READERS: dict[str, dict[str, Any]] = {
    "ncf": {"use_text": True},
    "fm": {},
    "maml": {"use_text": True},
    "anil": {},
    "ridge_head": {"use_text": True},
    "neural_process": {},
}
"""Algorithms that read fields of items, with what they are told to read."""


def told() -> Dataset:
    """Of 60 people a job, that nobody may read a secret (it is no column), a moment; of items genres and a year."""
    made = blocks()
    rng = np.random.default_rng(3)
    jobs = np.where(np.arange(60) % 2 == 0, "baker", "nurse").astype(object)
    moments = np.where(rng.random(len(made.histories.items)) < 0.5, "morning", "evening").astype(object)
    genres = [["left", "old"] if item < 12 else ["right"] for item in range(N_ITEMS)]
    met = replace(made.histories, fields={"job": jobs}, contexts={"moment": moments})
    return replace(
        made,
        histories=met,
        user_fields=pd.DataFrame({"job": jobs}),
        item_fields=pd.DataFrame({"categories": genres, "year": [1990 + item for item in range(N_ITEMS)]}),
    )


@pytest.fixture(scope="module")
def trained() -> dict[str, Recommender]:
    return {name: fitted(name, told(), settings={"epochs": 1, **settings}) for name, settings in READERS.items()}


def asked(items: list[int]) -> Histories:
    fields = {"job": "nurse", "secret": "yes", "context.moment": "morning", "context.weather": "rain"}
    return replace(histories([items]), fields={name: np.array([v], dtype=object) for name, v in fields.items()})


every = pytest.mark.parametrize("name", list(READERS))
ASKED = [13, 14, 15]


@every
def test_masking_nothing_is_the_score(name: str, trained: dict[str, Recommender]):
    model = trained[name]
    many = asked(ASKED).select(np.zeros(3, dtype=np.int64))
    for item in (3, 20):
        names = cast(ItemFieldsMaskable, model).item_field_names(item)
        found = cast(ItemFieldsMaskable, model).score_item(many, item, np.ones((3, len(names)), dtype=bool))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, model.score(many, items=np.array([item]))[:, 0], atol=1e-5)


@every
def test_what_is_known_of_the_item_is_what_is_read_of_it(name: str, trained: dict[str, Recommender]):
    names = set(cast(ItemFieldsMaskable, trained[name]).item_field_names(3))
    assert {"itself", "categories", "year"} <= names
    assert names - {"itself", "categories", "year"} == ({"text"} if READERS[name] else set())


@every
def test_each_thing_taken_away_changes_the_score_by_itself(name: str, trained: dict[str, Recommender]):
    model = cast(ItemFieldsMaskable, trained[name])
    names = model.item_field_names(3)
    known = np.ones((len(names) + 1, len(names)), dtype=bool)
    known[np.arange(len(names)), np.arange(len(names))] = False
    many = asked(ASKED).select(np.zeros(len(known), dtype=np.int64))
    found = model.score_item(many, 3, known)
    assert (np.abs(found[:-1] - found[-1]) > 1e-7).all()
    alone = [model.score_item(asked(ASKED), 3, row[None])[0] for row in known]
    np.testing.assert_allclose(found, alone, atol=1e-5)  # no row tells on another


@every
def test_sensitive_and_unread_fields_are_no_units(name: str, trained: dict[str, Recommender]):
    units = Game(trained[name], asked(ASKED), Target(3)).units
    read = {(unit.kind, unit.key) for unit in units if unit.kind in (ATTRIBUTE, CONTEXT_FIELD)}
    moment = {(CONTEXT_FIELD, "moment")} if name in ("ncf", "fm", "ridge_head", "neural_process") else set()
    assert read == {(ATTRIBUTE, "job")} | moment
    assert not [unit for unit in units if unit.kind == ITEM_FIELD]  # unless asked for


@every
@pytest.mark.parametrize("target", [Target(3), Target(3, MARGIN, (20, 21))])
def test_shapley_values_over_fields_are_those_of_all_orders(name: str, trained: dict[str, Recommender], target: Target):
    of = Game(trained[name], asked(ASKED), target, with_history=False, with_item_fields=True)
    found = registry.get("shapley").explain(of)
    kinds = [unit.kind for unit in found.units]
    assert kinds.count(ITEM_FIELD) >= 3
    assert set(kinds[: -kinds.count(ITEM_FIELD)]) <= {ATTRIBUTE, CONTEXT_FIELD}  # those come first
    np.testing.assert_allclose(found.values, by_permutations(few(of)), atol=1e-4)
    assert found.gap < 1e-5
    assert "nothing said of the item" in found.baseline
    whole = trained[name].score(asked(ASKED), items=target.items)[0].astype(float)
    assert found.prediction == pytest.approx(whole[0] - (whole[1:].mean() if target.others else 0), abs=1e-4)


def few(of: Game) -> Game:
    """The same game, whose values are remembered: all orders ask each coalition often."""
    kept: dict[bytes, float] = {}

    class Remembered:
        units = of.units

        def values(self, rows: np.ndarray) -> np.ndarray:
            for row in rows:
                if row.tobytes() not in kept:
                    kept[row.tobytes()] = float(of.values(row[None])[0])
            return np.array([kept[row.tobytes()] for row in rows])

    return cast(Game, Remembered())


@every
def test_ranks_are_those_of_the_item_with_what_is_left_of_it(name: str, trained: dict[str, Recommender]):
    of = Game(trained[name], asked(ASKED), Target(3), with_item_fields=True)
    kept = np.ones((2, len(of.units)), dtype=bool)
    kept[1, -1] = False
    scores = of.ranking(kept)
    np.testing.assert_allclose(scores[:, 3], of.values(kept), atol=1e-5)
    others = np.delete(scores, 3, axis=1)
    np.testing.assert_allclose(others[0], others[1], atol=1e-5)
    expected = 1 + (scores > scores[:, 3:4]).sum(axis=1) + (scores[:, :3] == scores[:, 3:4]).sum(axis=1)
    np.testing.assert_array_equal(of.ranks(kept), expected)


def test_history_and_fields_of_person_and_item_stand_beside_each_other(trained: dict[str, Recommender]):
    of = Game(trained["ncf"], asked([13, 14]), Target(3), with_item_fields=True)
    found = registry.get("shapley").explain(of)
    assert [unit.kind for unit in found.units][:2] == ["item", "item"]
    assert found.gap < 1e-5
    nothing = of.coalitions(np.zeros((1, len(of.units)), dtype=bool))
    assert len(nothing.items) == 0
    assert nothing.fields["job"][0] is None
    bare = cast(ItemFieldsMaskable, trained["ncf"]).score_item(nothing, 3, np.zeros((1, 4), dtype=bool))
    assert found.baseline_prediction == pytest.approx(float(bare[0]), abs=1e-6)


def test_a_probability_of_clicks_follows_what_is_taken_away(trained: dict[str, Recommender]):
    of = Game(trained["ncf"], asked(ASKED), Target(3, PROBABILITY), with_history=False, with_item_fields=True)
    score = trained["ncf"].score(asked(ASKED), items=np.array([3]))[0, 0]
    assert of.whole == pytest.approx(1 / (1 + np.exp(-score)), abs=1e-6)
    assert of.empty != of.whole
    with pytest.raises(CannotExplain, match="no logits"):
        Game(trained["fm"], asked(ASKED), Target(3, PROBABILITY))


def test_where_only_ratings_are_learned_only_the_parts_that_can_be_taken_away_are_units():
    rates = fitted("maml", told(), settings={"loss": "rating", "epochs": 1})
    many = asked(ASKED)
    names = cast(ItemFieldsMaskable, rates).item_field_names(3)
    found = cast(ItemFieldsMaskable, rates).score_item(many, 3, np.ones((1, len(names)), dtype=bool))
    np.testing.assert_allclose(found, rates.score(many, items=np.array([3]))[:, 0], atol=1e-5)
    head = fitted("ridge_head", told(), settings={"loss": "rating"})
    assert cast(ItemFieldsMaskable, head).item_field_names(3) == ()
    assert ITEM_FIELD not in {unit.kind for unit in Game(head, many, Target(3), with_item_fields=True).units}


def test_a_blend_reads_the_fields_that_its_parts_read(trained: dict[str, Recommender]):
    parts = {"ridge_head": trained["ridge_head"], "ease": fitted("ease", told())}
    made = registered.create(
        "blend", registered.config_class("blend").from_mapping({"cold": "ridge_head", "warm": "ease"})
    )
    made.fit(told(), parents=parts, rng=np.random.default_rng(0), report=lambda *_: None)
    assert made.field_names == {"job", "context.moment"}  # type: ignore[attr-defined]
