"""A web server of two processes: it counts as one, and answers what is under way when it is told to end."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from django.conf import settings
from django.db import connection, transaction

from recommender.models import Item
from recommender.services import keys
from tests.recommender.pages import films
from tests.support import environment_of_tests, free_port, until

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


class Web:
    def __init__(self, log: Path) -> None:
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        command = f"-m gunicorn recsite.wsgi --bind 127.0.0.1:{port} --worker-class gthread --workers 2 --threads 2"
        limits = "--config python:recsite.web --graceful-timeout 30 --no-control-socket"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, *command.split(), *limits.split()],
                cwd=settings.BASE_DIR, env=environment_of_tests(), stdout=file, stderr=file,
            )  # fmt: skip
        until(self.answers, 60, "the web server")

    def answers(self) -> bool:
        with suppress(OSError):
            return bool(self.get("/health/live"))
        return False

    def idle_process_has_ended(self) -> bool:
        """Of two, the one that has nothing under way."""
        return len(psutil.Process(self.process.pid).children()) < 2

    def get(self, path: str, **more: object) -> str:
        request = urllib.request.Request(self.base + path, **more)  # type: ignore[arg-type]
        with urllib.request.urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    started = Web(tmp_path / "web.log")
    yield started
    started.process.kill()
    started.process.wait()


def counted(text: str) -> float:
    lines = [line for line in text.splitlines() if line.startswith("recsite_requests_total") and "/health/live" in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_processes_count_together_and_a_request_under_way_is_answered(web: Web) -> None:
    before = counted(web.get("/metrics"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: web.get("/health/live"), range(20)))
    assert counted(web.get("/metrics")) == before + 20

    catalog = films()
    secret = keys.create(catalog=catalog, name="Shop", scope="write").secret
    change = {"data": b'{"title": "Changed"}', "method": "PATCH",
              "headers": {"X-API-Key": secret, "Content-Type": "application/json"}}  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Item.objects.select_for_update().get(catalog=catalog, client_id="i1")
            answer = pool.submit(web.get, "/api/v1/items/i1/", **change)
            until(somebody_waits, 20, "the request at the lock")
            web.process.terminate()
            until(lambda: web.idle_process_has_ended(), 20, "the end of the idle process")
        assert "Changed" in answer.result(30)
    assert web.process.wait(30) == 0
    assert Item.objects.get(catalog=catalog, client_id="i1").title == "Changed"


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])
