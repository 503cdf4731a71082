"""Pages of remedies: what they say, to whom, and what is started, saved and put into service from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from explain import urls
from explain.models import RemedySweep
from explain.services import sweeping
from explain.views.sweep_figures import counted, gains_finding
from explain.views.sweep_words import best, beyond_chance, finding
from recommender.exceptions import Conflict
from recommender.models import Catalog, Checkpoint, Deployment, Run
from recommender.services import training
from tests.explain.disparities import audited
from tests.explain.sweeps import swept
from tests.explain.views.test_disparities import answered
from tests.recommender.pages import ROLES, films, login, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    return films()


@pytest.fixture
def sweep(catalog: Catalog) -> RemedySweep:
    run = catalog.runs.get(algorithm="ease")
    Checkpoint.objects.create(run=run, purpose=Checkpoint.Purpose.MEASURED, path="nowhere")
    return swept(catalog, run)


def entered(catalog: Catalog, role: str = "analyst") -> Client:
    client = Client()
    client.force_login(login(role, catalog))
    return client


def where(row: RemedySweep, page: str = "remedy", *more: Any) -> str:
    return reverse(page, args=[row.run.catalog.name, row.pk, *more])


def test_the_page_of_a_sweep_tells_what_each_strength_costs_and_brings(sweep: RemedySweep) -> None:
    said = text_of(entered(sweep.run.catalog).get(where(sweep)))
    for words in (
        "Gini coefficient of exposure goes from",
        "at strength 0.3",
        "the most even of those that cost at most 3%",
        "NDCG@10 against Gini coefficient of exposure, by strength",
        "Monotone within its intervals",
        "Gap of the worst group by gender",
        "Every disparity at every strength",
        "Gives each item a price.",
        "480 whose next choice was held out",
    ):
        assert words in said, words
    answer = entered(sweep.run.catalog, "superuser").get(where(sweep))
    assert where(sweep, "remedy_point", "0.3").encode() in answer.content, "every point has a link without a script"


def test_what_is_drawn_is_in_the_address_and_nonsense_falls_back(sweep: RemedySweep) -> None:
    client = entered(sweep.run.catalog)
    said = text_of(client.get(where(sweep), {"against": "gap:gender"}))
    assert "NDCG@10 against gap of the worst group by gender (F), by strength" in said
    assert "of each change, paired by person" in text_of(client.get(where(sweep), {"show": "changes"}))
    assert "of its change no interval is known" in text_of(client.get(where(sweep), {"against": "range:gender"}))
    assert "against Gini coefficient" in text_of(client.get(where(sweep), {"against": "<b>"}))
    table = client.get(where(sweep), {"format": "csv", "table": "strengths"})
    assert table["Content-Type"].startswith("text/csv")
    assert len(table.content.decode().strip().splitlines()) == 6


def test_a_login_without_the_right_sees_no_gap_by_a_sensitive_attribute(sweep: RemedySweep) -> None:
    client = entered(sweep.run.catalog, "operator")
    said = text_of(client.get(where(sweep), {"against": "gap:gender"}))
    assert "by gender" not in said and "Gaps by sensitive attributes are not shown" in said and "by age" in said
    said = text_of(client.get(where(sweep, "remedy_point", "1"), {"by": "gender"}))
    assert "By age: " in said and "gender" not in said
    assert '"gender"' not in client.get(reverse("remedies", args=[sweep.run.catalog.name])).content.decode()


def test_a_point_tells_who_gains_and_who_loses_and_no_single_person(sweep: RemedySweep) -> None:
    client = entered(sweep.run.catalog)
    said = text_of(client.get(where(sweep, "remedy_point", "1"), {"by": "gender"}))
    for words in (
        "Of 480 people",
        "Who gains and who loses",
        "By gender: M −",
        "Film 0",
        "Items that gain most exposure",
        "Classes by categories whose share moves most",
        "Save as a run",
        "Nothing is put into service by saving.",
    ):
        assert words in said, words
    assert "what every strength is compared with" in text_of(client.get(where(sweep, "remedy_point", "0")))
    for strength in ("0.2", "nan", "much"):
        assert client.get(where(sweep, "remedy_point", strength)).status_code == 404
    sweeping.drop_files(catalog=sweep.run.catalog)
    assert "sweep again to compare by person" in text_of(client.get(where(sweep, "remedy_point", "1")))


def test_bands_of_few_people_are_joined_towards_those_for_whom_nothing_changes() -> None:
    change = np.concatenate([np.full(100, 0.0), np.full(30, -0.1), np.full(5, -0.9), np.full(3, 0.3), np.full(40, 0.6)])
    rows = [(row["name"], row["people"], row["side"]) for row in counted(change, 20)]
    assert rows == [
        ("lose more than .05", 35, -1), ("stay the same or gain up to .50", 103, 0), ("gain more than .50", 40, 1),
    ]  # fmt: skip
    assert [(row["name"], row["people"]) for row in counted(np.r_[np.zeros(50), np.full(4, 0.01)], 20)] == [
        ("stay the same or gain up to .05", 54)
    ]


def test_no_count_of_gains_is_of_few_people_and_the_sentence_says_what_was_joined() -> None:
    def said(*change: tuple[int, float]) -> tuple[list[tuple[str, int]], str]:
        rows = counted(np.concatenate([np.full(n, value) for n, value in change]), 20)
        return [(row["name"], row["people"]) for row in rows], gains_finding(rows, sum(n for n, _ in change), 20)

    rows, finding_ = said((30, -0.1), (5, 0.0), (40, 0.1))
    assert rows == [("lose up to .20 or stay the same", 35), ("gain .05 to .20", 40)]
    assert finding_ == "Of 75 people 40 gain, 35 lose up to .20 or stay the same"
    rows, finding_ = said((35, -0.9), (5, -0.1), (3, -0.01), (60, 0.0))
    assert rows == [("lose more than .50", 35), ("lose up to .20 or stay the same", 68)]
    assert finding_ == "Of 103 people nobody gains, 35 lose, fewer than 20 lose up to .20"
    assert said((30, 0.0), (30, 0.3))[1] == "Of 60 people 30 gain, nobody loses"


def test_the_finding_names_the_most_even_point_that_costs_little_or_says_there_is_none(sweep: RemedySweep) -> None:
    results = sweep.results
    point = best(results, "gini")
    assert point is not None and point["strength"] == 0.3
    for each in results["points"][1:]:
        each["disparities"]["gini"] |= {"diff_low": -0.1, "diff_high": 0.1}
    said = finding(results, "gini")
    assert "no strength brings it nearer to even beyond chance" in said
    assert "(by up to .100 it may be nearer all the same)" in said
    for each in results["points"][1:]:
        each["disparities"]["gini"] |= {"difference": -0.1, "diff_low": -0.196, "diff_high": -0.004}
    assert "no strength" in finding(results, "gini"), "the best of four is looked for"
    assert beyond_chance(results["points"][1]["disparities"]["gini"])
    for each in results["points"][1:]:
        each["disparities"]["gini"] |= {"difference": -0.1, "diff_low": -0.17, "diff_high": -0.03}
    assert "goes from" in finding(results, "gini")
    for each in results["points"][1:]:
        each["disparities"]["gini"] |= {"difference": 0.05, "diff_low": 0.0, "diff_high": 0.1}
    assert "all the same" not in finding(results, "gini")


def test_a_sweep_is_started_watched_and_cancelled(sweep: RemedySweep, django_capture_on_commit_callbacks: Any) -> None:
    catalog, run = sweep.run.catalog, sweep.run
    client = entered(catalog)
    page = reverse("remedies", args=[catalog.name])
    said = text_of(client.get(page, {"run": run.pk}))
    assert "Exposure by prices" in said and "Calibrated lists" in said and "gender" in said
    sent = {"run": run.pk, "remedy": "gini", "strengths": "0.2, 0.4", "by": "popularity", "k": "10"}
    with django_capture_on_commit_callbacks():
        answer = client.post(reverse("remedy_start", args=[catalog.name]), sent)
    row = RemedySweep.objects.first()
    assert row is not None and answer["Location"] == where(row)
    assert (row.settings["strengths"], row.settings["by"], row.created_by.username) == ([0, 0.2, 0.4], "popularity",
                                                                                          "analyst")  # fmt: skip
    assert "Cancel the sweep" in text_of(client.get(where(row)))
    assert client.get(where(row, "remedy_live")).status_code == 200
    client.post(where(row, "remedy_cancel"))
    assert "was cancelled before it ended" in text_of(client.get(where(row)))
    assert client.get(where(row, "remedy_live"))["HX-Refresh"] == "true"
    assert client.get(where(row, "remedy_point", "0")).status_code == 404
    for wrong, words in (({"remedy": "hope"}, "no remedy"), ({"run": "0"}, "Choose a recommender"),
                         ({"strengths": "far"}, "takes numbers")):  # fmt: skip
        said = text_of(client.post(reverse("remedy_start", args=[catalog.name]), sent | wrong, follow=True))
        assert words in said, said[:400]
    client = entered(catalog, "operator")
    said = text_of(client.post(reverse("remedy_start", args=[catalog.name]), sent | {"groups": "gender"}, follow=True))
    assert "that you may see" in said


def test_a_point_is_saved_put_into_service_and_undone(
    sweep: RemedySweep, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    catalog, point = sweep.run.catalog, where(sweep, "remedy_point", "0.3")
    Deployment.objects.create(catalog=catalog, run=sweep.run)
    Checkpoint.objects.create(run=sweep.run, purpose=Checkpoint.Purpose.FINAL, path="nowhere")
    client = entered(catalog, "superuser")
    assert "not in service" in text_of(client.post(f"{point}undo/", follow=True))
    assert "Save it as a run first" in text_of(client.post(f"{point}deploy/", follow=True))
    with django_capture_on_commit_callbacks():
        assert "is being made" in text_of(client.post(f"{point}save/", follow=True))
    saved = Run.objects.get(algorithm="reranked")
    assert (saved.config["remedy"], saved.config["strength"], saved.config["of"]) == ("gini", 0.3, "ease")
    assert f"This point is {saved} already" in text_of(client.post(f"{point}save/", follow=True))
    saved.status = Run.Status.SUCCEEDED
    saved.save()
    Checkpoint.objects.create(run=saved, purpose=Checkpoint.Purpose.FINAL, path="nowhere")
    assert "Put into service" in text_of(client.get(point))
    assert "is in service: the next answers" in text_of(client.post(f"{point}deploy/", follow=True))
    assert f"Undo: return to {sweep.run}" in text_of(client.get(point))
    assert "in service" in text_of(client.get(where(sweep)))
    assert f"Undone: {sweep.run} is in service again" in text_of(client.post(f"{point}undo/", follow=True))
    monkeypatch.setattr(training, "create_run", refuse)
    assert "It was not saved" in text_of(client.post(where(sweep, "remedy_save", "1"), follow=True))


def refuse(**_: Any) -> Run:
    raise Conflict("There is no room.")


def test_pages_of_runs_of_disparities_and_of_audits_lead_here(sweep: RemedySweep) -> None:
    catalog, client = sweep.run.catalog, entered(sweep.run.catalog)
    audit = audited(catalog, sweep.run)
    page = client.get(reverse("disparity", args=[catalog.name, audit.pk]))
    assert f"{reverse('remedies', args=[catalog.name])}?run={sweep.run_id}".encode() in page.content
    assert where(sweep).encode() in client.get(reverse("run", args=[catalog.name, sweep.run_id])).content
    assert (
        reverse("remedies", args=[catalog.name]).encode()
        in client.get(reverse("disparities", args=[catalog.name])).content
    )


RIGHTS_OF = {
    "remedies": {"GET": "view"}, "remedy_start": {"POST": "train"}, "remedy": {"GET": "view"},
    "remedy_live": {"GET": "view"}, "remedy_cancel": {"POST": "train"}, "remedy_point": {"GET": "view"},
    "remedy_save": {"POST": "train"}, "remedy_deploy": {"POST": "deploy"}, "remedy_undo": {"POST": "deploy"},
}  # fmt: skip
"""The right that each page asks for, by method."""


def test_every_page_is_listed_with_its_right() -> None:
    assert {each.name for each in urls.of_remedies} == set(RIGHTS_OF)


@pytest.mark.parametrize("role", [*ROLES, "stranger"])
def test_every_page_answers_each_role_as_the_table_says(sweep: RemedySweep, role: str) -> None:
    client = Client() if role == "stranger" else entered(sweep.run.catalog, role)
    for name, methods in RIGHTS_OF.items():
        arguments = {} if name in ("remedies", "remedy_start") else {"sweep_id": sweep.pk}
        arguments |= (
            {"strength": "0.6"} if name in ("remedy_point", "remedy_save", "remedy_deploy", "remedy_undo") else {}
        )
        address = reverse(name, kwargs={"catalog": sweep.run.catalog.name, **arguments})
        for method in ("GET", "POST"):
            status = client.generic(method, address).status_code
            assert status in answered(role, methods, method), (name, method, status)
