"""Explanations over REST and on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from explain.models import Examination, Explanation
from explain.services import bulk
from explain.services.examining import execute_examination
from explain.services.explaining import explain
from recommender.exceptions import Cancelled
from recommender.models import Catalog, EndUser, Run
from recommender.services.erasure import erase
from recommender.services.leases import Lease
from tests.recommender.api.support import Api, problem_of

pytestmark = pytest.mark.django_db


def test_an_item_of_a_list_is_explained(filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]):
    run, client = deploy(filled, "ease"), api("read")
    item = client.list_for("u0")["items"][0]["item"]
    answer = client.get("users", "u0", "recommendations", item, "explanation")
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["run"], found["user"], found["item"], found["method"]) == (run.pk, "u0", item, "contributions")
    assert found["gap"] < 1e-5
    assert set(found["units"][0]) == {"kind", "id", "label", "value"}
    assert found["sentence"].endswith(".")
    assert found["counterfactual_text"]
    assert {"contributions", "ablation"} <= set(found["methods"])
    for name in found["methods"]:
        assert client.get("users", "u0", "recommendations", item, "explanation", method=name).status_code == 200
    assert "shap_permutation" in found["methods_as_tasks"]
    for name in found["methods_as_tasks"]:
        problem_of(client.get("users", "u0", "recommendations", item, "explanation", method=name), 400)


def test_method_target_and_k_are_taken(filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]):
    deploy(filled, "ease")
    at = ("users", "u0", "recommendations", "i8", "explanation")
    found = api("read").get(*at, method="ablation", other="i9", k=3, counterfactual="off").json()
    assert (found["method"], found["target"], found["other"], found["k"]) == ("ablation", "margin", "i9", 3)
    assert found["additive"] is False
    assert found["counterfactual_found"] is None


@pytest.mark.parametrize(
    ("user", "item", "query", "status", "field"),
    [
        ("nobody", "i8", {}, 404, "user"),
        ("u0", "nothing", {}, 404, "item"),
        ("u0", "i8", {"method": "guess"}, 400, "method"),
        ("u0", "i8", {"target": "mood"}, 400, "target"),
        ("u0", "i8", {"k": 0}, 400, "k"),
        ("u0", "i8", {"depth": 3}, 400, "depth"),
        ("u0", "i8", {"run": 999}, 400, "run"),
    ],
)
def test_what_cannot_be_answered_is_a_problem_that_names_the_field(
    filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api], user: str, item: str, query: Any, status: int,
    field: str,
):  # fmt: skip
    deploy(filled, "ease")
    answer = api("read").get("users", user, "recommendations", item, "explanation", **query)
    assert problem_of(answer, status)["errors"][0]["field"] == field


def test_another_catalogs_people_are_unknown(
    filled: Catalog, other: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]
):
    deploy(filled, "ease")
    assert api("read", to=other).get("users", "u0", "recommendations", "i8", "explanation").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_in_bulk_a_worker_writes_a_line_for_each_item(
    filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]
):
    deploy(filled, "ease")
    EndUser.objects.create(catalog=filled, client_id="empty")
    client = api()
    made = client.post("explanations", body={"users": ["u0", "u1", "empty"], "n": 3, "counterfactuals": True})
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["status"], row["file"]) == ("queued", None)
    assert execute_examination(examination_id=row["id"])
    done = client.get("explanations", str(row["id"])).json()
    assert (done["status"], done["rows"], done["refused"], done["people"]) == ("succeeded", 7, 1, 3)
    file = client.get("explanations", str(row["id"]), "file")
    lines = [json.loads(line) for line in b"".join(file.streaming_content).decode().splitlines()]
    assert [(line["user"], line.get("item") is not None) for line in lines] == [("u0", True)] * 3 + [
        ("u1", True)
    ] * 3 + [("empty", False)]
    assert "popular" in lines[-1]["error"]
    single = client.get("users", "u0", "recommendations", lines[0]["item"], "explanation", k=3).json()
    assert lines[0]["units"] == single["units"]


def test_people_who_are_not_there_have_a_line_each_and_nothing_of_a_file_is_kept_beside_it(
    filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]
):
    run, client = deploy(filled, "ease"), api()
    body = {"users": ["u1", "nobody", "none", "nobody"], "n": 2}
    number = client.post("explanations", body=body).json()["id"]
    assert execute_examination(examination_id=number)
    done = client.get("explanations", str(number)).json()
    assert (done["status"], done["rows"], done["refused"], done["people"]) == ("succeeded", 4, 2, 1)
    file = client.get("explanations", str(number), "file")
    lines = [json.loads(line) for line in b"".join(file.streaming_content).splitlines()]
    assert lines[:2] == [
        {"run": run.pk, "user": name, "error": f"There is no person “{name}” in this catalog."}
        for name in ("nobody", "none")
    ]
    assert [line["user"] for line in lines[2:]] == ["u1", "u1"]
    assert not Explanation.objects.exists()


def test_a_file_that_nobody_is_in_is_empty(filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]):
    deploy(filled, "ease")
    client = api()
    number = client.post("explanations", body={"users": []}).json()["id"]
    assert execute_examination(examination_id=number)
    assert client.get("explanations", str(number)).json()["rows"] == 0
    assert b"".join(client.get("explanations", str(number), "file").streaming_content) == b""


def test_one_that_is_written_is_cancelled_between_two_items(
    filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api], monkeypatch: pytest.MonkeyPatch
):
    deploy(filled, "ease")
    client, asked = api(), []
    number = client.post("explanations", body={"users": ["u0"], "n": 5}).json()["id"]

    def explained(question: Any, **more: Any) -> Any:
        asked.append(question.item)
        answer = client.post("explanations", str(number), "cancel", body={})
        assert answer.status_code == (200 if len(asked) == 1 else 409), answer.content
        return explain(question, **more)

    monkeypatch.setattr(bulk, "explain", explained)
    monkeypatch.setattr(Lease, "check", lambda lease: told(Examination.objects.get(pk=number)))
    assert execute_examination(examination_id=number)
    done = client.get("explanations", str(number)).json()
    assert (done["status"], done["file"], len(asked)) == ("cancelled", None, 1)
    assert problem_of(client.post("explanations", str(number), "cancel", body={}), 409)["detail"].startswith(
        "This examination"
    )


def told(row: Examination) -> None:
    """What a lease says once its heart has beaten, which it does every few seconds."""
    if row.cancel_requested:
        raise Cancelled


def test_one_that_waits_is_cancelled_at_once_by_whoever_may_train(
    filled: Catalog, other: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]
):
    deploy(filled, "ease")
    client = api()
    number = str(client.post("explanations", body={"users": ["u0"]}).json()["id"])
    assert api("read").post("explanations", number, "cancel", body={}).status_code == 403
    assert api(to=other).post("explanations", number, "cancel", body={}).status_code == 404
    assert client.post("explanations", number, "cancel", body={}).json()["status"] == "cancelled"
    assert not execute_examination(examination_id=int(number))


def test_erasing_someone_deletes_the_file(filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]):
    deploy(filled, "ease")
    client = api()
    number = client.post("explanations", body={"users": ["u0"], "n": 1}).json()["id"]
    execute_examination(examination_id=number)
    erase(catalog=filled, user_ids=[EndUser.objects.get(client_id="u0").pk])
    assert "erased" in problem_of(client.get("explanations", str(number), "file"), 409)["detail"]
    assert client.get("explanations", str(number)).json()["file"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [({"n": 0}, "n"), ({"method": "guess"}, "method"), ({"run": 999}, "run"), ({"depth": 1}, "depth")],
)
def test_a_file_that_cannot_be_made_is_refused(
    filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api], body: Any, field: str
):
    deploy(filled, "ease")
    assert problem_of(api().post("explanations", body=body), 400)["errors"][0]["field"] == field
    assert not Examination.objects.exists()


def test_a_key_that_only_reads_starts_no_file(filled: Catalog, api: Callable[..., Api]):
    assert api("read").post("explanations", body={}).status_code == 403


def test_the_command_prints_a_waterfall_and_the_same_as_json(filled: Catalog, deploy: Callable[..., Run]):
    run = deploy(filled, "ease")
    given = {"run": run.pk, "user": "u0", "item": "i8"}
    plain, told = StringIO(), StringIO()
    call_command("explain", **given, stdout=plain)
    call_command("explain", **given, json=True, stdout=told)
    found = json.loads(told.getvalue())
    assert {
        "run", "user", "item", "method", "target", "prediction", "baseline_prediction", "gap", "units",
        "counterfactual", "sentence",
    } <= set(found)  # fmt: skip
    text = plain.getvalue()
    assert found["sentence"] in text
    assert f"{found['prediction']:>12.4f}  score" in text
    for unit in found["units"]:
        assert f"{unit['value']:>+12.4f}" in text


def test_the_command_says_in_a_line_what_is_wrong(filled: Catalog, deploy: Callable[..., Run]):
    run = deploy(filled, "ease")
    for given, words in (({"user": "nobody"}, "no person “nobody”"), ({"item": "x"}, "no item “x”")):
        with pytest.raises(CommandError, match=words):
            call_command("explain", **{"run": run.pk, "user": "u0", "item": "i8", **given})


def test_what_it_is_about_and_what_else_is_looked_for_are_taken(
    filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]
):
    deploy(filled, "ncf")
    client = api("read")
    first = client.list_for("u0")["items"][0]["item"]
    at = ("users", "u0", "recommendations", first, "explanation")
    found = client.get(*at, units="fields", changes="entry", counterfactual="off").json()
    assert found["about"] == "fields"
    assert {unit["kind"] for unit in found["units"]} == {"item_field"}
    assert (found["changes"]["kind"], found["changes"]["found"]) == ("entry", None)
    assert found["counterfactual_found"] is None
    plain = client.get(*at, counterfactual="off").json()
    assert plain["about"] == "history" and "changes" not in plain
    outside = client.get("users", "u0", "recommendations", "i20", "explanation", changes="entry", k=1).json()
    assert set(outside["changes"]) >= {"kind", "found", "added", "removed", "rank", "smallest", "tried", "text"}
    for name in ("units", "changes"):
        assert problem_of(client.get(*at, **{name: "mood"}), 400)["errors"][0]["field"] == name


def test_units_of_a_recommender_of_histories_alone_are_a_problem(
    filled: Catalog, deploy: Callable[..., Run], api: Callable[..., Api]
):
    deploy(filled, "ease")
    answer = api("read").get("users", "u0", "recommendations", "i8", "explanation", units="fields")
    told = problem_of(answer, 400)
    assert told["errors"][0]["field"] == "units"
    assert "only histories" in json.dumps(told)


def test_the_command_takes_units_and_changes(filled: Catalog, deploy: Callable[..., Run]):
    run = deploy(filled, "ncf")
    told = StringIO()
    call_command("explain", run=run.pk, user="u0", item="i20", k=1, units="everything", changes="entry", stdout=told)
    assert "what is said of it: categories Drama" in told.getvalue()
    assert "would rise from place" in told.getvalue() or "Nothing within" in told.getvalue()
    with pytest.raises(CommandError, match="about one of"):
        call_command("explain", run=run.pk, user="u0", item="i20", units="mood")
