"""A run with a preparation: stored, carried out before the split, reported, and the same when it is resumed."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from recommender.exceptions import BadConfig
from recommender.models import Attribute, Catalog, Run
from recommender.services import preparing, training
from tests.recommender.imports import put_in, written
from tests.recommender.pages import login, text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    made = Catalog.objects.create(name="films", title="Films")
    rows = [f"u{p},i{(p + step) % 6},{1 + (p + step) % 5},{p * 10 + step}" for p in range(8) for step in range(4)]
    items = written(tmp_path / "i.csv", "item,year,colour", "i0,1990,red", "i1,,blue", "i2,2010,red", "i3,2000,")
    put_in(
        made, written(tmp_path / "a.csv", "user,item,rating,timestamp", *rows, "rare,i0,9,5", "u0,i0,9,99"), items=items
    )
    return made


def trained(catalog: Catalog, algorithm: str = "popularity", **preparation: Any) -> Run:
    run = training.create_run(catalog=catalog, algorithm=algorithm, preparation=preparation)
    training.execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded", run.error
    return run


def test_without_one_nothing_is_stored(catalog: Catalog) -> None:
    run = trained(catalog)
    assert run.preparation == {} and run.preparation_report == {}
    assert trained(catalog, duplicates="keep", core="no", columns="3").preparation == {}


def test_it_is_carried_out_before_the_split_and_reported(catalog: Catalog) -> None:
    plain = trained(catalog)
    run = trained(catalog, scale_low=1, scale_high=5, min_person=2, gaps="item.year=median")
    assert run.preparation["gaps"] == "item.year=median" and run.preparation["duplicates"] == "keep"
    report = run.preparation_report
    assert report["before"] == {"interactions": 34, "people": 9, "items": 6}
    assert [(step["step"], step["after"]["interactions"]) for step in report["steps"]] == [
        ("scale", 32), ("minimal counts", 32),
    ]  # fmt: skip
    assert [row["with"] for row in report["columns"] if "with" in row] == [2000.0]
    assert plain.people == 8 and run.people == 8
    assert run.data_fingerprint != plain.data_fingerprint
    again = trained(catalog, scale_low=1, scale_high=5, min_person=2, gaps="item.year=median")
    assert again.data_fingerprint == run.data_fingerprint and again.metrics == run.metrics


def test_parents_learn_from_the_same_data(catalog: Catalog) -> None:
    run = training.create_run(catalog=catalog, algorithm="ensemble", preparation={"min_person": 2})
    assert all(each.preparation == run.preparation for each in catalog.runs.all()) and catalog.runs.count() > 1


@pytest.mark.parametrize("algorithm", ["fm"])
def test_factorisation_reads_prepared_fields(catalog: Catalog, algorithm: str) -> None:
    Attribute.objects.filter(catalog=catalog).update(feature=True)
    run = training.create_run(
        catalog=catalog, algorithm=algorithm, config={"epochs": 1}, preparation={"fuse": True, "components": 2}
    )
    training.execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "succeeded", run.error
    assert "fused 1" in run.preparation_report["fused"]


def test_a_wrong_setting_is_named(catalog: Catalog) -> None:
    with pytest.raises(BadConfig, match="min_person must be at least 0") as told:
        preparing.settings_of({"min_person": -1})
    assert told.value.field == "preparation.min_person"


def test_the_form_and_the_page(catalog: Catalog, client: Any) -> None:
    client.force_login(login("superuser"))
    where = f"{reverse('run_new', args=['films'])}?algorithm=random"
    said = text_of(client.get(where))
    assert "Preparation of the data" in said and "k-core" in said
    answer = client.post(where, {"seed": "0", "prepare-min_person": "-3"})
    assert answer.status_code == 400 and "greater than or equal to 0" in text_of(answer)
    answer = client.post(where, {"seed": "0", "prepare-gaps": "year"})
    assert answer.status_code == 400 and "write item.year=median" in text_of(answer)
    client.post(where, {"seed": "0", "prepare-min_person": "2", "prepare-scale_high": "5", "prepare-cast": "on"})
    run = catalog.runs.get()
    assert run.preparation["min_person"] == 2 and run.preparation["cast"] is True
    page = reverse("run", args=["films", run.pk])
    assert "carried out when the run reads its data" in text_of(client.get(page))
    training.execute_run(run_id=run.pk)
    said = text_of(client.get(page))
    assert "2 of 34 interactions were left out" in said and "within the scale" in said
    like = client.get(f"{where}&like={run.pk}").content.decode()
    assert '<details class="fold" open>' in like and 'value="2"' in like


def test_rest_takes_and_gives_it(catalog: Catalog, client: Any) -> None:
    client.force_login(login("superuser"))
    given: dict[str, Any] = {"algorithm": "random", "preparation": {"min_person": 2}}
    made = client.post("/api/v1/runs/?catalog=films", given, content_type="application/json")
    assert made.status_code == 201 and made.json()["preparation"]["min_person"] == 2
    assert made.json()["preparation_report"] == {}
    given["preparation"] = {"min_person": "few"}
    wrong = client.post("/api/v1/runs/?catalog=films", given, content_type="application/json")
    assert wrong.status_code == 400 and "preparation.min_person" in wrong.content.decode()


def test_the_command_takes_it(catalog: Catalog) -> None:
    call_command("train", "random", "--catalog", "films", "--prepare", "min_person=2", "--json", stdout=StringIO())
    assert catalog.runs.get().preparation_report["after"]["people"] == 8
    with pytest.raises(CommandError, match="There is no setting “colour”"):
        call_command("train", "random", "--catalog", "films", "--prepare", "colour=red")
