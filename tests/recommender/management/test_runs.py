"""`evaluate`, `deploy`, `export_recommendations` and `status`: what they print and how they refuse."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from recommender.models import Deployment, Run
from recommender.services.training import create_run, execute_run
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from
from tests.support import Worker, environment_of_tests, until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run() -> Run:
    made = create_run(catalog=catalog_from(blocks()), algorithm="ease")
    execute_run(run_id=made.pk)
    made.refresh_from_db()
    return made


def said(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_evaluate_prints_metrics_with_intervals(run: Run):
    answer = json.loads(said("evaluate", "--run", str(run.pk), "--protocol", "leave-last-out", "--json"))
    assert answer == {"run": run.pk, "protocol": "leave-last-out", "people": 60, "metrics": run.metrics}
    assert set(answer["metrics"]["ndcg@10"]) == {"value", "low", "high"}
    assert "60 people" in said("evaluate", "--run", str(run.pk))


def test_evaluate_carries_a_protocol_out_in_this_process(run: Run):
    answer = json.loads(said("evaluate", "--run", str(run.pk), "--protocol", "cold-users", "--shots", "3", "--json"))
    assert (answer["run"], answer["protocol"], answer["people"], answer["shots"]) == (run.pk, "cold-users", 12, 3)
    assert set(answer["metrics"]["ndcg@10"]) == {"value", "low", "high"}
    assert run.measurements.get().status == "succeeded"


def test_evaluate_prints_the_floors_of_a_cold_protocol(run: Run):
    answer = json.loads(said("evaluate", "--run", str(run.pk), "--protocol", "cold-users", "--shots", "3", "--json"))
    assert "popularity" in [row["floor"] for row in answer["details"]["floors"]]
    printed = said("evaluate", "--run", str(run.pk), "--protocol", "cold-users", "--shots", "3")
    assert "Floors, on the same people:" in printed and "run − floor" in printed
    assert "NDCG@10: " in printed and "the best floor" in printed
    assert "one drawing" in printed and "benchmark learners" in printed


def test_deploy_puts_a_run_into_service(run: Run):
    answer = json.loads(said("deploy", "--run", str(run.pk), "--json"))
    assert Deployment.objects.get().run == run
    assert (answer["run"], answer["catalog"], answer["algorithm"]) == (run.pk, "films", "ease")


def test_export_writes_a_file_for_everyone(run: Run, tmp_path: Path):
    out = tmp_path / "lists.csv"
    answer = json.loads(said("export_recommendations", "--run", str(run.pk), "--k", "3", "--out", str(out), "--json"))
    assert answer == {"run": run.pk, "users": 60, "rows": 180, "out": str(out)}
    with out.open() as file:
        assert len(list(csv.DictReader(file))) == 180


def test_status_tells_servers_queues_workers_runs_and_ages(run: Run, worker: Callable[..., Worker]):
    one = worker()
    said("deploy", "--run", str(run.pk))
    waiting = Run.objects.create(catalog=run.catalog, algorithm="random", status="queued")
    until(lambda: json.loads(said("status", "--json"))["workers"], 20)
    answer = json.loads(said("status", "--json"))
    assert {name: state["ok"] for name, state in answer["servers"].items()} == dict.fromkeys(
        ("database", "redis", "broker"), True
    )
    assert answer["queues"] == {"default": 0, "training": 0}
    heard = next(each for each in answer["workers"] if each["name"] == one.name)
    assert (heard["queues"], heard["alive"]) == (["default", "training"], True)
    assert [each["run"] for each in answer["runs"]] == [waiting.pk]
    assert (answer["deployed"][0]["run"], answer["deployed"][0]["catalog"]) == (run.pk, "films")
    assert answer["deployed"][0]["model_age"] >= 0
    assert (answer["data"][0]["users"], answer["data"][0]["interactions"]) == (60, 480)
    text = said("status")
    assert "database: answers" in text
    assert f"films: run {run.pk} ease, deployed 0 s ago" in text


def test_status_counts_what_waits(run: Run):
    said("train", "popularity", "--catalog", "films", "--detach")
    assert json.loads(said("status", "--json"))["queues"]["training"] >= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluate", "--run", "999999"], "There is no run 999999"),
        (["evaluate", "--run", "99999999999999999999"], "There is no run"),
        (["evaluate", "--run", "{run}", "--protocol", "tomorrow"], "Available: leave-last-out, time, cold-users"),
        (["evaluate", "--run", "{run}", "--protocol", "k-fold"], "ease predicts no ratings"),
        (["evaluate", "--run", "{run}", "--protocol", "time", "--shots", "3"], "shots belongs to cold-users"),
        (["deploy", "--run", "999999"], "There is no run 999999"),
        (["export_recommendations", "--run", "{run}", "--out", "/nowhere/at/all.csv"], "cannot be written"),
        (["export_recommendations", "--run", "{run}", "--k", "0", "--out", "x.csv"], "k must be from 1"),
    ],
)
def test_nonsense_is_refused_in_a_line(run: Run, arguments: list[str], message: str):
    with pytest.raises(CommandError, match=message):
        said(*(argument.format(run=run.pk) for argument in arguments))


@pytest.mark.parametrize(
    "arguments", [["evaluate", "--run", "x"], ["evaluate", "--run", "999999"], ["deploy"], ["train", "ease"]]
)
def test_a_wrong_call_is_one_line_on_the_error_stream(arguments: list[str]):
    command = [sys.executable, "manage.py", *arguments, "--json"]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment_of_tests(), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
