"""Examinations of many people: robust figures, verdicts and the share of what could be reached."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from explain.attribution import examined, registry, robustness
from explain.attribution.examined import GREEDY, RANDOM, Clock, Examined, Plan, Way, default_ways, examine
from explain.attribution.game import Game, Target
from explain.attribution.verdicts import judgements, mean_curves, share_closed, summarised
from recommender.algorithms import registry as algorithms
from recommender.algorithms.base import Recommender
from recommender.data.dataset import Dataset
from tests.recommender.builders import blocks, histories

WAYS = (Way("contributions"), Way("ablation"), Way("ablation", margin=True))


def trained(name: str, data: Dataset, seed: int = 0) -> Recommender:
    model = algorithms.create(name)
    return model.fit(data, rng=np.random.default_rng(seed), report=lambda *_: None)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return blocks(n_people=40)


@pytest.fixture(scope="module")
def found(data: Dataset) -> Examined:
    model = trained("ease", data)
    keys = np.arange(100, 140)
    return examine(model, data.histories, keys, Plan(WAYS, close=5, removed=2), again=model)


def test_every_person_has_every_way_and_both_baselines(found: Examined):
    table = pd.DataFrame(found.rows)
    counts = table["way"].value_counts().to_dict()
    assert counts == {"contributions": 40, "ablation": 40, "ablation, margin": 40, RANDOM: 40, GREEDY: 40}
    assert set(table["person"]) == set(range(100, 140))
    assert len(found.agreement) == 3 * 40


def test_figures_that_ask_anew_are_those_of_the_first_people(found: Examined):
    table = pd.DataFrame(found.rows)
    close = table[table["sensitivity"].notna()]
    assert set(close["person"]) == set(range(100, 105))
    np.testing.assert_allclose(close["retrained"], 1)  # the same recommender says the same
    assert close["randomised"].mean() < close["retrained"].mean()


def test_of_a_linear_recommender_the_parts_have_no_infidelity(data: Dataset):
    config = algorithms.config_class("item_knn").from_mapping({"half_life": 0.0})
    model = algorithms.create("item_knn", config).fit(data, rng=np.random.default_rng(0), report=lambda *_: None)
    table = pd.DataFrame(examine(model, data.histories, data.users.keys, Plan((Way("ablation"),), close=0)).rows)
    assert table[table["way"] == "ablation"]["infidelity"].max() == pytest.approx(0, abs=1e-6)
    assert table[table["way"] == RANDOM]["infidelity"].mean() > 0.3


def test_a_method_that_explains_well_beats_chance_and_closes_the_gap(found: Examined):
    results = summarised(found)
    rows = {row["way"]: row for row in results["ways"]}
    assert list(rows)[:2] == [RANDOM, GREEDY]
    assert rows["ablation"]["against_random"]["beats"] is True
    assert rows["ablation"]["faults"] == []
    assert rows["ablation"]["closed"]["cdcg"]["value"] > 0.5
    assert rows["contributions"]["worst_gap"] < 1e-5
    assert rows["ablation"]["title"] == "Leaving one out"
    assert json.loads(json.dumps(results, allow_nan=False)) == results


def people(way: str, values: list[float], **more: float) -> pd.DataFrame:
    return pd.DataFrame({"person": range(len(values)), "way": way, "cdcg": values, "pos@5": values, "pos@20": values,
                         "del": values, "randomised": math.nan, **more})  # fmt: skip


def test_the_share_closed_is_a_fraction_of_sums_over_people():
    tables = {RANDOM: [1.0, 0.8], "ablation": [0.4, 0.6], GREEDY: [0.2, 0.4]}
    by_way = {way: people(way, values).rename(columns={"person": "user"}) for way, values in tables.items()}
    found = share_closed(by_way, "ablation", "cdcg")
    assert found is not None
    assert found["value"] == pytest.approx((0.6 + 0.2) / (0.8 + 0.4))
    assert share_closed(by_way | {GREEDY: by_way[RANDOM]}, "ablation", "cdcg") is None


def test_a_method_no_better_than_chance_or_blind_to_weights_is_at_fault():
    rng = np.random.default_rng(0)
    chance = rng.random(60).tolist()
    rows = [people(RANDOM, chance), people(GREEDY, [0.1] * 60), people("good", [0.2] * 60),
            people("as bad", (np.array(chance) + rng.normal(0, 0.1, 60)).tolist()),
            people("blind", [0.2] * 60).assign(randomised=rng.normal(0.9, 0.05, 60)),
            people("few", [0.9] * 5)]  # fmt: skip
    found = judgements(pd.concat(rows))
    assert found["good"]["faults"] == []
    assert "no further down" in found["as bad"]["faults"][0]
    assert "shuffled" in found["blind"]["faults"][0]
    assert found["few"]["decided"] is False
    assert found["few"]["faults"] == []


def test_shuffled_weights_keep_their_sizes_and_lose_what_was_learned(data: Dataset):
    model = trained("ials", data)
    other = robustness.randomised(model, np.random.default_rng(0))
    for name, array in model.state().items():
        np.testing.assert_array_equal(np.sort(array, axis=None), np.sort(other.state()[name], axis=None))
    assert not np.allclose(model.score(data.histories), other.score(data.histories))


def test_sensitivity_is_what_the_rest_moves_when_one_old_item_had_never_been():
    class Pairs:
        """Items 0 and 1 count double together, every other one once."""

        name = "pairs"

        def score(self, met, *, items=None, adapted=None):  # type: ignore[no-untyped-def]
            there = met.matrix(6).toarray()
            found = np.tile((there.sum(axis=1) + there[:, 0] * there[:, 1])[:, None], (1, 6)).astype(np.float32)
            return found if items is None else found[:, items]

    game = Game(Pairs(), histories([[0, 1, 2]]), Target(5))  # type: ignore[arg-type]
    smaller = robustness.without_one(game, 3, np.random.default_rng(0))
    assert [each.histories.items.tolist() for each in smaller] == [[1, 2]]
    ablation = registry.get("ablation")
    found = ablation.explain(game)  # 2, 2, 1; without item 0 they are 1 and 1
    moved = robustness.max_sensitivity(ablation.explain, game, found, smaller)
    assert moved == pytest.approx(1 / math.sqrt(2**2 + 1**2))


def test_people_of_whom_nothing_is_known_are_left_out(data: Dataset):
    model = trained("ease", data)
    found = examine(model, histories([[], [0, 1]]), np.array([7, 8]), Plan(WAYS))
    assert found.skipped == 1
    assert {row["person"] for row in found.rows} == {8}


def test_what_can_explain_nobody_says_why(data: Dataset):
    model = trained("user_knn", data)
    found = examine(model, data.histories.select(np.arange(3)), np.arange(3), Plan((Way("contributions"),)))
    assert "not linear" in found.cannot["contributions"]
    assert {row["way"] for row in found.rows} == {RANDOM, GREEDY}


def test_slow_methods_are_tried_with_fewer_people(data: Dataset):
    model, few = trained("ease", data), data.histories.select(np.arange(4))
    plan = Plan((Way("shapley_sampling"), Way("ablation")), slow_people=2, close=0)
    table = pd.DataFrame(examine(model, few, np.arange(4), plan).rows)
    assert set(table[table["way"] == "shapley_sampling"]["person"]) == {0, 1}
    assert len(table[table["way"] == "ablation"]) == 4


def test_cancelling_stops_between_people(data: Dataset):
    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examine(trained("ease", data), data.histories, data.users.keys, replace(Plan(WAYS), close=0), tell=stop)


def test_every_registered_method_is_a_way_and_chance_has_curves(found: Examined):
    assert {way.method for way in default_ways()} == set(registry.METHODS)
    curves = {(row["way"], row["curve"]): row for row in mean_curves(found.curves)}
    chance = curves[RANDOM, "deletion_by_share"]
    assert (chance["value"][0], chance["value"][-1]) == (pytest.approx(1), pytest.approx(0))
    assert all(low <= high for low, high in zip(chance["low"], chance["high"], strict=True))


class Slowly:
    """Another recommender, which takes a second by its own clock for more than 100 histories at once."""

    def __init__(self, model: Recommender) -> None:
        self.model, self.now, self.name = model, 0.0, model.name

    def score(self, met, *, items=None, adapted=None):  # type: ignore[no-untyped-def]
        self.now += len(met) > 100
        return self.model.score(met, items=items)

    def monotonic(self) -> float:
        return self.now


def test_a_way_that_takes_too_long_is_tried_with_fewer_people_and_the_others_go_on(
    data: Dataset, monkeypatch: pytest.MonkeyPatch
):
    slow, ways = Slowly(trained("ease", data)), (Way("shapley_sampling"), Way("ablation"))
    monkeypatch.setattr(examined, "time", slow)  # of eight items the first asks over 100 coalitions, the second ten
    plan = Plan(ways, close=0, draws=1, seconds=10.0, fewest=3)
    found = examine(slow, data.histories, data.users.keys, plan)  # type: ignore[arg-type]
    assert counted(found) == {"shapley_sampling": 6, "ablation": 40}  # six seconds are more than half of ten
    few = replace(plan, fewest=9)
    assert counted(examine(slow, data.histories, data.users.keys, few))["shapley_sampling"] == 9  # type: ignore[arg-type]


def test_a_way_is_over_once_its_share_is_used_up_and_enough_people_are_explained():
    ways = (Way("shapley_sampling"), Way("ablation"))
    clock = Clock(
        Plan(ways, seconds=10.0, fewest=3), spent={ways[0]: 6.0, ways[1]: 4.0}, explained=dict.fromkeys(ways, 3)
    )
    assert [clock.over(way) for way in ways] == [True, False]
    assert not replace(clock, explained=dict.fromkeys(ways, 2)).over(ways[0])
    assert not replace(clock, plan=Plan(ways)).over(ways[0])


def test_after_its_time_nobody_more_is_examined_than_the_fewest_that_are_judged(data: Dataset):
    model, plan = trained("ease", data), Plan(WAYS, close=0, seconds=0.0, fewest=7)
    done: list[int] = []
    found = examine(model, data.histories, data.users.keys, plan, tell=done.append)
    assert counted(found) == dict.fromkeys((way.key for way in WAYS), 7)
    assert done == list(range(1, 8))
    rows = {row["way"]: row for row in summarised(found)["ways"]}
    assert rows["ablation"]["people"] == 7


def counted(found: Examined) -> dict[str, int]:
    counts = pd.DataFrame(found.rows)["way"].value_counts().to_dict()
    return {way: count for way, count in counts.items() if way not in (RANDOM, GREEDY)}
