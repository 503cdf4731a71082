from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from explain.attribution.adaptation import Moved, adapted_against_prior, changes
from explain.attribution.game import Game, Target
from explain.attribution.transfer import InTextWeighted, in_text, transferred
from explain.exceptions import CannotExplain
from recommender.algorithms import registry
from recommender.algorithms.base import START
from recommender.data.dataset import Dataset, Histories
from tests.recommender.builders import blocks, histories, two_tastes

SIZES: dict[str, Any] = {"use_text": True, "factors": 4, "width": 8, "features": 4, "batch": 16, "dropout": 0.0}


def fitted(name: str, data: Dataset, parents: Any = None, **config: Any) -> Any:
    made = registry.create(name, registry.config_class(name).from_mapping(config))
    return made.fit(data, parents=parents, rng=np.random.default_rng(0), report=lambda *_: None)


@cache
def source() -> Any:
    return fitted("ridge_head", blocks(), **SIZES, epochs=12, learning_rate=0.03, hidden_items=0.5)


def opened() -> Dataset:
    """Another catalog, of 16 items: ten people, who met two items each."""
    return replace(blocks(n_people=10, n_items=16, length=2), item_vectors=two_tastes(16))


def test_moves_are_told_by_ranks_as_ratios_among_what_is_shown():
    before, after = np.array([9, 5, 4, 3, 2, 1.0]), np.array([9, 1, 4, 3, 2, 5.0])
    target, rises, falls, agreement = changes(before, after, 3, np.array([0]), 2)
    assert target == Moved(3, 3.0, 3.0, 3, 3)
    assert rises == (Moved(5, 1.0, 5.0, 5, 1),)
    assert falls == (Moved(1, 5.0, 1.0, 1, 5),)
    assert agreement == 0.5
    with pytest.raises(CannotExplain, match="not shown"):
        changes(before, after, 0, np.array([0]), 2)


@pytest.mark.parametrize("name", ["ridge_head", "anil"])
def test_what_adapting_changed_is_the_adapted_less_the_prior(name: str):
    model = source() if name == "ridge_head" else fitted(name, blocks(n_people=30), epochs=1)
    met = histories([[0, 1, 2]])
    game = Game(model, met, Target(20))
    found = adapted_against_prior(game)
    prior = model.score(histories([[]]))[0]
    now = model.score(met)[0]
    assert (found.target.score_before, found.target.score_after) == pytest.approx((prior[20], now[20]), abs=1e-6)
    shown = np.delete(now, [0, 1, 2])
    assert found.target.rank_after == 1 + (shown > now[20]).sum()
    ratios = [math.log(each.rank_before / each.rank_after) for each in found.rises]
    assert ratios == sorted(ratios, reverse=True)
    assert all(each.rank_after > each.rank_before for each in found.falls)
    assert not {0, 1, 2} & {each.item for each in (*found.rises, *found.falls)}
    assert found.parts is not None
    assert found.parts.method == "support_weights"
    assert found.parts.values.sum() == pytest.approx(now[20] - prior[20], abs=1e-4)


def test_of_a_blend_that_answers_by_ranks_the_parts_are_shapley_values():
    parents = {"ridge_head": source(), "ease": fitted("ease", blocks())}
    blend = fitted("blend", blocks(), parents, warm="ease", threshold=3.0, sharpness=1.0)
    found = adapted_against_prior(Game(blend, histories([[0, 1, 2]]), Target(20)))
    assert found.parts is not None
    assert found.parts.method == "shapley"
    assert found.parts.gap < 1e-6


def test_nobody_adapts_to_an_empty_history_or_without_the_ability():
    found = adapted_against_prior(Game(source(), histories([[]]), Target(20)))
    assert found.parts is None
    assert found.target.rank_before == found.target.rank_after
    assert (found.rises, found.falls, found.agreement) == ((), (), 1.0)
    with pytest.raises(CannotExplain, match="no prior"):
        adapted_against_prior(Game(fitted("ease", blocks()), histories([[0]]), Target(20)))


def test_a_source_reads_another_catalogs_items_by_their_texts_alone():
    """Who met an item of a half is recommended that half, though the source never saw either; it stays as it was."""
    here = in_text(source(), two_tastes(16))
    assert isinstance(here, InTextWeighted)
    first, second = here.score(histories([[2], [10]]))
    assert first[3:8].mean() - first[11:].mean() > second[3:8].mean() - second[11:].mean() + 0.5
    assert source().score(histories([[0]])).shape == (1, 24)
    np.testing.assert_array_equal(here.score(histories([[2]]), items=np.array([5, 3]))[0], first[[5, 3]])


def test_what_transfer_changed_sums_to_the_change_of_the_score():
    begun = fitted("ridge_head", opened(), {START: source()}, **SIZES, epochs=2, learning_rate=1e-3)
    alone = fitted("ridge_head", opened(), **SIZES, epochs=2, learning_rate=1e-3)
    met = histories([[1, 4, 12]])
    found = transferred(Game(begun, met, Target(6)), in_text(source(), two_tastes(16)), alone=alone)
    there, here = in_text(source(), two_tastes(16)).score(met)[0, 6], begun.score(met)[0, 6]
    assert (found.target.score_before, found.target.score_after) == pytest.approx((there, here), abs=1e-6)
    assert found.source.method == found.started.method == "support_weights"
    assert found.gap < 1e-3 * abs(here - there) + 1e-4
    assert found.prior + found.values.sum() == pytest.approx(here - there, abs=1e-3)
    assert found.by_start is not None
    assert np.abs(found.by_start).max() > np.abs(found.values).max()  # so short a training keeps what it began with
    assert found.kept > 0.4


def test_a_start_without_texts_and_vectors_of_other_items_are_refused():
    begun = fitted("ridge_head", opened(), **SIZES, epochs=1)
    game = Game(begun, histories([[1]]), Target(6))
    for other in (fitted("ridge_head", blocks(), epochs=1), fitted("ease", blocks())):
        with pytest.raises(CannotExplain, match="does not read texts"):
            in_text(other, two_tastes(16))
    with pytest.raises(CannotExplain, match="texts of other items"):
        transferred(game, in_text(source(), two_tastes(12)))
    nothing: Histories = histories([[]])
    with pytest.raises(CannotExplain, match="Nothing was met"):
        transferred(replace(game, histories=nothing), in_text(source(), two_tastes(16)))
