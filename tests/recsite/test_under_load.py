"""kill -9 of Redis, the web process and PostgreSQL while clients send events: what was acknowledged is there, once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from django.conf import settings

from tests.recsite.served import Served, env
from tests.support import until

pytestmark = pytest.mark.slow
CLIENTS = 4
MORE = 40
"""Events acknowledged between one death and the next."""


class Client(threading.Thread):
    """Sends event after event; one that is not acknowledged is sent again until it is, as a careful client does."""

    def __init__(self, url: str, secret: str, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.url, self.headers = url, {"X-API-Key": secret}
        self.acknowledged: list[str] = []
        self.odd: list[str] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            item = f"{self.name}-{len(self.acknowledged)}"
            event = {"user": f"u-{self.name}", "item": item, "kind": "view", "event_id": f"event {item}"}
            while not self._taken(event):
                time.sleep(0.05)
            self.acknowledged.append(item)

    def _taken(self, event: dict[str, str]) -> bool:
        try:
            answer = requests.post(f"{self.url}/api/v1/events/", json=event, headers=self.headers, timeout=20)
        except requests.RequestException:
            return False
        if answer.status_code == 200:
            told = answer.json()
            return bool(told["accepted"] + told["duplicate"] == 1)
        if answer.status_code not in (429, 503):
            self.odd.append(f"{answer.status_code} {answer.text[:300]}")
        return False


@pytest.fixture
def served(open_folder: Path) -> Iterator[Served]:
    one = Served(open_folder, API_RATE="1000000/min")
    yield one
    one.end(signal.SIGTERM)


def manage(folder: Path, *arguments: str) -> Any:
    command = [sys.executable, "manage.py", *arguments, "--json"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=env(folder), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def stored(url: str, secret: str) -> list[str]:
    """The item of every interaction there is, by Gorse's list of feedback."""
    found: list[str] = []
    cursor = None
    while cursor != "":
        query = {"n": "1000"} | ({"cursor": cursor} if cursor else {})
        answer = requests.get(f"{url}/api/feedback", params=query, headers={"X-API-Key": secret}, timeout=60).json()
        found += [each["ItemId"] for each in answer["Feedback"]]
        cursor = answer["Cursor"]
    return found


def test_what_was_acknowledged_outlives_every_server_and_is_there_once(served, open_folder, tmp_path):
    (tmp_path / "one.csv").write_text("user,item\nfirst,thing\n")
    manage(open_folder, "import_data", str(tmp_path / "one.csv"), "--catalog", "films")
    secret = manage(open_folder, "create_key", "--catalog", "films", "--scope", "write", "--name", "load")["key"]
    url = f"http://127.0.0.1:{served.port}"
    clients = [Client(url, secret, f"c{at}") for at in range(CLIENTS)]
    for client in clients:
        client.start()

    def acknowledged() -> int:
        return sum(len(client.acknowledged) for client in clients)

    for part in ("redis-server", "gunicorn", "bin/postgres"):
        before = acknowledged()
        until(lambda before=before: acknowledged() >= before + MORE, 120, f"the load before the death of {part}")
        kill(served.child(part))
        at_death = acknowledged()
        until(lambda at=at_death: acknowledged() >= at + MORE, 120, f"the return after the death of {part}")
    for client in clients:
        client.over.set()
    for client in clients:
        client.join(60)
    counted = Counter(stored(url, secret))
    wanted = {item for client in clients for item in client.acknowledged}
    assert wanted <= set(counted)
    assert set(counted.values()) == {1}
    assert [client.odd for client in clients] == [[]] * CLIENTS


def kill(process: psutil.Process) -> None:
    """kill -9 of a process and all that it started."""
    for each in [process, *process.children(recursive=True)]:
        each.kill()
