"""`manage.py audit_fairness`: a table for people, one JSON object, the report as a file."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from recommender.models import Catalog, Run
from recommender.services import training
from tests.explain.services.test_auditing import crowd
from tests.recommender.pages import films

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    catalog = films()
    crowd(catalog)
    made = training.create_run(catalog=catalog, algorithm="popularity")
    training.execute_run(run_id=made.pk)
    return Run.objects.get(pk=made.pk)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("audit_fairness", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_json_has_each_group_with_its_distance_to_the_rest(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    found = json.loads(said("--run", str(run.pk), "--group", "gender", "--k", "3", "--json", "--html", str(file)))
    assert found["run"] == run.pk
    groups = {group["value"]: group for group in found["groups"]["gender"]}
    assert (groups["F"]["people"], groups["F"]["suppressed"]) == (36, False)
    assert set(groups["F"]["ndcg@3"]) == {"mean", "versus_rest", "low", "high", "p"}
    assert groups["F"]["ndcg@3"]["versus_rest"] == pytest.approx(-groups["M"]["ndcg@3"]["versus_rest"], abs=1e-6)
    assert found["tests"]["method"] == "Holm"
    assert "gender" in file.read_text() and "<script" not in file.read_text()


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_for_people_it_is_a_table_and_says_what_there_is_not(run: Run) -> None:
    drawn = {"resamples": 300, "permutations": 200, "seed": 3}
    settings = [word for name, value in drawn.items() for word in (f"--{name}", str(value))]
    text = said("--run", str(run.pk), "--group", "gender", "--group", "town", *settings)
    about = run.disparity_audits.get().results["about"]
    assert {name: about[name] for name in drawn} == drawn
    assert "72 people were looked at" in text
    assert any(line.split()[:3] == ["F", "36", "people"] for line in text.splitlines())
    assert "town" in text.rsplit("\n", 2)[-2]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--k", "0"], "k takes a whole number from 1 to 100"),
        (["--resamples", "10"], "resamples takes a whole number from 200 to 20,000"),
        (["--catalog", "nowhere"], "nowhere"),
        (["--catalog", "books"], "books has no run"),
        (["--html", "/nowhere/at/all.html"], "cannot be written"),
    ],
)
def test_nonsense_is_one_clear_line(run: Run, more: list[str], words: str) -> None:
    Catalog.objects.create(name="books")
    with pytest.raises(CommandError, match=words):
        said("--run", str(run.pk), *more)


def test_a_run_that_was_not_kept_says_what_to_do(run: Run) -> None:
    run.checkpoints.all().delete()
    with pytest.raises(CommandError, match="train it again to audit it"):
        said("--run", str(run.pk))
