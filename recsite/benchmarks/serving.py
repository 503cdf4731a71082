"""Recommendations over HTTP with sasrec in service, beside an empty view of the same server in the same run.

Web processes as operators start them (gunicorn, one a core, four threads each) on MovieLens-1M, driven by `wrk`:
uniformly random people, 5% of the calls send an event. Every answer authenticates its key, counts the call, checks that
nothing it depends on has changed and leaves an impression. The peer is /health/live: the same server, the same
middleware, no database. sasrec is trained for one epoch; an answer takes as long after one as after forty.

Where there is no wrk, or no MovieLens-1M, a client in Python or MovieLens-100K stand in, and the result says so.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from django.conf import settings

from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, Run
from recommender.services import answers, deploying, importing, impressions, keys, training
from recsite.benchmarks import Say
from recsite.benchmarks.wrk import Driver, Load
from recsite.embedded.supervisor import HOST

CATALOG = "benchmark-serving"
ALONE, TOGETHER, CLIENTS = 500, 2000, 4
THREADS = 4
EVENTS = 0.05
WARM, LONG, SHORT = 10.0, 20.0, 8.0
"""Seconds: a part of the warming up; a measurement; one of the empty view."""
MOST_WARM = 12
START_SECONDS = 60.0
BARS = {
    "ratio": 0.25, "uncached_per_core": 150.0, "half_p99_ms": 60.0, "p50_ms": 25.0, "memory_mb": 700.0,
    "training_mb": 2500.0,
}  # fmt: skip
"""memory_mb: of the largest web process; training_mb: of the process that trained, at its peak, as a worker's would."""
NO_WRK = "wrk is not installed (Debian package wrk): a Python client drives, which takes much of the machine itself"


def run(say: Say) -> dict[str, Any]:
    """ours and peer in calls a second; see BARS for what else must hold."""
    folder = data_folder()
    Catalog.objects.filter(name=CATALOG).delete()
    catalog = Catalog.objects.create(name=CATALOG)
    try:
        deployed = prepare(catalog, folder, say)
        return measure(catalog, deployed, say) | {"data": folder.name}
    finally:
        catalog.delete()


def data_folder() -> Path:
    """MovieLens-1M, else MovieLens-100K. Raises BadInput where there is neither."""
    for name, file in (("ml-1m", "ratings.dat"), ("ml-100k", "u.data")):
        if settings.DATASETS_DIR and (settings.DATASETS_DIR / name / file).is_file():
            return settings.DATASETS_DIR / name
    raise BadInput("The benchmark needs MovieLens-1M: set DATASETS_DIR to a folder that holds ml-1m.")


def prepare(catalog: Catalog, folder: Path, say: Say) -> Run:
    """Import, train one epoch, deploy."""
    say(f"importing {folder.name}")
    row = importing.create_import(catalog=catalog, source=folder.name, options={"path": str(folder)})
    importing.run_import(import_id=row.pk)
    say("training sasrec for one epoch: what an answer costs does not depend on how good it is")
    made = training.create_run(catalog=catalog, algorithm="sasrec", config={"epochs": 1, "initial": "random"})
    training.execute_run(run_id=made.pk)
    made.refresh_from_db()
    if made.status != Run.Status.SUCCEEDED:
        raise Conflict(f"The training for the benchmark ended as {made.get_status_display()}: {made.error}")
    deploying.deploy_run(run=made)
    return made


@dataclass(frozen=True)
class Web:
    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def memory_mb(self) -> float:
        """Resident memory of the largest web process."""
        processes = psutil.Process(self.process.pid).children()
        return max(process.memory_info().rss for process in processes) / 1e6


@contextmanager
def web(workers: int, **environment: str) -> Iterator[Web]:
    """Web processes on the servers of this one."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    options = f"--worker-class gthread --workers {workers} --threads {THREADS} --keep-alive 30 --no-control-socket"
    command = [sys.executable, "-m", "gunicorn", "recsite.wsgi", "--bind", f"{HOST}:{port}", *options.split()]
    given = {"API_RATE": "1000000/min", "HTTPS": "false", "OMP_NUM_THREADS": "1"} | environment
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--log-level", "warning", "--config", "python:recsite.web"],
            cwd=settings.BASE_DIR,
            env=os.environ | given,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait(port, process)
            yield Web(port, process)
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


def measure(catalog: Catalog, deployed: Run, say: Say) -> dict[str, Any]:
    cores = os.cpu_count() or 1
    secret = keys.create(catalog=catalog, name="benchmark", scope="write").secret
    people, items = ids_of(catalog.users), ids_of(catalog.items)
    if not Driver.there():
        say(NO_WRK)
    with web(cores) as site:
        check(site.port, {"X-API-Key": secret}, people[0], deployed.pk)
        alone = latencies(site.port, {"X-API-Key": secret}, paths_of(people)[:ALONE])
        drive = _by_wrk if Driver.there() else _by_python
        cached = drive(site, secret, people, items, say)
        memory = site.memory_mb()
    with web(cores, ANSWER_SECONDS="0") as site:
        check(site.port, {"X-API-Key": secret}, people[1], deployed.pk)
        uncached, cost = uncached_rate(site, secret, people, items)
        memory = max(memory, site.memory_mb())
    say(f"without the cache {uncached:.0f} answers a second, {uncached / cores:.0f} a core")
    p50 = float(np.percentile(alone, 50))
    cached["rows"].append({"what": "no cache", "a second": round(uncached), "cpu ms a call": round(cost, 2)})
    figures = cached | {"uncached_per_core": uncached / cores, "p50_ms": p50, "memory_mb": memory}
    if deployed.peak_memory:
        figures["training_mb"] = deployed.peak_memory / 1e6
    return figures | {"unit": "calls/s", "bars": BARS, "reached": reached(figures), "driver": drive.__name__[4:]}


def reached(figures: dict[str, Any]) -> bool:
    """Whether every bar that was measured holds: at least, for rates; at most, for times and memory."""
    least = ("ratio", "uncached_per_core")
    held = [figures[name] >= bar if name in least else figures[name] <= bar
            for name, bar in BARS.items() if name in figures]  # fmt: skip
    return all(held)


def ids_of(rows: Any) -> list[str]:
    return list(rows.order_by("id").values_list("client_id", flat=True))


def paths_of(people: list[str]) -> list[str]:
    asked = random.Random(0).choices(people, k=max(ALONE, TOGETHER))
    return [f"/api/v1/users/{person}/recommendations/" for person in asked]


def _by_wrk(site: Web, secret: str, people: list[str], items: list[str], say: Say) -> dict[str, Any]:
    """The empty view before and after, the load between them, then half of that load."""
    driver = Driver(site.address, secret, people, items, connections=THREADS * (os.cpu_count() or 1))
    warm_up(driver)
    before, cost_empty = costed(site, lambda: driver.empty(SHORT))
    hits, misses = answers.counts()
    full, cost = costed(site, lambda: driver.recommendations(LONG, events=EVENTS))
    after_hits, after_misses = answers.counts()
    after = driver.empty(SHORT)
    share = (after_hits - hits) / max(1, after_hits - hits + after_misses - misses)
    half = at_half(driver, full)
    peer = (before.rate + after.rate) / 2
    say(
        f"{full.rate:.0f} calls a second ({share:.0%} of the answers from the cache) beside {peer:.0f} of an empty view"
    )
    drained = drain()
    rows = [
        full.row(f"{1 - EVENTS:.0%} recommendations, {EVENTS:.0%} events")
        | {"cache hit rate": round(share, 3), "cpu ms a call": round(cost, 2)},
        half.row("the same at half the load"),
        before.row("empty view before") | {"cpu ms a call": round(cost_empty, 2)},
        after.row("empty view after"),
        {"what": "impressions written to the database", "a second": round(drained)},
    ]
    figures = {"ours": full.rate, "peer": peer, "ratio": full.rate / peer, "hit_rate": share}
    return figures | {"half_rate": half.rate, "half_p99_ms": half.p99_ms, "rows": rows}


def warm_up(driver: Driver) -> None:
    """Ask until most people have been asked for once: what is measured is the steady state."""
    calls = 0
    for _ in range(MOST_WARM):
        calls += driver.recommendations(WARM).calls
        if calls >= 3 * len(driver.people):
            break


def cpu_seconds(site: Web) -> float:
    """Processor time that web processes, PostgreSQL and Redis have used; wrk's own is not in it."""
    servers = [site.process.pid, *(embedded_pids() if settings.EMBEDDED else [])]
    total = 0.0
    for pid in servers:
        with suppress(psutil.Error):
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            for one in family:
                with suppress(psutil.Error):
                    total += sum(one.cpu_times()[:2])
    return total


def embedded_pids() -> list[int]:
    """The embedded PostgreSQL and Redis, by the folder they work on."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        about = " ".join(process.info["cmdline"] or [])
        if str(settings.DATA_DIR) in about and process.info["name"] in ("postgres", "redis-server"):
            found.append(process.pid)
    return found


def costed(site: Web, load: Callable[[], Load]) -> tuple[Load, float]:
    """A load, and the milliseconds of processor time that one of its calls took of all servers together."""
    before = cpu_seconds(site)
    found = load()
    return found, (cpu_seconds(site) - before) / max(1, found.calls) * 1000


def at_half(driver: Driver, full: Load) -> Load:
    """Each connection pauses so long that together they come to half the rate."""
    pause = 1000 * 2 * driver.connections / full.rate - full.p50_ms / 2
    return driver.recommendations(LONG, events=EVENTS, pause_ms=max(1.0, pause))


def drain() -> float:
    """Impressions a second that a worker writes from Redis to the database."""
    began = time.perf_counter()
    return impressions.drain() / (time.perf_counter() - began)


def _by_python(site: Web, secret: str, people: list[str], items: list[str], say: Say) -> dict[str, Any]:
    """Without events and half load: the client itself takes most of the machine."""
    ours = throughput(site.port, {"X-API-Key": secret}, paths_of(people))
    peer = throughput(site.port, {}, ["/health/live"] * TOGETHER)
    return {"ours": ours, "peer": peer, "ratio": ours / peer, "rows": [{"what": NO_WRK}]}


def uncached_rate(site: Web, secret: str, people: list[str], items: list[str]) -> tuple[float, float]:
    """Answers a second, and the processor time of one (0 where the client in Python drives)."""
    if not Driver.there():
        return throughput(site.port, {"X-API-Key": secret}, paths_of(people)), 0.0
    driver = Driver(site.address, secret, people, items, connections=THREADS * (os.cpu_count() or 1))
    driver.recommendations(3)
    found, cost = costed(site, lambda: driver.recommendations(LONG / 2))
    return found.rate, cost


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
