"""Recommendations over HTTP with sasrec in service on MovieLens-100K, beside an empty view of the same server.

A web process as `serve` starts it (gunicorn, one worker, eight threads), asked over connections that are kept open:
first by one client at a time for the latency, then by four at once for answers a second. The peer is /health/live,
which goes through the same server, the same middleware and no database. Every answer authenticates a key, counts the
call, reads the person's history, scores everything, and leaves an impression.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Run
from recommender.services import deploying, importing, keys, training
from recsite.benchmarks import Say
from recsite.embedded.supervisor import HOST

CATALOG = "benchmark-serving"
ALONE, TOGETHER, CLIENTS = 1000, 2000, 4
BAR_MS = 25.0
START_SECONDS = 60.0


def run(say: Say) -> dict[str, Any]:
    """ours and peer in answers a second of four clients; p50 and p99 in milliseconds of one."""
    folder = settings.DATASETS_DIR / "ml-100k" if settings.DATASETS_DIR else None
    if folder is None or not (folder / "u.data").is_file():
        raise BadInput("The benchmark needs MovieLens-100K: set DATASETS_DIR to a folder that holds ml-100k.")
    Catalog.objects.filter(name=CATALOG).delete()
    catalog = Catalog.objects.create(name=CATALOG)
    try:
        deployed = prepare(catalog, folder, say)
        secret = keys.create(catalog=catalog, name="benchmark", scope="write").secret
        people = list(catalog.users.order_by("id").values_list("client_id", flat=True))
        with web() as port:
            return measure(port, secret, people, deployed.pk, say)
    finally:
        catalog.delete()


def prepare(catalog: Catalog, folder: Path, say: Say) -> Run:
    """Import, train one epoch (an answer takes as long after one as after forty), deploy."""
    row = importing.create_import(catalog=catalog, source="ml-100k", options={"path": str(folder)})
    importing.run_import(import_id=row.pk)
    say("training sasrec for one epoch")
    made = training.create_run(catalog=catalog, algorithm="sasrec", config={"epochs": 1})
    training.execute_run(run_id=made.pk)
    made.refresh_from_db()
    if made.status != Run.Status.SUCCEEDED:
        raise Conflict(f"The training for the benchmark ended as {made.get_status_display()}: {made.error}")
    deploying.deploy_run(run=made)
    return made


@contextmanager
def web() -> Iterator[int]:
    """A web process on the servers of this one; gives its port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    options = "--worker-class gthread --workers 1 --threads 8 --keep-alive 30 --no-control-socket --log-level warning"
    command = [sys.executable, "-m", "gunicorn", "recsite.wsgi", "--bind", f"{HOST}:{port}", *options.split()]
    environment = os.environ | {"API_RATE": "1000000/min", "HTTPS": "false"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--config", "python:recsite.web"],
            cwd=settings.BASE_DIR,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait(port, process)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            _ask(http.client.HTTPConnection(HOST, port, timeout=5), "/health/ready", {})
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise Conflict("The web process of the benchmark did not start.") from None
            time.sleep(0.05)


def _ask(link: http.client.HTTPConnection, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, bytes]:
    sent = None if body is None else json.dumps(body)
    link.request("GET" if body is None else "POST", path, sent, headers | {"Content-Type": "application/json"})
    answer = link.getresponse()
    return answer.status, answer.read()


def measure(port: int, secret: str, people: list[str], run_id: int, say: Say) -> dict[str, Any]:
    headers = {"X-API-Key": secret}
    asked = random.Random(0).choices(people, k=max(ALONE, TOGETHER))
    paths = [f"/api/v1/users/{person}/recommendations/" for person in asked]
    check(port, headers, people[0], run_id)
    alone = latencies(port, headers, paths[:ALONE])
    p50, p99 = (float(np.percentile(alone, part)) for part in (50, 99))
    say(f"one client: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    empty = latencies(port, {}, ["/health/live"] * ALONE)
    ours = throughput(port, headers, paths[:TOGETHER])
    peer = throughput(port, {}, ["/health/live"] * TOGETHER)
    rows = [
        {"what": "recommendations", "p50 ms": round(p50, 2), "p99 ms": round(p99, 2), "a second": round(ours)},
        {"what": "empty view", **_percentiles(empty), "a second": round(peer)},
    ]
    figures = {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": "answers/s", "p50_ms": p50, "p99_ms": p99}
    return figures | {"bar_ms": BAR_MS, "reached": p50 <= BAR_MS, "rows": rows}


def _percentiles(seconds: list[float]) -> dict[str, float]:
    return {f"p{part} ms": round(float(np.percentile(seconds, part)), 2) for part in (50, 99)}


def check(port: int, headers: dict[str, str], person: str, run_id: int) -> None:
    """The deployed run answers, and an event changes the next answer."""
    link, path = http.client.HTTPConnection(HOST, port, timeout=30), f"/api/v1/users/{person}/recommendations/"
    status, body = _ask(link, path, headers)
    first = json.loads(body)
    if status != 200 or first["run"] != run_id:
        raise Conflict(f"The deployed run does not answer: {body[:300]!r}")
    event = {"user": person, "item": first["items"][0]["item"], "value": 5}
    _ask(link, "/api/v1/events/", headers, event)
    then = json.loads(_ask(link, path, headers)[1])
    if event["item"] in [each["item"] for each in then["items"]]:
        raise Conflict("The event is not reflected in the next answer.")


def latencies(port: int, headers: dict[str, str], paths: list[str]) -> list[float]:
    """Milliseconds of each call, one after the other over one connection; a tenth goes before to warm up."""
    link = http.client.HTTPConnection(HOST, port, timeout=30)
    found = []
    for path in [*paths[: len(paths) // 10], *paths]:
        started = time.perf_counter()
        status, body = _ask(link, path, headers)
        found.append((time.perf_counter() - started) * 1000)
        if status != 200:
            raise Conflict(f"{path} answered {status}: {body[:300]!r}")
    return found[len(paths) // 10 :]


def throughput(port: int, headers: dict[str, str], paths: list[str]) -> float:
    """Answers a second when several clients ask at once."""
    parts = [paths[at::CLIENTS] for at in range(CLIENTS)]
    threads = [threading.Thread(target=latencies, args=(port, headers, part)) for part in parts]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calls = sum(len(part) + len(part) // 10 for part in parts)
    return calls / (time.perf_counter() - started)
