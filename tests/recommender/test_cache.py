"""Pages and the login work on while Redis is away."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from tests.recommender.pages import films

pytestmark = pytest.mark.django_db


@pytest.fixture
def away(settings: Any) -> None:
    default = settings.CACHES["default"] | {"LOCATION": "unix:///nonexistent/redis.sock"}
    settings.CACHES = {"default": default}


def test_what_is_kept_is_found_again() -> None:
    cache.set("a", {"b": 1}, 60)
    assert cache.get("a") == {"b": 1}
    assert cache.add("a", 2) is False and cache.add("n", 1, 60) is True and cache.incr("n") == 2
    cache.delete_many(["a", "n"])


def test_without_redis_nothing_is_remembered_and_nothing_fails(away: None) -> None:
    cache.set("a", 1, 60)
    assert cache.get("a", "nothing") == "nothing" and cache.add("a", 1) is False and cache.incr("a") == 0


def test_without_redis_people_sign_in_and_see_their_pages(client: Client, away: None) -> None:
    login = User.objects.create_superuser("ann", password="correct horse")
    films()
    assert client.post("/login/", {"username": "ann", "password": "wrong"}).status_code == 200
    assert client.post("/login/", {"username": "ann", "password": "correct horse"}).status_code == 302
    for page in ("", "runs/", "data/", "people/p1/"):
        assert client.get(f"/films/{page}").status_code == 200
    assert login.is_active
