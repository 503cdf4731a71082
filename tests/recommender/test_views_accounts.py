"""Keys, members, signing in and errors, as pages."""

from __future__ import annotations

import re

import pytest
from django.db import OperationalError
from django.test import Client

from recommender.models import ApiKey, Catalog
from tests.recommender.pages import PASSWORD, films, login, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    return films()


@pytest.fixture
def empty() -> Catalog:
    return Catalog.objects.create(name="empty", title="Empty shop")


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(login("superuser"))
    return client


def test_a_key_is_shown_once(root: Client, catalog: Catalog) -> None:
    answer = root.post(f"/{catalog.name}/api/", {"name": "Front end", "scope": "write", "creates_unknown": "on"})
    secret = re.search(r'id="secret">(rk_[^<]+)<', answer.content.decode())
    assert secret
    assert "no-store" in answer["Cache-Control"]
    assert secret[1] not in root.get(f"/{catalog.name}/api/").content.decode()
    key = ApiKey.objects.get(name="Front end")
    root.post(f"/{catalog.name}/api/keys/{key.pk}/revoke/")
    key.refresh_from_db()
    assert key.revoked


def test_a_key_of_another_catalog_cannot_be_revoked(client: Client, catalog: Catalog, empty: Catalog) -> None:
    client.force_login(login("operator", empty))
    key = catalog.keys.get()
    assert client.post(f"/{empty.name}/api/keys/{key.pk}/revoke/").status_code == 404
    key.refresh_from_db()
    assert key.revoked is None


def test_members_come_and_go(root: Client, catalog: Catalog) -> None:
    login("analyst")
    answer = root.post(f"/{catalog.name}/members/", {"login": "nobody"})
    assert answer.status_code == 400
    assert "There is no login “nobody”" in text_of(answer)
    root.post(f"/{catalog.name}/members/", {"login": "analyst"})
    assert catalog.members.get().username == "analyst"
    root.post(f"/{catalog.name}/members/{catalog.members.get().pk}/remove/")
    assert not catalog.members.exists()


@pytest.mark.parametrize("name", ["admin", "Upper", "with space", "", "films", "-x", "a" * 64, "ünï"])
def test_a_catalog_needs_an_address_of_its_own(root: Client, catalog: Catalog, name: str) -> None:
    answer = root.post("/catalogs/new/", {"name": name, "title": "Kept as typed"})
    assert answer.status_code == 400
    assert "name" in answer.context["form"].errors
    assert "Kept as typed" in answer.content.decode()


def test_who_makes_a_catalog_may_enter_it(client: Client) -> None:
    client.force_login(login("operator"))
    assert client.post("/catalogs/new/", {"name": "shop", "title": ""})["Location"] == "/shop/data/"
    assert client.get("/shop/").status_code == 200


# Signing in


def test_guessing_is_braked(client: Client) -> None:
    login("analyst")
    for _ in range(10):
        assert client.post("/login/", {"username": "analyst", "password": "wrong"}).status_code == 200
    said = text_of(client.post("/login/", {"username": "analyst", "password": PASSWORD}))
    assert "Too many attempts" in said
    other = client.post("/login/", {"username": "analyst", "password": PASSWORD}, REMOTE_ADDR="192.0.2.7")
    assert other.status_code == 302


def test_the_admin_has_no_login_page_of_its_own(client: Client) -> None:
    assert client.get("/admin/login/?next=/admin/")["Location"] == "/login/?next=/admin/"


def test_signing_in_leads_back_but_never_away(client: Client, catalog: Catalog) -> None:
    login("superuser")
    sent = {"username": "superuser", "password": PASSWORD}
    assert client.post("/login/?next=/films/runs/", sent | {"next": "/films/runs/"})["Location"] == "/films/runs/"
    client.logout()
    assert client.post("/login/", sent | {"next": "https://elsewhere.example/"})["Location"] == "/"


def test_the_choice_of_light_or_dark_is_remembered(client: Client) -> None:
    answer = client.post("/accounts/theme/", {"theme": "dark", "next": "//elsewhere.example/"})
    assert answer["Location"] == "/"
    assert b'data-theme="dark"' in client.get("/login/").content
    client.post("/accounts/theme/", {"theme": "auto", "next": "/"})
    assert b"data-theme" not in client.get("/login/").content


def test_errors_are_pages(client: Client, root: Client, catalog: Catalog) -> None:
    assert "Nothing found here" in text_of(root.get("/films/no/such/page/"))
    assert root.get("/api/v1/nothing/")["Content-Type"].startswith("application/problem+json")
    refused = Client(enforce_csrf_checks=True).post("/login/", {})
    assert refused.status_code == 403


def test_while_the_database_is_away_a_page_says_so(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(catalog: Catalog) -> None:
        raise OperationalError("connection refused")

    client = Client(raise_request_exception=False)
    client.force_login(login("superuser"))
    monkeypatch.setattr("recommender.views.catalogs.pages.sizes", away)
    answer = client.get(f"/{catalog.name}/")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert "The database cannot be reached" in text_of(answer)


def test_a_broken_page_shows_no_traceback(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(login("superuser"))
    monkeypatch.setattr("recommender.views.catalogs.pages.sizes", lambda catalog: 1 / 0)
    answer = client.get(f"/{catalog.name}/")
    assert answer.status_code == 500
    assert "This page is broken" in text_of(answer)
    assert "ZeroDivisionError" not in answer.content.decode()
