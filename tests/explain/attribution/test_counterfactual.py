from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from explain.attribution.counterfactual import Change, Counterfactual, fields, removal
from explain.attribution.entry import entry, with_added
from explain.attribution.game import OLDER, Game, Target
from explain.attribution.moves import Goal, Search
from explain.exceptions import CannotExplain
from recommender.algorithms.base import mask_seen, top_k
from recommender.data.dataset import Float, Histories, Int
from tests.recommender.builders import histories

N = 30


class Additive:
    """score(u, i) = popularity(i) + Σ over what was met of weights[j, i]."""

    name = "additive"

    def __init__(self, seed: int = 0, weights: Any = None, popularity: Any = None) -> None:
        rng = np.random.default_rng(seed)
        self.weights = rng.normal(size=(N, N)) if weights is None else np.asarray(weights, dtype=np.float64)
        self.popularity = rng.normal(size=N) if popularity is None else np.asarray(popularity, dtype=np.float64)

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        found = (self.popularity + self.read(met.matrix(len(self.popularity)).toarray())).astype(np.float32)
        return found if items is None else found[:, items]

    def read(self, there: Float) -> Any:
        return there @ self.weights


class Together(Additive):
    """Not additive: pairs of items that were both met count, and what was met is squashed."""

    def read(self, there: Float) -> Any:
        return 3 * np.tanh(there @ self.weights) + (there @ self.weights.T) * (there @ self.weights[::-1]) / 4


def game(model: Any, met: list[int], item: int, **options: Any) -> Game:
    return Game(model, histories([met]), Target(item), **options)


def listed(model: Any, met: list[int], k: int) -> list[int]:
    of = histories([met])
    return [int(item) for item in top_k(mask_seen(model.score(of), of), k)[0][0]]


def shown_without(model: Any, met: list[int], away: set[int], k: int) -> list[int]:
    """The first k without `away`, by nothing but the recommender's own parts."""
    scores = model.score(histories([[item for item in met if item not in away]]))
    scores[:, met] = -np.inf
    return [int(item) for item in top_k(scores, k)[0][0]]


def smallest(model: Any, met: list[int], item: int, k: int, most: int) -> int | None:
    for size in range(1, most + 1):
        for away in itertools.combinations(met, size):
            if item not in shown_without(model, met, set(away), k):
                return size
    return None


@pytest.mark.parametrize("kind", [Additive, Together])
def test_the_fewest_items_are_those_of_trying_all_sets(kind: Any):
    sizes = []
    for seed in range(25):
        model, met = kind(seed), np.random.default_rng(seed).permutation(N)[:9].tolist()
        item = listed(model, met, 3)[seed % 2]
        found = removal(game(model, met, item), k=3, most=4)
        fewest = smallest(model, met, item, 3, 4)
        assert (found.size if found.found else None) == fewest
        if not found.found:
            continue
        away = {met[at] for at in found.removed}
        after = shown_without(model, met, away, 3)
        assert item not in after
        assert found.rank_after > 3
        assert set(found.entering) == set(after) - set(listed(model, met, 3))
        assert set(found.leaving) == set(listed(model, met, 3)) - set(after)
        assert found.exhausted >= found.size - 1
        assert found.proven_minimal
        sizes.append(found.size)
    assert len(set(sizes)) >= 3


def chain(n: int) -> Additive:
    """Item n has 1 from each of the items 0 … n − 1; item n + 1 always has 0.5: only without all of them it leads."""
    weights = np.zeros((n + 2, n + 2))
    weights[:n, n] = 1
    return Additive(weights=weights, popularity=[0.0] * (n + 1) + [0.5])


def test_an_item_that_leaves_only_when_everything_is_taken_away():
    found = removal(game(chain(4), [0, 1, 2, 3], 4), k=1)
    assert found.found
    assert found.removed == (0, 1, 2, 3)
    assert (found.rank_before, found.rank_after) == (1, 2)
    assert (found.entering, found.leaving) == ((5,), (4,))


def test_none_within_so_many_is_an_answer_that_says_what_was_tried():
    found = removal(game(chain(4), [0, 1, 2, 3], 4), k=1, most=3)
    assert not found.found
    assert not found.proven_minimal
    assert (found.size, found.most, found.exhausted, found.tried) == (0, 3, 3, 4 + 6 + 4)
    assert (found.rank_before, found.rank_after, found.removed) == (1, 1, ())


def test_within_a_small_budget_single_items_are_all_tried_and_larger_sets_are_not_called_exhausted():
    weights = np.zeros((42, 42))
    weights[:40, 40] = 1
    model = Additive(weights=weights, popularity=[0.0] * 41 + [0.5])
    found = removal(game(model, list(range(40)), 40), k=1, budget=50)
    assert not found.found
    assert found.exhausted == 1
    assert 40 < found.tried <= 40 + 3 * 50


def test_an_item_that_stays_whatever_is_taken_away_is_never_found():
    model = Additive(weights=np.zeros((6, 6)), popularity=[0, 0, 0, 9, 1, 1])
    found = removal(game(model, [0, 1], 3), k=1)
    assert not found.found
    assert found.exhausted == 2
    assert found.tried == 3


def test_a_history_of_one_and_an_empty_one():
    found = removal(game(chain(1), [0], 1), k=1)
    assert (found.found, found.removed, found.proven_minimal) == (True, (0,), True)
    nothing = removal(game(chain(1), [], 2), k=1)
    assert (nothing.found, nothing.tried, nothing.exhausted) == (False, 0, 0)


@pytest.mark.parametrize(("item", "hidden", "words"), [
    (0, [], "not shown"), (4, [4], "not shown"), (5, [], "not among the first 1; its rank is 2"),
])  # fmt: skip
def test_an_item_that_is_not_recommended_anyway_is_named(item: int, hidden: list[int], words: str):
    with pytest.raises(CannotExplain, match=words) as error:
        removal(game(chain(4), [0, 1, 2, 3], item, hidden=np.array(hidden, dtype=np.int64)), k=1)
    assert error.value.field == "item"


def test_a_larger_set_loses_what_it_does_not_need():
    model, met = chain(2), [0, 1]

    def ask(sets: Any) -> Float:
        return np.concatenate(
            [game(model, met, 2).ranking(np.array([[at not in each for at in (0, 1)]])) for each in sets]
        )

    search = Search(ask, Goal(2, 1, out=False), 2, 2, 10)
    search.begin()
    assert search._pruned((0, 1)) == (0,)


def test_units_before_the_newest_ones_stay():
    of = game(chain(4), [0, 1, 2, 3], 4, most_units=2)
    assert of.units[0].kind == OLDER
    found = removal(of, k=1)
    assert not found.found
    assert found.exhausted == 2


def test_the_attribution_given_is_tried_first():
    weights = np.zeros((32, 32))
    weights[:30, 30] = 0.1
    weights[[3, 17], 30] = 5
    model = Additive(weights=weights, popularity=[0.0] * 31 + [4.0])
    order = weights[:30, 30]
    told = removal(game(model, list(range(30)), 30), k=1, order=order)
    assert told.removed == (3, 17)


class Reads(Additive):
    """Item 0 for whoever is old and asks on a phone, item 1 for all others, item 2 for those in a hurry."""

    name, reads_fields = "reads", True

    def score(self, met: Histories, *, items: Int | None = None, adapted: Any = None) -> Float:
        def has(name: str, value: str) -> Any:
            return np.array([each == value for each in met.fields.get(name, [None] * len(met))], dtype=np.float32)

        old, phone, hurry = has("age", "old"), has("context.device", "phone"), has("context.pace", "hurry")
        found = np.stack([2 * old + 2 * phone, np.full(len(met), 1.5, np.float32), 9 * hurry], axis=1)
        return found if items is None else found[:, items]


def asked(**known: Any) -> Game:
    columns = {name.replace("_", ".", 1): np.array([value], dtype=object) for name, value in known.items()}
    return Game(Reads(), replace(histories([[]]), fields=columns), Target(0))


def test_the_fewest_fields_to_change():
    found = fields(asked(age="old", context_device="phone"), k=1)
    assert found.changes == (Change("age", "old", None), Change("context.device", "phone", None))
    assert found.proven_minimal
    one = fields(asked(age="old"), k=1, alternatives={"age": ["young"]})
    assert one.changes == (Change("age", "old", None),)
    other = fields(asked(age="old", context_device="phone"), k=1, alternatives={"context.pace": ["slow", "hurry"]})
    assert other.changes == (Change("context.pace", None, "hurry"),)
    assert (other.entering, other.leaving) == ((2,), (0,))


def test_no_field_is_changed_twice_at_once():
    found = fields(asked(age="old", context_device="phone"), k=2, alternatives={"age": ["young", "younger"]})
    assert not found.found
    assert found.tried == 4 + 3
    assert found.exhausted == 2


def test_without_fields_there_is_nothing_to_change():
    with pytest.raises(CannotExplain, match="can be changed"):
        fields(asked(), k=1)


def brought_in(model: Any, met: list[int], found: Counterfactual, k: int) -> list[int]:
    left = [item for at, item in enumerate(met) if at not in found.removed]
    scores = model.score(histories([[*left, *found.added]]))
    scores[:, [*met, *found.added]] = -np.inf
    return [int(item) for item in top_k(scores, k)[0][0]]


@pytest.mark.parametrize("kind", [Additive, Together])
def test_what_would_bring_an_item_in_does(kind: Any):
    several = 0
    for seed in range(12):
        model, met = kind(seed), np.random.default_rng(seed).permutation(N)[:6].tolist()
        item = listed(model, met, N - 6)[12 + seed % 6]
        found = entry(game(model, met, item), k=2)
        assert found.found
        assert item in brought_in(model, met, found, 2)
        assert item in found.entering
        several += found.size > 1
        singles = [replace(found, added=(each,), removed=()) for each in range(N) if each not in (*met, item)]
        singles += [replace(found, added=(), removed=(at,)) for at in range(6)]
        assert (found.size == 1) == any(item in brought_in(model, met, each, 2) for each in singles)
    assert several


def test_only_candidates_are_added_and_nothing_is_taken_away_where_that_is_not_wanted():
    weights = np.zeros((6, 6))
    weights[[0, 1], 3] = [5, 1]
    model = Additive(weights=weights, popularity=[0, 0, 0, 0, 0.5, 0.4])
    of = game(model, [2], 3)
    assert entry(of, k=1).added == (0,)
    assert entry(of, k=1, candidates=np.array([1, 2])).added == (1,)
    assert not entry(of, k=1, candidates=np.array([], dtype=np.int64), take_away=False).found
    with pytest.raises(CannotExplain, match="not in the catalog"):
        entry(of, k=1, candidates=np.array([6]))
    with pytest.raises(CannotExplain, match="as it is: rank 1"):
        entry(game(model, [0], 3), k=1)


def test_items_are_added_as_the_newest_of_the_kind_met_last():
    of = replace(histories([[4, 2], []]), contexts={"place": np.array(["home", "work"], dtype=object)})
    found = with_added(of, [[7, 1], [3]], 4.5)
    assert found.items.tolist() == [4, 2, 7, 1, 3]
    assert found.indptr.tolist() == [0, 4, 5]
    assert found.values.tolist() == [1, 1, 4.5, 4.5, 4.5]
    assert found.times.tolist() == [0, 1, 2, 3, 2]
    assert found.contexts["place"].tolist() == ["home", "work", None, None, None]
