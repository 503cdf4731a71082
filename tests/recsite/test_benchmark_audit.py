"""The benchmarks of audits on a small catalog: the same steps, the same rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame

from explain.fairness import groups
from explain.fairness.audit import audit
from explain.fairness.base import Asked, Grouping
from recommender.data.splits import leave_last_out
from recommender.evaluation.protocol import Evaluation, evaluate
from recsite.benchmarks import BENCHMARKS, audit_1m, audit_data, audit_scale, audit_simulation
from recsite.benchmarks.audit_data import People
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks

QUIET = lambda line: None  # noqa: E731


@pytest.fixture(scope="module")
def people() -> People:
    dataset = blocks(n_people=120, length=9)
    known = {"categories": [["drama"] if at % 2 else ["comedy", "war"] for at in range(dataset.n_items)],
             "year": [None if at == 0 else 1980 + at for at in range(dataset.n_items)]}  # fmt: skip
    dataset = replace(dataset, item_fields=pd.DataFrame(known))
    at = np.arange(120)
    table = {
        "gender": np.where(at % 3 == 0, "F", "M"),
        "age": at % 2 * 10 + 18,
        "occupation": np.where(at < 60, "artist", "clerk"),
    }
    return People(dataset, pd.DataFrame(table))


@pytest.fixture(scope="module")
def found(people: People) -> Evaluation:
    split = leave_last_out(people.dataset)
    return evaluate(fitted("ease", split.before_test), split.test, people.dataset)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, people: People, found: Evaluation) -> None:
    for module in (audit_1m, audit_simulation):
        monkeypatch.setattr(module, "people_1m", lambda say: people)
        monkeypatch.setattr(module, "evaluated", lambda people, algorithm, say: found)
    monkeypatch.setattr(audit_1m, "ROUNDS", 1)
    monkeypatch.setattr(audit_1m, "RESAMPLES", 50)
    monkeypatch.setattr(audit_1m, "THEIRS", 1)
    monkeypatch.setattr(audit_simulation, "RESAMPLES", 50)
    monkeypatch.setattr(audit_simulation, "PERMUTATIONS", 19)
    monkeypatch.setattr(audit_simulation, "DRAWS", 12)
    monkeypatch.setattr(audit_simulation, "PLANTED", 300)


def test_they_are_registered():
    names = {"audit": "audit_1m", "audit-scale": "audit_scale", "audit-simulation": "audit_simulation"}
    assert {name: BENCHMARKS[name] for name in names} == {
        name: f"recsite.benchmarks.{at}" for name, at in names.items()
    }


@pytest.mark.usefixtures("small")
def test_the_audit_is_measured_beside_fairlearns_bootstrap():
    result: dict[str, Any] = audit_1m.run(QUIET)
    assert result["ours"] > result["peer"] > 0 and result["ratio"] == pytest.approx(result["ours"] / result["peer"])
    assert result["seconds"] > 0 and result["rows"][0]["groups"] == 6 + 3 * 4
    assert result["summary"].startswith("120 people were looked at")


def test_fairlearn_is_asked_for_the_means_that_the_audit_tells(people: People, found: Evaluation):
    material = audit_data.material_1m(people, found)
    report = audit(material, Asked(resamples=20, permutations=9))
    values = material.quality["ndcg@10"].to_numpy(dtype=np.float64)
    theirs: MetricFrame = audit_1m.by_fairlearn(values, material.groupings[0], 2)
    ours = {group["value"]: group["metrics"]["ndcg@10"]["mean"] for group in report["groupings"][0]["groups"]}
    assert ours == {name: pytest.approx(theirs.by_group[name], abs=1e-7) for name in ("F", "M")}
    assert len(theirs.by_group_ci) == 2
    assert material.classes[0].names == ("comedy", "drama", "war")
    assert material.classes[1].members[0].sum() == 0  # no year, no decade


@pytest.mark.usefixtures("small")
def test_the_simulation_has_a_row_a_group_with_its_coverage_and_power():
    result = audit_simulation.run(QUIET)
    assert {(row["grouping"], row["group"]) for row in result["rows"]} == {
        ("gender", "F"), ("gender", "M"), ("age", "18"), ("age", "28"), ("occupation", "artist"),
        ("occupation", "clerk")}  # fmt: skip
    assert all(0.5 <= row["coverage"] <= 1 and abs(row["power"] - row["theory"]) < 0.2 for row in result["rows"])
    every = result["coverage of every group that can be shown"]
    assert every["groups"] == 18 and 0.85 <= every["least"] <= every["most"] <= 1
    assert set(result["false alarms"]) == {
        "omnibus gender", "omnibus age", "omnibus occupation", "groups, Holm", "omnibus, Holm"}  # fmt: skip


def test_a_tilted_draw_has_the_planted_gap():
    values = np.r_[np.zeros(70), np.linspace(0.3, 1, 30)]
    chances = audit_simulation.tilted(values, 0.03)
    assert chances.sum() == pytest.approx(1) and chances @ values - values.mean() == pytest.approx(0.03)
    assert (np.diff(chances[70:]) > 0).all()
    assert audit_simulation.tilted(values, -0.03) @ values - values.mean() == pytest.approx(-0.03)


def test_the_generated_million_is_audited_the_same_way_with_fewer():
    row = audit_scale.main(3000)
    assert row["people"] == row["lists"] == 3000 and row["resamples"] == 2000
    assert row["seconds"] > 0 and row["gigabytes"] >= row["gigabytes_of_data"] > 0
    made = audit_scale.generated(2000)
    assert made.lists.shape == (2000, 20) and len(made.groupings) == 8
    taste = groups.by_taste(made.histories, made.shares)
    assert isinstance(taste, Grouping) and (made.groupings[4].codes == taste.codes).all()
