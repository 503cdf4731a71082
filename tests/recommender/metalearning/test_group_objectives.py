from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from recommender.algorithms import registry
from recommender.algorithms.base import Recommender, State, describe
from recommender.data.dataset import Dataset
from recommender.evaluation.space import space
from recommender.exceptions import BadConfig, NotTrainable
from recommender.metalearning.group_objectives import (
    DRO,
    GINI,
    OBJECTIVES,
    PACE,
    REWEIGHT,
    STD,
    GroupConfig,
    GroupObjective,
    adversary,
    objective,
    objectives_of,
    slopes,
)
from tests.recommender.metalearning.planted import costs, errors, opposite

CODES = np.array([0, 0, 0, 1])
LOSSES = torch.tensor([1.0, 2.0, 3.0, 6.0], dtype=torch.float64)
"""Mean losses 2 of three quarters and 6 of one: 3 on the whole."""


def made(kind: str, strength: float, codes: NDArray[np.int64] = CODES) -> GroupObjective:
    config = GroupConfig(group_objective=kind, group_strength=strength, groups="taste")
    return GroupObjective(config, codes, np.ones(len(codes)))


def value(kind: str, strength: float) -> float:
    return float(made(kind, strength)(LOSSES, np.arange(4)))


def test_of_reweighting_groups_count_alike_whatever_their_size() -> None:
    assert value(REWEIGHT, 1.0) == pytest.approx((2 + 6) / 2)
    assert value(REWEIGHT, 0.5) == pytest.approx((3 + 4) / 2)
    weights = made(REWEIGHT, 0.5).weights(LOSSES, np.arange(4)).tolist()
    assert weights == pytest.approx([0.5 + 0.5 * 4 / (2 * 3)] * 3 + [0.5 + 0.5 * 4 / 2])


def test_the_adversary_of_dro_moves_to_the_group_with_the_larger_loss() -> None:
    asked = made(DRO, 1.0)
    asked.rate = np.log(3) / 4  # exp(η · 6) is three times exp(η · 2)
    assert float(asked(LOSSES, np.arange(4))) == pytest.approx(0.25 * 2 + 0.75 * 6)
    assert asked.q == pytest.approx([0.25, 0.75])
    assert adversary(np.array([0.5, 0.5]), np.array([1e4, 1e4 + 1]), 1.0) == pytest.approx(
        [1 / (1 + np.e), np.e / (1 + np.e)]
    )
    asked.pace(50)
    assert asked.rate == PACE / 50


def test_the_standard_deviation_of_group_losses_is_added_to_their_mean() -> None:
    assert value(STD, 0.5) == pytest.approx(3 + 0.5 * np.sqrt(0.75 * 1 + 0.25 * 9))


def test_the_gini_coefficient_of_group_losses_raises_their_mean() -> None:
    gini = 2 * 0.75 * 0.25 * (6 - 2) / (2 * 3)
    assert value(GINI, 0.5) == pytest.approx(3 * (1 + 0.5 * gini))


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_the_slope_is_that_of_finite_differences(kind: str) -> None:
    losses, shares, q = np.array([2.0, 1.5, 4.0]), np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    step = 1e-6 * np.eye(3)
    differences = [
        (objective(kind, 0.7, losses + each, shares, q) - objective(kind, 0.7, losses - each, shares, q)) / 2e-6
        for each in step
    ]
    found = slopes(kind, 0.7, losses, shares, q)
    assert found == pytest.approx(differences, abs=1e-6)
    assert found @ losses == pytest.approx(objective(kind, 0.7, losses, shares, q))


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_the_gradient_in_each_loss_is_that_of_finite_differences(kind: str) -> None:
    losses = LOSSES.clone().requires_grad_()
    made(kind, 0.5)(losses, np.arange(4)).backward()
    assert losses.grad is not None
    for at in range(4):
        moved = LOSSES.clone()
        moved[at] += 1e-4
        slope = (float(made(kind, 0.5)(moved, np.arange(4))) - value(kind, 0.5)) / 1e-4
        assert float(losses.grad[at]) == pytest.approx(slope, abs=2e-3)


@pytest.mark.parametrize("kind", OBJECTIVES)
def test_of_no_strength_it_is_the_plain_mean(kind: str) -> None:
    assert value(kind, 0.0) == pytest.approx(3.0)
    data, _ = opposite()
    config = registry.config_class("sasrec").from_mapping({"group_objective": kind, "group_strength": 0, "groups": "x"})
    assert objectives_of(config, data, {"places": data.histories.lengths}) == {}


def test_whose_group_is_not_known_counts_as_before() -> None:
    codes = np.array([0, 0, 0, 1, -1])
    weights = made(REWEIGHT, 1.0, codes).weights(torch.ones(5), np.arange(5)).tolist()
    assert weights == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2, 1])


def test_batches_before_tell_of_groups_that_a_batch_lacks() -> None:
    asked = made(STD, 0.5)
    asked(LOSSES, np.arange(4))
    without = asked.weights(torch.tensor([1.0, 2.0, 3.0]), np.array([0, 1, 2])).tolist()
    assert without == pytest.approx([1 + 0.5 * (2 - 3) / np.sqrt(3)] * 3)


def test_no_group_is_made_worse_on_purpose() -> None:
    assert made(STD, 10.0).weights(LOSSES, np.arange(4)).tolist() == pytest.approx([0, 0, 0, 1 + 10 * 3 / np.sqrt(3)])


def test_what_is_kept_goes_on_where_it_was() -> None:
    first, second = made(DRO, 1.0), made(DRO, 1.0)
    first(LOSSES, np.arange(4))
    second.load(first.state())
    again = LOSSES.flip(0)
    assert float(first(again, np.arange(4))) == float(second(again, np.arange(4)))


def test_settings_that_mean_nothing_are_refused() -> None:
    with pytest.raises(BadConfig, match="groups must name what makes the groups of dro"):
        GroupConfig(group_objective="dro")
    with pytest.raises(BadConfig, match="at most 1 with reweight"):
        GroupConfig(group_objective="reweight", group_strength=2, groups="gender")
    with pytest.raises(BadConfig, match="must be one of none, reweight, dro, std, gini"):
        GroupConfig(group_objective="fair")


def test_searches_leave_the_groups_alone_and_forms_tell_them_last() -> None:
    names = [row["name"] for row in describe(registry.config_class("sasrec"))]
    assert names[-3:] == ["group_objective", "group_strength", "groups"]
    assert not {"group_objective", "group_strength", "groups"} & {
        each.name for each in space(registry.config_class("sasrec"))
    }


SEQUENCES: dict[str, Any] = {"factors": 8, "length": 8, "epochs": 2, "initial": "random", "batch": 16,
                             "learning_rate": 0.01}  # fmt: skip
GRADIENT = {"epochs": 2, "batch": 16, "factors": 4, "hidden": 4, "behaviour": 4, "negatives": 8, "references": 8,
            "shots": 3, "queries": 5}  # fmt: skip
RIDGE = {"epochs": 2, "batch": 16, "factors": 4, "width": 8, "features": 4, "shots": 3, "queries": 5}
NCF = {"factors": 4, "hidden": 4, "epochs": 4, "batch": 64, "negatives": 4, "learning_rate": 0.01}
CASES: list[tuple[str, dict[str, Any], str]] = [
    ("gru", SEQUENCES, STD),
    *(("sasrec", SEQUENCES, kind) for kind in (REWEIGHT, DRO, STD, GINI)),
    ("sasrec", {**SEQUENCES, "loss": "bce", "negatives": 4}, REWEIGHT),
    ("ncf", NCF, GINI),
    ("ncf", {**NCF, "loss": "rating"}, DRO),
    ("fm", {"factors": 4, "epochs": 2, "batch": 64}, STD),
    ("student", {**SEQUENCES, "teacher": "popularity"}, DRO),
    ("student", {**SEQUENCES, "teacher": "sasrec"}, REWEIGHT),
    ("maml", GRADIENT, DRO),
    ("fomaml", GRADIENT, STD),
    ("anil", GRADIENT, GINI),
    ("reptile", GRADIENT, REWEIGHT),
    ("ridge_head", RIDGE, REWEIGHT),
    ("neural_process", RIDGE, GINI),
    ("neural_process", {**RIDGE, "loss": "rating", "epochs": 6}, DRO),
    ("prototypes", {"epochs": 2, "batch": 64, "factors": 4, "collaborative": 4, "cuts": 4, "use_text": False}, STD),
]
PLAIN: dict[str, list[tuple[float, float]]] = {}


def trained(
    name: str, given: Mapping[str, Any], data: Dataset, *, resume: State | None = None, report: Any = lambda *_: None
) -> Recommender:
    config = registry.config_class(name).from_mapping(given)
    parents = {}
    for each in registry.parents(name, config):
        parents[each] = trained(each, SEQUENCES if each == "sasrec" else {}, data)
    rng = np.random.default_rng(0)
    return registry.create(name, config).fit(data, parents=parents, resume=resume, rng=rng, report=report)


@pytest.mark.parametrize(("name", "given", "kind"), CASES)
def test_few_people_of_opposite_taste_are_served_better(name: str, given: dict[str, Any], kind: str) -> None:
    data, few = opposite()
    measures = [errors] if given.get("loss") == "rating" else [costs, errors] if name == "ncf" else [costs]
    key = f"{name} {given}"
    if key not in PLAIN:
        plain = trained(name, given, data)
        PLAIN[key] = [measure(plain, data, few) for measure in measures]
    model = trained(name, {**given, "group_objective": kind, "group_strength": 1.0, "groups": "taste"}, data)
    for before, measure in zip(PLAIN[key], measures, strict=True):
        after = measure(model, data, few)
        assert after[0] < before[0]
        assert after[0] - after[1] < before[0] - before[1]


@pytest.mark.parametrize(("name", "given"), [("sasrec", SEQUENCES), ("ncf", NCF), ("anil", GRADIENT)])
def test_a_training_that_is_resumed_keeps_the_adversary(name: str, given: dict[str, Any]) -> None:
    data, _ = opposite()
    states: list[State] = []
    given = {**given, "group_objective": DRO, "group_strength": 1.0, "groups": "taste"}
    whole = trained(name, given, data, report=lambda progress, metrics, state: states.append(state))
    assert any(key.startswith("groups.") and key.endswith(".q") for key in states[0])
    again = trained(name, given, data, resume=states[0])
    for key, array in whole.state().items():
        assert np.array_equal(array, again.state()[key]), key


def test_what_is_learned_in_closed_form_weighs_no_groups() -> None:
    data, _ = opposite()
    looked = {**RIDGE, "loss": "rating", "group_objective": DRO, "groups": "taste"}
    with pytest.raises(NotTrainable, match="closed form"):
        trained("ridge_head", looked, data)
