"""Pages of disparities: what they say, to whom, and what is started from them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from explain import urls
from explain.models import DisparityAudit, DisparityPlan
from explain.services import printing
from recommender.exceptions import Conflict
from recommender.models import Attribute, Catalog, EndUser, Impression
from recommender.rights import RIGHTS
from tests.explain.disparities import audited, results
from tests.recommender.pages import ROLES, films, login, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    return films()


@pytest.fixture
def audit(catalog: Catalog) -> DisparityAudit:
    return audited(catalog, catalog.runs.get(algorithm="ease"))


def entered(catalog: Catalog, role: str = "analyst") -> Client:
    client = Client()
    client.force_login(login(role, catalog))
    return client


def where(row: DisparityAudit, page: str = "disparity", *more: Any) -> str:
    return reverse(page, args=[row.catalog.name, row.pk, *more])


def test_the_report_says_what_was_found_with_which_data_and_what_it_cannot_tell(audit: DisparityAudit) -> None:
    said = text_of(entered(audit.catalog).get(where(audit)))
    for words in (
        "By ndcg@10, F get less than everyone else.",
        "reads no sensitive attribute of people",
        "943 lists made for held-out data",
        "Gini coefficient",
        "Standard deviation across groups",
        "bias",
        "NDCG@10: Gender: F differs from everyone else by",
        "2 groups with fewer than 20 people",
        "Filled marks: a difference is found.",
        "Gender and Age: NDCG@10 from",
        "Who gets worse lists",
        "Lists are 62% more popular",
        "War gets 0.60 times the exposure",
        "Disparate exposure of the most and the least exposed class: 1.400; AWRF of the classes against relevance: .97",
        "Demographic parity",
        "Equal opportunity",
        "Model card",
        "C-203/22",
        "What is not known of people is not looked at.",
        "Nobody has this attribute.",
    ):
        assert words in said, words


def test_what_is_chosen_is_in_the_address_and_nonsense_falls_back(audit: DisparityAudit) -> None:
    client = entered(audit.catalog)
    said = text_of(client.get(where(audit), {"metric": "recall@10", "by": "occupation"}))
    assert "Recall@10 by group" in said, "of other metrics nothing is tested, so nothing is told"
    assert "is tested for NDCG@10 alone" in said
    assert "3 groups with at least 20 people" in said
    assert "NDCG@10: Gender: F differs" in text_of(client.get(where(audit), {"metric": "<b>", "by": "nobody"}))


def test_a_login_without_the_right_sees_no_figure_by_a_sensitive_attribute(audit: DisparityAudit) -> None:
    client = entered(audit.catalog, "operator")
    page, said = client.get(where(audit), {"by": "gender"}).content.decode(), text_of(client.get(where(audit)))
    assert "Figures by sensitive attributes are not shown to this login." in said
    assert "Age: 25 to 44" in page
    for address in (where(audit), where(audit, "disparity_report"), where(audit, "disparity_json")):
        text = client.get(address).content.decode()
        assert "Gender" not in text and "gender" not in text, address
    rows = client.get(where(audit, "disparity_csv", "gaps"), {"by": "gender"}).content.decode()
    assert "Gender" not in rows and "25 to 44" in rows
    assert client.get(where(audit, "disparity_csv", "crossed")).status_code == 404


def test_alerts_about_sensitive_groups_are_for_those_who_may_see_them(audit: DisparityAudit) -> None:
    audit.alerts = [{"text": "Gender F is worse.", "grouping": "gender"}, {"text": "Few items.", "grouping": ""}]
    audit.save()
    overview = reverse("overview", args=[audit.catalog.name])
    analyst, operator = entered(audit.catalog), entered(audit.catalog, "operator")
    assert "Gender F is worse." in text_of(analyst.get(where(audit)))
    assert "2 alerts Gender F is worse." in text_of(analyst.get(overview))
    assert "Gender F is worse." not in text_of(operator.get(where(audit)))
    assert "1 alert Few items." in text_of(operator.get(overview))


def test_the_page_of_a_run_leads_to_its_newest_audit_or_to_the_form_that_starts_one(audit: DisparityAudit) -> None:
    client, run = entered(audit.catalog), audit.run
    assert f'href="{where(audit)}"' in client.get(reverse("run", args=[audit.catalog.name, run.pk])).content.decode()
    other = audit.catalog.runs.get(algorithm="popularity")
    start = f"{reverse('disparities', args=[audit.catalog.name])}?run={other.pk}#start"
    page = client.get(reverse("run", args=[audit.catalog.name, other.pk])).content.decode()
    assert f'href="{start}"' in page
    assert f'<option value="{other.pk}" selected>' in client.get(start).content.decode()


def test_every_figure_has_its_rows_as_a_file(audit: DisparityAudit) -> None:
    client = entered(audit.catalog)
    page = client.get(where(audit)).content.decode()
    keys = set(re.findall(r"/figures/([\w-]+)\.csv", page))
    assert keys == {"gaps", "sizes", "people", "exposure", "lift", "calibration", "classes", "parity", "opportunity",
                    "crossed", "explanations"}  # fmt: skip
    for key in keys:
        lines = client.get(where(audit, "disparity_csv", key)).content.decode().splitlines()
        assert len(lines) > 1, key
    assert client.get(where(audit, "disparity_csv", "none")).status_code == 404


def test_of_what_was_served_there_are_weeks_and_no_recall_of_what_was_held_out(catalog: Catalog) -> None:
    row = audited(catalog, None)
    said = text_of(entered(catalog).get(where(row)))
    for words in ("Disparities of what was served", "answers served", "Over time", "Exposure by week",
                  "Gini: +.010 a week (95%: .005 to .015)."):  # fmt: skip
        assert words in said, words
    assert "Equal opportunity" not in said


@pytest.mark.parametrize(
    ("told", "words"),
    [({"sensitive_features": ["gender"]}, "reads sensitive attributes of people: gender."),
     ({"sensitive_known": True}, "reads no sensitive attribute of people"),
     ({"sensitive_known": False}, "it is not known whether a sensitive attribute of people was read"),
     ({}, "it is not known whether a sensitive attribute of people was read")],
)  # fmt: skip
def test_a_report_of_what_was_served_claims_no_more_of_what_is_read_than_is_known(
    catalog: Catalog, told: dict[str, Any], words: str
) -> None:
    row = audited(catalog, None)
    about = {name: value for name, value in row.results["about"].items() if not name.startswith("sensitive")}
    row.results["about"] = about | told
    row.save(update_fields=["results"])
    assert words in text_of(entered(catalog).get(where(row)))


def test_the_form_asks_how_far_back_to_look_at_what_was_served(catalog: Catalog) -> None:
    client, page = entered(catalog), reverse("disparities", args=[catalog.name])
    assert "Weeks to look back" not in text_of(client.get(page)), "nothing was served"
    Impression.objects.create(
        catalog=catalog, user=catalog.users.first(), items=[], scores=[], propensities=[], time=timezone.now()
    )
    assert "Weeks to look back" in text_of(client.get(page))
    asked = {"source": "served-by-all", "k": "5", "weeks": "12", "groups": []}
    client.post(reverse("disparity_start", args=[catalog.name]), asked)
    assert catalog.disparity_audits.latest("id").settings == {"groups": [], "k": "5", "weeks": "12"}
    client.post(reverse("disparity_start", args=[catalog.name]), asked | {"weeks": "999"})
    assert catalog.disparity_audits.count() == 1


def test_the_file_needs_nothing_else_and_has_a_sketch_of_every_figure(audit: DisparityAudit) -> None:
    client = entered(audit.catalog)
    text = client.get(where(audit, "disparity_report")).content.decode()
    assert not re.search(r"<script|<link|<img|\bhref=|\bsrc=|url\(|@import", text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)
    assert "default-src &#x27;none&#x27;" in text or "default-src 'none'" in text
    assert text.count("<svg") == 11
    for drawn in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(drawn)
    for words in ("Model card", "What this cannot tell", "EU AI Act", "reads no sensitive attribute"):
        assert words in text


def test_the_json_is_what_the_worker_kept(audit: DisparityAudit) -> None:
    found = json.loads(entered(audit.catalog).get(where(audit, "disparity_json")).content)
    assert found.pop("audit")["run"] == audit.run_id
    assert found == audit.results


@pytest.mark.browser
def test_the_pdf_is_made_by_chromium_of_the_same_file(audit: DisparityAudit, browser: Any) -> None:
    answer = entered(audit.catalog).get(where(audit, "disparity_pdf"))
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page[^s]", answer.content)) >= 4


def test_without_chromium_the_page_says_how_to_get_a_pdf(
    audit: DisparityAudit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    client = entered(audit.catalog)
    assert "A PDF needs Chromium on the server." in text_of(client.get(where(audit)))
    answer = client.get(where(audit, "disparity_pdf"), follow=True)
    assert "A PDF needs Chromium or Chrome on the server, and none is installed." in text_of(answer)


def test_a_browser_that_fails_is_no_error_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "chromium").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "chromium").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(Conflict, match="could not print the report"):
        printing.pdf_of("<p>words</p>")
    (tmp_path / "chromium").write_text("#!/bin/sh\nsleep 5\n")
    monkeypatch.setattr(printing, "SECONDS", 0.1)
    with pytest.raises(Conflict, match="was stopped"):
        printing.pdf_of("<p>words</p>")


STATES = {"queued": "until a worker takes it", "failed": "This audit failed: Too few.",
          "cancelled": "cancelled before it ended"}  # fmt: skip


@pytest.mark.parametrize(("status", "words"), STATES.items())
def test_an_audit_without_results_says_what_became_of_it(catalog: Catalog, status: str, words: str) -> None:
    error = "Too few." if status == "failed" else ""
    row = catalog.disparity_audits.create(source="served", status=status, error=error)
    client = entered(catalog)
    assert words in text_of(client.get(where(row)))
    for page in ("disparity_report", "disparity_pdf", "disparity_json"):
        assert client.get(where(row, page)).status_code == 404
    answer = client.get(where(row, "disparity_live"))
    assert answer.status_code == (200 if status == "queued" else 204)


def empty(found: dict[str, Any]) -> dict[str, Any]:
    """What is left where nothing could be measured."""
    found["about"] |= {"metrics": [], "main": "", "people": 0, "lists": 0}
    return found | {"groupings": [], "people": {}, "exposure": {}, "popularity": {}, "calibration": {}, "classes": [],
                    "tests": {"method": "Holm", "looked_at": 0, "found": []}}  # fmt: skip


def one_group(found: dict[str, Any]) -> dict[str, Any]:
    """Everyone is alike, and nothing varies."""
    of = found["groupings"][0]
    of["groups"] = of["groups"][:1]
    of["groups"][0]["metrics"] = {name: dict.fromkeys(row) for name, row in of["groups"][0]["metrics"].items()}
    return found | {"groupings": [of], "people": {"ndcg@10": {"mean": 0.0, "gini": None, "lorenz": []}}}


def many(found: dict[str, Any]) -> dict[str, Any]:
    """An attribute with 900 values, of which few may be shown."""
    of = found["groupings"][1]
    model = of["groups"][2]
    of["groups"] = [model | {"value": f"value {n} " + "x" * 80, "suppressed": n % 9 > 0, "people": 40 if n % 9 == 0 else
                             None, "metrics": model["metrics"] if n % 9 == 0 else {}} for n in range(900)]  # fmt: skip
    return found | {"groupings": [of]}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (empty, "There are no groups"),
        (empty, "Groups are not compared: no metric is known of people"),
        (one_group, "there are no two groups large enough to compare"),
        (many, "The 20 lowest and the 20 highest of 100 groups are drawn"),
    ],
)
def test_bad_data_get_a_sentence_and_the_rest_of_the_report(catalog: Catalog, bad: Any, words: str) -> None:
    row = audited(catalog, catalog.runs.get(algorithm="ease"), results=bad(results()))
    client = entered(catalog)
    assert words in text_of(client.get(where(row)))
    assert words in text_of(client.get(where(row, "disparity_report")))
    assert client.get(reverse("disparities", args=[catalog.name])).status_code == 200


def test_what_an_audit_did_not_look_at_is_not_said_to_be_nothing(catalog: Catalog) -> None:
    row = audited(catalog, catalog.runs.get(algorithm="ease"), results=empty(results()))
    said = text_of(entered(catalog).get(where(row)))
    assert said.count("This audit did not look at it.") == 4
    assert "How exposure is spread over items" not in said


def test_one_is_started_watched_and_cancelled_from_the_pages(catalog: Catalog) -> None:
    client, run = entered(catalog), catalog.runs.get(algorithm="ease")
    here = reverse("disparities", args=[catalog.name])
    assert "No audits yet" in text_of(client.get(here))
    EndUser.objects.bulk_create(
        EndUser(catalog=catalog, client_id=f"far{n}", attributes={"town": f"town {n}"}) for n in range(60)
    )
    Attribute.objects.create(catalog=catalog, scope="user", name="town", type="category")
    page = client.get(here).content.decode()
    assert 'name="groups" value="gender" checked' in page and 'name="groups" value="town" checked' not in page
    assert "too many values" in page
    asked = {"run": run.pk, "source": "held-out", "groups": ["gender", "age"], "k": "5"}
    answer = client.post(reverse("disparity_start", args=[catalog.name]), asked)
    row = catalog.disparity_audits.get()
    assert answer["Location"] == where(row)
    assert (row.run, row.source, row.settings["groups"]) == (run, "held-out", ["gender", "age"])
    assert "Cancel the audit" in text_of(client.get(where(row)))
    client.post(where(row, "disparity_cancel"))
    row.refresh_from_db()
    assert row.status == "cancelled"
    assert "there is nothing to cancel" in text_of(client.post(where(row, "disparity_cancel"), follow=True))


PLANNED = {"on": "on", "days": "3", "source": "held-out", "groups": ["age"], "gap": "0.02", "gini": "", "lift": "",
           "coverage": "0.5"}  # fmt: skip


def test_a_plan_is_kept_with_its_thresholds_and_with_groups_that_its_writer_does_not_see(catalog: Catalog) -> None:
    address = reverse("disparity_plan", args=[catalog.name])
    entered(catalog).post(address, PLANNED | {"groups": ["age", "gender"]})
    plan = DisparityPlan.objects.get(catalog=catalog)
    assert (plan.on, plan.days, plan.thresholds) == (True, 3, {"gap": 0.02, "coverage": 0.5})
    operator = entered(catalog, "operator")
    assert "What serves is audited every 3 days" in text_of(operator.get(reverse("disparities", args=[catalog.name])))
    operator.post(address, {name: value for name, value in PLANNED.items() if name != "on"})
    plan.refresh_from_db()
    assert not plan.on
    assert sorted(plan.settings["groups"]) == ["age", "gender"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"days": "0"}, "days takes a whole number from 1 to 365"),
        ({"gap": "7"}, "gap takes a number from 0 to 1"),
        ({"gini": "much"}, "gini takes a number"),
        ({"lift": "nan"}, "lift takes a number"),
        ({"groups": ["gen\x00der"]}, "groups takes a list of names of attributes"),
        ({"source": "rumours"}, "source takes one of: held-out, served"),
    ],
)
def test_a_plan_that_means_nothing_is_not_kept(catalog: Catalog, wrong: dict[str, Any], words: str) -> None:
    answer = entered(catalog).post(reverse("disparity_plan", args=[catalog.name]), PLANNED | wrong, follow=True)
    assert f"Nothing was saved: {words}" in text_of(answer)
    assert not DisparityPlan.objects.exists()


RIGHTS_OF = {
    "disparities": {"GET": "view"}, "disparity_start": {"POST": "train"}, "disparity_plan": {"POST": "train"},
    "disparity_compare": {"GET": "view"}, "disparity": {"GET": "view"}, "disparity_live": {"GET": "view"},
    "disparity_cancel": {"POST": "train"}, "disparity_report": {"GET": "view"}, "disparity_pdf": {"GET": "view"},
    "disparity_csv": {"GET": "view"}, "disparity_json": {"GET": "view"},
}  # fmt: skip
"""The right that each page asks for, by method."""


def test_every_page_is_listed_with_its_right() -> None:
    assert {each.name for each in urls.of_disparities} == set(RIGHTS_OF)


@pytest.mark.parametrize("role", [*ROLES, "stranger"])
def test_every_page_answers_each_role_as_the_table_says(
    audit: DisparityAudit, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "pdf_of", lambda html: b"%PDF-")
    client = Client() if role == "stranger" else entered(audit.catalog, role)
    for name, methods in RIGHTS_OF.items():
        arguments = {"audit_id": audit.pk} if name in WITH_ID else {}
        arguments |= {"figure": "gaps"} if name == "disparity_csv" else {}
        address = reverse(name, kwargs={"catalog": audit.catalog.name, **arguments})
        for method in ("GET", "POST"):
            status = client.generic(method, address).status_code
            assert status in answered(role, methods, method), (name, method, status)


WITH_ID = {name for name in RIGHTS_OF if name not in
           {"disparities", "disparity_start", "disparity_plan", "disparity_compare"}}  # fmt: skip


def answered(role: str, methods: dict[str, str], method: str) -> set[int]:
    if method not in methods:
        return {405}
    if role == "stranger":
        return {302}
    if role == "not a member":
        return {404}
    if role == "superuser" or role in RIGHTS[methods[method]][0]:
        return {200, 204, 302}
    return {403}
