"""`manage.py serve` and what it supervises, as real processes."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from recsite import embedded
from recsite.embedded.supervisor import serving
from tests.recsite.served import Served, env, serve
from tests.support import free_port, processes_of, until


def refused(folder: Path, port: int) -> str:
    done = subprocess.run(
        serve(port), cwd=settings.BASE_DIR, env=env(folder), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


@pytest.fixture
def start(open_folder: Path) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def one(**environment: str) -> Served:
        started.append(Served(open_folder, **environment))
        return started[-1]

    yield one
    for served in started:
        if served.process.poll() is None:
            served.end(signal.SIGTERM)


def test_what_dies_is_started_again_and_ctrl_c_leaves_nothing(start: Callable[..., Served], open_folder: Path) -> None:
    served = start()
    for part in ("gunicorn", "-Q training", "-Q default", "beat"):
        before = served.child(part)
        before.kill()
        until(lambda part=part, pid=before.pid: others(served, part, pid), what=f"a new {part}")
    served.child("redis-server").kill()
    until(lambda: "redis ended; starting again" in served.said(), what="a new Redis")
    until(served.answers, what="the web process")
    served.end(signal.SIGINT)
    assert processes_of(open_folder) == []


def others(served: Served, part: str, pid: int) -> bool:
    """Whether a child with `part` in its command line lives that is not `pid`."""
    children = psutil.Process(served.process.pid).children()
    return any(child.pid != pid and part in " ".join(child.cmdline()) for child in children if child.is_running())


def test_a_second_one_says_where_the_first_serves_and_a_taken_port_is_named(
    start: Callable[..., Served], open_folder: Path
) -> None:
    served = start()
    assert serving(open_folder) == {"pid": served.process.pid, "url": f"http://127.0.0.1:{served.port}/"}
    assert f"already serving at http://127.0.0.1:{served.port}/" in refused(open_folder, served.port + 1)
    elsewhere = open_folder / "elsewhere"
    assert f"port {served.port} of 127.0.0.1 is in use by another program" in refused(elsewhere, served.port)
    served.end(signal.SIGTERM)
    assert serving(open_folder) is None
    assert processes_of(open_folder) == []


def test_a_killed_supervisor_takes_its_children_along_and_the_next_one_adopts_the_servers(
    start: Callable[..., Served], open_folder: Path
) -> None:
    served = start()
    postgres = served.child("bin/postgres").pid
    served.process.kill()
    served.process.wait()
    python = [p for p in processes_of(open_folder) if "postgres" not in p.name() and "redis" not in p.name()]
    _, alive = psutil.wait_procs(python, timeout=15)
    assert alive == []
    again = start()
    assert psutil.pid_exists(postgres)
    again.end(signal.SIGHUP)
    assert processes_of(open_folder) == []


def test_the_grown_shape_serves_on_servers_of_other_processes_reached_over_tcp(
    start: Callable[..., Served], open_folder: Path
) -> None:
    options = embedded.Options(durable=False, tied=True, postgres_port=free_port(), redis_port=free_port())
    with embedded.running(open_folder / "elsewhere", options=options) as held:
        served = start(
            DATABASE_URL=f"postgres://recsite:{held.postgres.password}@127.0.0.1:{options.postgres_port}/recsite",
            REDIS_URL=f"redis://127.0.0.1:{options.redis_port}/0",
            SECRET_KEY="a key of this test",
            ALLOWED_HOSTS="127.0.0.1",
            HTTPS="false",
        )
        assert served.answers()
        children = {child.name() for child in psutil.Process(served.process.pid).children()}
        assert not children & {"postgres", "redis-server"}
        served.end(signal.SIGTERM)
