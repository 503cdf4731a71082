"""Health is open to all and says which part is away."""

from __future__ import annotations

import pytest

from recommender.services import memory


def test_live_needs_nothing(client):
    assert client.get("/health/live").json() == {"status": "live"}


@pytest.mark.django_db
def test_ready(client):
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")


@pytest.mark.django_db
def test_not_ready_without_redis(client, monkeypatch):
    monkeypatch.setattr(memory, "client", lambda: memory.connected("unix:///nonexistent/redis.sock"))
    monkeypatch.setattr(memory, "_away_until", 0.0)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "database": "ok", "redis": "unreachable"}


def test_only_reading(client):
    assert client.post("/health/live").status_code == 405
