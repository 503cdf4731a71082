"""Every page for every role. The list of pages comes from the URL conf: a new one fails until it is listed here."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, reverse

from recommender import urls
from recommender.models import Catalog
from recommender.rights import GROUPS, RIGHTS
from tests.recommender.pages import ROLES, films, login

pytestmark = pytest.mark.django_db

OPEN = "open to strangers"
LOGIN = "any login"

PAGES: dict[str, dict[str, str]] = {
    "login": {"GET": OPEN, "POST": OPEN},
    "theme": {"POST": OPEN},
    "logout": {"POST": OPEN},
    "home": {"GET": LOGIN},
    "password": {"GET": LOGIN, "POST": LOGIN},
    "catalog_new": {"GET": "manage", "POST": "manage"},
    "overview": {"GET": "view"},
    "live": {"GET": "view"},
    "interactions_csv": {"GET": "view"},
    "people": {"GET": "view"},
    "person": {"GET": "view"},
    "history_csv": {"GET": "view"},
    "interests_csv": {"GET": "view"},
    "items": {"GET": "view"},
    "item": {"GET": "view"},
    "item_interactions_csv": {"GET": "view"},
    "audience_csv": {"GET": "sensitive"},  # gender is; other attributes ask for view
    "similar": {"GET": "view"},
    "data": {"GET": "view", "POST": "import"},
    "import": {"GET": "view"},
    "import_live": {"GET": "view"},
    "import_decide": {"POST": "import"},
    "import_cancel": {"POST": "import"},
    "import_undo": {"GET": "import", "POST": "import"},
    "rejects": {"GET": "view"},
    "health": {"GET": "view", "POST": "view"},
    "health_live": {"GET": "view"},
    "health_csv": {"GET": "view"},
    "runs": {"GET": "view"},
    "runs_csv": {"GET": "view"},
    "board": {"GET": "view"},
    "run_new": {"GET": "train", "POST": "train"},
    "run": {"GET": "view"},
    "run_live": {"GET": "view"},
    "run_cancel": {"POST": "train"},
    "run_deploy": {"POST": "deploy"},
    "curve_csv": {"GET": "view"},
    "run_measure": {"POST": "train"},
    "run_report": {"GET": "view"},
    "versus": {"GET": "view"},
    "versus_choose": {"GET": "view"},
    "versus_csv": {"GET": "view"},
    "measurement": {"GET": "view"},
    "measurement_live": {"GET": "view"},
    "measurement_cancel": {"POST": "train"},
    "measurement_people_csv": {"GET": "view"},
    "people_csv": {"GET": "view"},
    "tunings": {"GET": "view", "POST": "train"},
    "tuning": {"GET": "view"},
    "tuning_live": {"GET": "view"},
    "tuning_cancel": {"POST": "train"},
    "tuning_train": {"POST": "train"},
    "trials_csv": {"GET": "view"},
    "serving": {"GET": "view"},
    "serving_return": {"POST": "deploy"},
    "retraining_plan": {"POST": "deploy"},
    "retrainings_csv": {"GET": "view"},
    "batch_new": {"POST": "train"},
    "batch_file": {"GET": "view"},
    "adaptation_new": {"POST": "train"},
    "adaptation_cancel": {"POST": "train"},
    "cold_start": {"GET": "view"},
    "cold_item": {"GET": "view"},
    "cold_start_shots_csv": {"GET": "view"},
    "cold_start_measure": {"POST": "train"},
    "api": {"GET": "view", "POST": "manage"},
    "key_revoke": {"POST": "manage"},
    "audit": {"GET": "audit"},
    "audit_csv": {"GET": "audit"},
    "members": {"GET": "view", "POST": "manage"},
    "member_remove": {"POST": "manage"},
    "run_delete": {"POST": "train"},  # last: then the run is gone
}
"""The right that each page asks for, by method."""
NOTHING_TO_SHOW = (
    "This batch has no file.",
    "There is no such adaptation.",
    "There is no report yet",
    "No rows of this import were set aside.",
    "This run has no metrics per person.",
    "has no metrics: it is",
)
OF_A_MEASUREMENT = ("measurement", "measurement_live", "measurement_cancel", "measurement_people_csv")
OF_A_RUN = (
    "run_measure",
    "run_report",
    "run",
    "run_live",
    "run_cancel",
    "run_delete",
    "run_deploy",
    "curve_csv",
    "people_csv",
)
OF_A_STUDY = ("tuning", "tuning_live", "tuning_cancel", "tuning_train", "trials_csv")
SITE = {"login", "theme", "logout", "home", "password", "catalog_new"}
WAYS = [(name, method) for name, methods in PAGES.items() for method in methods]


def names(patterns: list[Any]) -> set[str]:
    found = set()
    for each in patterns:
        if isinstance(each, URLResolver):
            found |= names(each.url_patterns)
        elif isinstance(each, URLPattern) and each.name:
            found.add(each.name)
    return found


def test_every_page_is_listed() -> None:
    assert names(urls.urlpatterns) == set(PAGES)


@pytest.fixture
def catalog() -> Catalog:
    return films()


def addresses(catalog: Catalog, name: str) -> str:
    """A page's address in the catalog, about things that are there."""
    run = catalog.runs.filter(algorithm="ease").order_by("id").first().pk
    measured = catalog.runs.get(pk=run).measurements.get().pk
    about: dict[str, dict[str, Any]] = {
        "person": {"person": "p1"}, "history_csv": {"person": "p1"},
        "interests_csv": {"person": "p1"}, "item": {"item": "i1"},
        "item_interactions_csv": {"item": "i1"}, "similar": {"item": "i1"},
        "audience_csv": {"item": "i1", "attribute": "gender"},
        "import": {"import_id": catalog.imports.get().pk}, "import_live": {"import_id": catalog.imports.get().pk},
        **{f"import_{deed}": {"import_id": catalog.imports.get().pk} for deed in ("decide", "cancel", "undo")},
        "health_csv": {"figure": "sizes"},
        "rejects": {"import_id": catalog.imports.get().pk}, "key_revoke": {"key_id": catalog.keys.get().pk},
        "member_remove": {"login_id": 0}, "batch_file": {"batch_id": 1},
        "adaptation_cancel": {"adaptation_id": 1},
        **{page: {"run_id": run} for page in (*OF_A_RUN, "versus_choose")},
        **{page: {"run_id": run, "other_id": run} for page in ("versus", "versus_csv")},
        **{page: {"run_id": run, "measurement_id": measured} for page in OF_A_MEASUREMENT},
        **{page: {"study_id": catalog.studies.order_by("id").first().pk} for page in OF_A_STUDY},
    }  # fmt: skip
    where = {} if name in SITE else {"catalog": catalog.name} | about.get(name, {})
    return reverse(name, kwargs=where)


@pytest.mark.parametrize(("name", "method"), WAYS)
def test_a_stranger_is_sent_to_the_login_page(catalog: Catalog, client: Client, name: str, method: str) -> None:
    address = addresses(catalog, name)
    answer = client.generic(method, address)
    if PAGES[name][method] == OPEN:
        assert answer.status_code in (200, 302)
    else:
        assert answer.status_code == 302
        assert answer["Location"].startswith("/login/?next=/")


def expected(name: str, method: str, role: str) -> str:
    """What a role gets: "in", "404" or "403"."""
    right = PAGES[name][method]
    if right in (OPEN, LOGIN) or role == "superuser":
        return "in"
    if role == "not a member":
        return "in" if name in SITE else "404"
    return "in" if role in RIGHTS[right][0] else "403"


@pytest.mark.parametrize("role", ROLES)
def test_every_page_answers_each_role_as_the_table_says(catalog: Catalog, role: str) -> None:
    who = login(role, catalog)
    wrong = []
    for name, method in WAYS:
        client = Client()
        client.force_login(who)
        answer = client.generic(method, addresses(catalog, name))
        got = {403: "403", 404: "404"}.get(answer.status_code, "in")
        if got == "404" and any(words in answer.content.decode() for words in NOTHING_TO_SHOW):
            got = "in"
        if answer.status_code >= 500 or got != expected(name, method, role):
            wrong.append((name, method, answer.status_code, expected(name, method, role)))
    assert not wrong


def test_methods_that_a_page_does_not_know_are_refused(catalog: Catalog) -> None:
    client = Client()
    client.force_login(login("superuser"))
    for name, methods in PAGES.items():
        for method in {"GET", "POST"} - set(methods):
            assert client.generic(method, addresses(catalog, name)).status_code == 405, (name, method)


def test_a_fragment_asked_for_by_a_stranger_reloads_the_page(catalog: Catalog, client: Client) -> None:
    answer = client.get(reverse("live", args=[catalog.name]), headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")


def test_the_docs_show_the_table_of_rights(settings: Any) -> None:
    text = (settings.BASE_DIR / "docs" / "rights.md").read_text()
    for right, (groups, what) in RIGHTS.items():
        marks = " | ".join("yes" if group in groups else "–" for group in GROUPS)
        assert f"| `{right}` | {what} | {marks} |" in text


def test_a_switched_off_login_gets_nothing(catalog: Catalog, client: Client) -> None:
    who = login("superuser")
    client.force_login(who)
    User.objects.filter(pk=who.pk).update(is_active=False)
    assert client.get(f"/{catalog.name}/").status_code == 302
