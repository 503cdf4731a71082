"""Floors beside a run under a cold protocol: figures and sentences worked by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recommender.algorithms import registry
from recommender.algorithms.base import ndcg
from recommender.data.dataset import Dataset, Histories, Holdout
from recommender.data.splits import Split, splits_of
from recommender.evaluation.cold_start import beside as floors
from recommender.evaluation.cold_start import listed
from recommender.evaluation.cold_start.against import Figures, against, best, power, sentences
from recommender.evaluation.cold_start.beside import beside
from recommender.evaluation.measuring import Measured, Opinions, measure
from recommender.evaluation.protocol import fit_measured
from tests.recommender.builders import blocks, dataset, histories


def rated(people: list[list[int]], values: list[list[float]]) -> Histories:
    given = np.array([value for row in values for value in row], dtype=np.float32)
    return replace(histories(people), values=given)


def people(values: list[float], metric: str = "mae_person") -> Figures:
    return Figures(pd.DataFrame({"user": np.arange(len(values)), metric: values}))


def test_differences_are_paired_and_p_is_corrected_over_the_floors() -> None:
    """Six people, all one better than the floor: of 64 ways to flip signs two are as extreme, so p is near 2 / 64."""
    rows = against({"ratings": {"": people([1.0] * 6), "far": people([2.0] * 6), "same": people([1.0] * 6)}})
    far, same = (row["metrics"]["mae_person"] for row in rows)
    assert (far["value"], far["run"], far["difference"], far["people"]) == (2.0, 1.0, -1.0, 6)
    assert (far["difference_low"], far["difference_high"]) == (-1.0, -1.0)
    assert far["p"] == pytest.approx(2 / 64, abs=0.006)
    assert far["p_holm"] == 2 * far["p"]  # two floors
    assert (same["p"], same["p_holm"]) == (1.0, 1.0)


def test_the_sentence_claims_no_more_than_p_allows() -> None:
    sure = against({"ratings": {"": people([1.0] * 8), "hybrid": people([2.0] * 8)}})
    assert sentences(sure)[0].startswith("MAE per person: better than the best floor, hybrid: 1.000 against 2.000")
    worse = against({"lists": {"": people([0.1] * 8, "ndcg@10"), "popularity": people([0.3] * 8, "ndcg@10")}})
    assert sentences(worse)[0].startswith("NDCG@10: worse than the best floor, popularity: .100 against .300")
    unsure = against({"ratings": {"": people([1.0, 3.0, 1.0, 3.0]), "hybrid": people([2.0] * 4)}})
    assert "no difference found to the best floor, hybrid: 2.000 against 2.000" in sentences(unsure)[0]
    assert "a gap under" in sentences(unsure)[0]
    few = against({"ratings": {"": people([1.0] * 5), "hybrid": people([2.0] * 5)}})  # p cannot be under 2 / 32
    assert "no difference found" in sentences(few)[0]
    one = against({"ratings": {"": people([1.0]), "hybrid": people([2.0])}})
    assert one[0]["metrics"]["mae_person"]["p"] is None
    assert sentences(one)[0].endswith("1 person can show no difference.")


def test_the_more_comparisons_the_wider_a_gap_must_be_to_be_seen() -> None:
    assert power(1) == pytest.approx((1.96 + 0.8416) / 1.96, abs=1e-3)
    assert power(6) == pytest.approx((2.638 + 0.8416) / 1.96, abs=1e-3)  # .05 / 12 at each end


def test_the_best_floor_has_the_least_error_or_the_highest_gain() -> None:
    given = {"": people([1.0] * 2), "a": people([2.0] * 2), "b": people([1.5] * 2)}
    found = best(against({"ratings": given}), "ratings", "mae_person")
    assert found and found["floor"] == "b"
    assert best([], "lists", "ndcg@10") is None
    assert sentences([]) == []


def by_hand(validated: bool = False) -> tuple[Split, Opinions]:
    """Training: item 0 rated 5, item 1 rated 1, item 2 rated 3, by a person each. Asked: a new person who gave 1 and 2
    to items 1 and 2 and 4 to item 0, of which the run said 3; and one who gave nothing and 5 to item 0."""
    train = replace(dataset([[0], [1], [2], [], [], []], 3))
    train = train.with_histories(rated([[0], [1], [2], [], [], []], [[5.0], [1.0], [3.0], [], [], []]))
    asked = Holdout(np.array([3, 4]), rated([[1, 2], []], [[1.0, 2.0], []]), rated([[0], [0]], [[4.0], [5.0]]))
    nobody = Holdout(np.zeros(0, dtype=np.int64), histories([]), histories([]))
    tuning = Holdout(np.array([5]), histories([[]]), rated([[0]], [[5.0]])) if validated else nobody
    said = Opinions(np.array([3, 4]), np.array([3.0, 3.0]), np.array([4.0, 5.0]), True, np.zeros(0, bool), np.zeros(0))
    return Split(train, tuning, asked, train, train), said


def rows_of(split: Split, said: Opinions | None) -> tuple[dict, list[str]]:
    users = split.full.users.keys[split.test.people]
    _, told = beside(Measured(pd.DataFrame({"user": users}), {}, {}, said), split, algorithm="mf")
    json.dumps(told.floors, allow_nan=False)
    return {row["floor"]: row for row in told.floors}, told.notes


def test_floors_of_ratings_by_hand() -> None:
    rows, notes = rows_of(*by_hand())
    mean = rows["item mean"]["metrics"]["mae_person"]
    item = 3 + 2 / (1 + 5)  # nobody to tune by: the middle setting, 5
    assert mean["value"] == pytest.approx((4 - item + 5 - item) / 2)
    assert mean["run"] == 1.5  # |3 − 4| and |3 − 5|
    assert rows["item mean"]["setting"] == {"shrinkage": 5.0}
    median = rows["median of the given"]["metrics"]["mae_person"]
    assert median["value"] == (abs(1.5 - 4) + abs(3 - 5)) / 2  # of who gave nothing: the median of all
    assert "ridge on content" not in rows and "hybrid" in rows
    assert any("Nobody of the validation" in note for note in notes)
    assert any("Nothing is said of items" in note for note in notes)


def test_settings_are_chosen_by_validation_and_never_by_the_test() -> None:
    """Validation rates item 0 with 5, so the weakest pull wins, whatever the test says of it."""
    split, said = by_hand(validated=True)
    rows, _ = rows_of(split, said)
    assert rows["item mean"]["setting"] == {"shrinkage": 1.0}
    turned = replace(split, test=replace(split.test, targets=rated([[0], [0]], [[1.0], [1.0]])))
    again, _ = rows_of(turned, replace(said, given=np.array([1.0, 1.0])))
    assert again["item mean"]["setting"] == {"shrinkage": 1.0}


def test_what_predicts_no_ratings_has_no_floors_of_ratings() -> None:
    split, _ = by_hand()
    rows, notes = rows_of(split, None)
    assert rows == {}
    assert notes == ["No ratings were predicted, so only floors of lists stand beside it."]


def whole(data: Dataset, algorithm: str, protocol: str, shots: int | None = None) -> tuple[Measured, floors.Told]:
    split = splits_of(data, protocol, shots=shots)[0]
    config = registry.config_class(algorithm).from_mapping({"epochs": 1} if algorithm == "mf" else {})

    def quiet(*_: object) -> None:
        pass

    def create(given: object) -> object:
        return registry.create(algorithm, given)  # type: ignore[arg-type]

    fitted = fit_measured(create, config, split, seed=0, report=quiet)  # type: ignore[arg-type]
    found = measure(create, fitted, split, seed=0, report=quiet)  # type: ignore[arg-type]
    return beside(found, split, algorithm=algorithm, protocol=protocol, shots=shots)


@pytest.mark.parametrize("protocol", ["cold-users", "cold-items", "cold-both"])
def test_a_run_of_lists_and_ratings_stands_beside_both_kinds(protocol: str) -> None:
    measured, told = whole(blocks(), "user_knn", protocol)
    names = [(row["of"], row["floor"]) for row in told.floors]
    assert ("lists", "popularity") in names and ("lists", "content") in names
    assert {name for of, name in names if of == "ratings"} == set(floors.FLOORS)
    for row in told.floors:
        first = "ndcg@10" if row["of"] == "lists" else "mae_person"
        assert row["metrics"][first]["run"] == pytest.approx(measured.metrics[first].value)
        assert row["metrics"][first]["p_holm"] >= row["metrics"][first]["p"]
    json.dumps(told.floors, allow_nan=False)


def test_popularity_measured_itself_is_the_floor_it_would_be() -> None:
    data = blocks()
    itself, told = whole(data, "popularity", "cold-users", 2)
    _, beside_it = whole(data, "item_knn", "cold-users", 2)
    assert "popularity" not in [row["floor"] for row in told.floors]
    cell = next(row for row in beside_it.floors if row["floor"] == "popularity")["metrics"]["ndcg@10"]
    assert cell["value"] == pytest.approx(itself.metrics["ndcg@10"].value)


def test_clicks_have_no_floors_of_ratings() -> None:
    data = blocks()
    clicks = data.with_histories(replace(data.histories, kind_names=("click",)))
    _, told = whole(clicks, "user_knn", "cold-users")
    assert {row["of"] for row in told.floors} == {"lists"}


def test_two_people_are_enough_to_answer() -> None:
    data = dataset([[0, 1, 2, 3], [0, 2, 3, 1]], 4)
    data = data.with_histories(rated([[0, 1, 2, 3], [0, 2, 3, 1]], [[1.0, 2, 3, 4], [5.0, 4, 3, 2]]))
    _, told = whole(data, "user_knn", "cold-users")
    assert told.floors and all(
        cell["people"] == 1 and cell["p_holm"] is None for row in told.floors for cell in row["metrics"].values()
    )


def test_orders_of_ratings_by_hand() -> None:
    """Five asked of one person, the best predicted last: Σ rating / log₂(1 + rank) by that of the best order."""
    query = rated([[0, 1, 2, 3, 4], [0]], [[5.0, 4, 3, 2, 1], [5.0]])
    found = floors._table(np.array([1.0, 5, 4, 3, 2, 3]), query)
    discount = 1 / np.log2(np.arange(2, 7))
    said, ideal = np.array([4.0, 3, 2, 1, 5]), np.array([5.0, 4, 3, 2, 1])
    assert found["ndcg_rated"][0] == pytest.approx(said @ discount / (ideal @ discount))
    assert found["ndcg_rated_exp"][0] == pytest.approx((2**said - 1) @ discount / ((2**ideal - 1) @ discount))
    assert found["mae_person"].tolist() == [(4 + 1 + 1 + 1 + 1) / 5, 2.0]
    assert np.isnan(found["ndcg_rated"][1])  # asked about fewer than five


def test_of_a_wide_or_negative_scale_there_is_no_such_gain() -> None:
    wide = rated([[0, 1, 2, 3, 4]], [[100.0, 40, 3, 2, 1]])
    assert list(floors._table(np.zeros(5), wide)) == ["mae_person", "ndcg_rated"]
    negative = rated([[0, 1, 2, 3, 4]], [[-10.0, 4, 3, 2, 1]])
    assert list(floors._table(np.zeros(5), negative)) == ["mae_person"]


def test_the_linear_floors_learn_from_a_bounded_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floors, "LEARNED_RATINGS", 2)
    found = floors.bounded(dataset([[0, 1, 2], [3], [], [0, 1, 2, 3]], 4), 2, seed=0).histories
    assert sorted(found.lengths.tolist()) in ([0, 0, 1, 2], [0, 0, 2, 2])
    assert set(found.items_of(0).tolist()) <= {1, 2} and set(found.items_of(3).tolist()) <= {2, 3}


def test_floors_of_lists_have_the_setting_with_the_highest_ndcg_of_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everyone begins with what decides the last item and goes on with noise: whoever forgets cannot tell it."""
    noise, data = np.random.default_rng(0), []
    for first in [0, 1] * 40:
        data.append([first, *(4 + noise.permutation(20)[:12]).tolist(), 2 + first])
    grid = {"shrink": (0.0, 1e6), "half_life": (0.5, 0.0)}
    monkeypatch.setattr(listed, "GRIDS", {"item_knn": grid})
    people, rest = data[:60], data[60:]
    by = Holdout(np.arange(60, 80), histories([row[:-1] for row in rest]), histories([row[-1:] for row in rest]))
    train, asked_before = dataset([*people, *[[] for _ in rest]], 24), []
    found = listed.chosen("item_knn", train, by, 0, lambda: asked_before.append(1))
    assert found == {"shrink": 0.0, "half_life": 0.0} and len(asked_before) == 2  # a training for each shrink
    worse = listed.made("item_knn", {"half_life": 0.5}, train, 0)
    assert ndcg(listed.made("item_knn", found, train, 0), by) > ndcg(worse, by)


def test_the_grids_begin_with_the_declared_defaults() -> None:
    for name, grid in listed.GRIDS.items():
        config = registry.config_class(name)()
        assert {key: values[0] for key, values in grid.items()} == {key: getattr(config, key) for key in grid}


def test_the_setting_chosen_is_told_and_only_validation_decides_it() -> None:
    _, told = whole(blocks(), "user_knn", "cold-users", 3)
    settings = {row["floor"]: row["setting"] for row in told.floors if row["of"] == "lists"}
    assert set(settings["item_knn"]) == {"neighbours", "shrink", "half_life"}
    assert set(settings["content"]) == {"half_life"} and settings["popularity"] is None


def test_without_validation_floors_of_lists_have_their_usual_settings() -> None:
    split = splits_of(blocks(), "cold-users")[0]
    notes: list[str] = []
    nobody = replace(split, validation=Holdout(np.zeros(0, dtype=np.int64), histories([]), histories([])))
    for name in listed.GRIDS:
        assert floors._list_setting(name, nobody, 0, lambda: None, notes) == listed.usual(name)
    assert len(notes) == 1


@pytest.mark.parametrize("protocol", ["cold-items", "cold-both"])
def test_of_new_items_settings_are_chosen_by_items_new_to_the_training(protocol: str) -> None:
    split = splits_of(blocks(), protocol, shots=2 if protocol == "cold-both" else 0)[0]
    train, by = floors.tuned_by(split, protocol, 2 if protocol == "cold-both" else 0, 0)
    asked, known = set(by.query.items.tolist()), split.before_test.histories
    assert asked and not asked & set(train.histories.items.tolist())
    assert asked <= set(known.items.tolist())  # the test's own new items decide nothing
    assert set(by.people.tolist()) <= set(np.flatnonzero(known.lengths).tolist())
    if protocol == "cold-both":
        assert not train.histories.lengths[by.people].any() and by.given.lengths.max() <= 2


def test_of_new_people_the_splits_own_validation_chooses() -> None:
    split = splits_of(blocks(), "cold-users", shots=2)[0]
    train, by = floors.tuned_by(split, "cold-users", 2, 0)
    assert train.histories.items.tolist() == split.train.histories.items.tolist()
    assert by.people.tolist() == split.validation.people.tolist()


@pytest.mark.parametrize("protocol", ["cold-items", "cold-both"])
def test_where_no_such_split_can_be_made_validation_chooses(protocol: str) -> None:
    """But for the test's, there is one item only: it cannot be new and known."""
    data = dataset([[0], [0], [0], [0, 1], [0, 1]], 2)
    data = data.with_histories(rated([[0], [0], [0], [0, 1], [0, 1]], [[5.0], [4.0], [3.0], [1.0, 2.0], [2.0, 1.0]]))
    known = data.with_histories(rated([[0], [0], [0], [], []], [[5.0], [4.0], [3.0], [], []]))
    late = Holdout(np.array([0]), histories([[]]), rated([[0]], [[5.0]]))
    split = Split(known, late, late, known, data)
    train, by = floors.tuned_by(split, protocol, None, 0)
    assert by.people.tolist() == [0] and train.histories.items.tolist() == [0, 0, 0]


def test_where_nobody_rated_the_items_made_new_validation_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    split = splits_of(blocks(), "cold-both")[0]
    empty = replace(split, test=replace(split.test, targets=histories([[] for _ in split.test.people])))
    monkeypatch.setattr(floors, "splits_of", lambda *_, **__: [empty])
    train, _ = floors.tuned_by(split, "cold-both", None, 0)
    assert train.histories.items.tolist() == split.train.histories.items.tolist()
