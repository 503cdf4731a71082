from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recommender.algorithms import registry
from recommender.algorithms.base import Recommender, mask_seen, top_k
from recommender.algorithms.checkpoint import Checkpoint, dump, load
from recommender.algorithms.reranked import Reranked, RerankedConfig, evenly, falling, pool, reorder
from recommender.data.dataset import Dataset
from recommender.evaluation.beyond_accuracy import exposure, gini
from recommender.exceptions import BadConfig, NotTrainable
from recommender.reranking import registry as remedies
from recommender.reranking.base import NONE, Candidates
from tests.recommender.algorithms.test_conformance import Kept, fitted
from tests.recommender.builders import blocks, dataset


@pytest.fixture(scope="module")
def data() -> Dataset:
    made = blocks(n_people=80, length=6)
    fields = {"categories": [["drama"] if at % 2 else ["comedy", "war"] for at in range(made.n_items)],
              "supplier": ["north" if at < 20 else None for at in range(made.n_items)]}  # fmt: skip
    return replace(made, item_fields=pd.DataFrame(fields))


@pytest.fixture(scope="module")
def parent(data: Dataset) -> Recommender:
    return fitted("ease", data)


def trained(data: Dataset, parent: Recommender, **settings: Any) -> Reranked:
    config = RerankedConfig(**settings)
    return Reranked(config).fit(data, parents={"ease": parent}, rng=np.random.default_rng(0), report=Kept())


def best(model: Recommender, data: Dataset, k: int = 5) -> np.ndarray:
    return top_k(mask_seen(model.score(data.histories), data.histories), k)[0]


def test_scores_change_hands_and_the_rest_stays() -> None:
    """Pool 3, 1, 0 becomes 0, 3, 1; items 2 and 4 keep their scores."""
    scores = np.array([[0.2, 0.5, 0.1, 0.9, 0.0]], dtype=np.float32)
    candidates = Candidates(np.array([[3, 1, 0]]), np.array([[0.9, 0.5, 0.2]], dtype=np.float32))
    reorder(scores, candidates, np.array([[0, 3]]))
    np.testing.assert_allclose(scores, [[0.9, 0.2, 0.1, 0.5, 0.0]], rtol=1e-6)


def test_equal_scores_do_not_undo_the_order() -> None:
    scores = np.zeros((1, 6), dtype=np.float32)
    candidates = Candidates(np.array([[0, 1, 2, NONE]]), np.array([[0, 0, 0, -np.inf]], dtype=np.float32))
    reorder(scores, candidates, np.array([[2, 0]]))
    assert top_k(scores, 6)[0].tolist() == [[2, 0, 1, 3, 4, 5]]
    assert np.abs(scores).max() < 1e-40


def test_falling_numbers_lie_just_above_and_never_meet() -> None:
    given = np.array([[2.0, 2.0, 1.0, -1.0, -1.0, -3.0]], dtype=np.float32)
    made = falling(given)
    assert (np.diff(made, axis=1) < 0).all() and (made > given).all()
    np.testing.assert_allclose(made, given, rtol=1e-6)


@pytest.mark.parametrize("remedy", list(remedies.REMEDIES))
def test_strength_nought_scores_as_the_parent(data: Dataset, parent: Recommender, remedy: str) -> None:
    made = trained(data, parent, remedy=remedy, strength=0.0)
    assert np.array_equal(made.score(data.histories), parent.score(data.histories))


@pytest.mark.parametrize("remedy", list(remedies.REMEDIES))
def test_the_ranking_is_the_remedys_list_and_then_the_parents(data: Dataset, parent: Recommender, remedy: str) -> None:
    made = trained(data, parent, remedy=remedy, strength=remedies.get(remedy).grid[-1], k=5, pool=12)
    _, inner = made._fitted()
    candidates = made._chances.given(pool(parent.score(data.histories), data.histories, 12))
    lists = inner.lists(candidates, data.histories, made._groups(data.histories))
    ranked = best(made, data, 12)
    assert np.array_equal(ranked[:, :5], lists)
    for row, (line, before) in enumerate(zip(ranked, candidates.items, strict=True)):
        assert line[5:].tolist() == [item for item in before if item not in lists[row]]


def test_no_item_that_was_met_is_moved_up(data: Dataset, parent: Recommender) -> None:
    made, met = trained(data, parent, strength=1.0), data.histories
    seen = np.zeros((len(met), data.n_items), dtype=bool)
    seen[met.rows, met.items] = True
    assert np.array_equal(made.score(met)[seen], parent.score(met)[seen])


def test_exposure_is_spread() -> None:
    rng = np.random.default_rng(0)
    taken = 1 / np.arange(1, 31)
    skewed = dataset([rng.choice(30, 5, replace=False, p=taken / taken.sum()).tolist() for _ in range(200)], 30)
    parent = fitted("ease", skewed)
    made = trained(skewed, parent, strength=0.4, k=5)
    before, after = (gini(exposure(best(model, skewed), 30, 5)) for model in (parent, made))
    assert after < 0.75 * before


def test_a_kept_one_serves_without_the_run_that_trained_its_parent(data: Dataset, parent: Recommender) -> None:
    for remedy in remedies.REMEDIES:
        made = trained(data, parent, remedy=remedy, strength=0.3)
        back = load(*dump(Checkpoint("reranked", made.config, data.items, made.state()))).restore()
        assert np.array_equal(back.score(data.histories), made.score(data.histories))
        assert back.members()["of"].name == "ease"  # type: ignore[attr-defined]


def test_items_are_classed_by_an_attribute(data: Dataset, parent: Recommender) -> None:
    """Where only those of the north have a supplier, they are the class to be shown more of."""
    made = trained(data, parent, remedy="p_mmf", strength=0.8, by="supplier", k=5)
    of = [np.isin(best(model, data), np.arange(20)).mean() for model in (parent, made)]
    assert of[1] > of[0]


def test_classes_that_are_not_there_are_a_clear_error(data: Dataset, parent: Recommender) -> None:
    with pytest.raises(NotTrainable, match="cannot be classed by “colour”: the catalog knows popularity, categories"):
        trained(data, parent, remedy="calibrated", by="colour")
    trained(data, parent, remedy="gini", by="colour")  # looks at no classes


def test_groups_of_people_are_the_most_active_and_the_rest(data: Dataset, parent: Recommender) -> None:
    made = trained(data, parent, remedy="cp_fair")
    lengths = data.histories.lengths
    assert np.array_equal(made._groups(data.histories) == 1, lengths > np.sort(lengths)[::-1][4])


@dataclass(frozen=True)
class Grouped(Dataset):
    user_groups: Mapping[str, np.ndarray] = field(default_factory=dict)


def test_groups_by_an_attribute_are_known_where_it_is(data: Dataset, parent: Recommender) -> None:
    """Two words of 25 people and more; five people more are too few, five are not known."""
    words = np.array(["north"] * 30 + ["south"] * 40 + ["east"] * 5 + [None] * 5, dtype=object)
    given = Grouped(**vars(data) | {"user_groups": {"region": words}})
    made = trained(given, parent, remedy="cp_fair", groups="region")
    assert made._group_names == ["north", "south"] and made.field_names == {"region"}
    assert (made._groups(data.histories) == NONE).all(), "nothing is known when a list is asked for"
    told = replace(data.histories, fields={"region": words})
    assert made._groups(told).tolist() == [0] * 30 + [1] * 40 + [NONE] * 10


def test_numbers_make_the_bands_of_an_audit_and_are_placed_in_them_when_a_list_is_asked_for(
    data: Dataset, parent: Recommender
) -> None:
    ages = np.array([float(18 + at) for at in range(79)] + [None], dtype=object)
    made = trained(Grouped(**vars(data) | {"user_groups": {"age": ages}}), parent, remedy="cp_fair", groups="age")
    assert made._group_names == ["18–43", "44–69", "70–96"], "quarters would have fewer than 20 people"
    kept = Reranked(made.config).load_state(made.state())
    told = np.array([10.0, 38.0, "57", 58.0, 99.0, None, "old"], dtype=object)
    assert kept._codes(told).tolist() == [0, 0, 1, 1, 2, NONE, NONE]


def test_groups_that_are_not_there_are_a_clear_error(data: Dataset, parent: Recommender) -> None:
    with pytest.raises(NotTrainable, match="given no groups of people by “region”"):
        trained(data, parent, remedy="cp_fair", groups="region")
    alike = Grouped(**vars(data) | {"user_groups": {"region": np.array(["north"] * 80, dtype=object)}})
    with pytest.raises(NotTrainable, match="fewer than two groups of 20 people"):
        trained(alike, parent, remedy="cp_fair", groups="region")
    assert trained(data, parent, remedy="gini", groups="region").field_names == frozenset()


def test_it_is_made_of_one_that_ranks_and_keeps_no_people() -> None:
    for name in ("reranked", "user_knn", "mf", "nobody"):
        with pytest.raises(BadConfig, match="of names another recommender"):
            RerankedConfig(of=name)
    assert registry.parents("reranked", RerankedConfig(of="ials")) == ("ials",)
    assert Reranked.settings_for(("ials",)) == {"of": "ials"}


def test_without_its_parent_it_says_so(data: Dataset) -> None:
    with pytest.raises(NotTrainable, match="lacks its trained recommender ease"):
        Reranked().fit(data, rng=np.random.default_rng(0), report=Kept())


def test_positions_evenly_over_all() -> None:
    assert evenly(10, 4).tolist() == [0, 3, 6, 9] and evenly(3, 9).tolist() == [0, 1, 2] and not len(evenly(0, 5))
