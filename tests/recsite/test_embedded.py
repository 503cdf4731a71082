"""The embedded servers: starting, sharing, dying and being adopted; all with the real binaries."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from django.conf import settings

from recsite import embedded
from recsite.embedded.servers import Postgres, Redis
from tests.support import alive, free_port, processes_of, until

HOLDER = """
import sys
from pathlib import Path
from recsite import embedded
with embedded.running(Path(sys.argv[1])):
    print("up", flush=True)
    sys.stdin.read()
"""


class Holder:
    """Another process that has the servers run until told to leave."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=settings.BASE_DIR,
            env=os.environ | environment,
        )

    def wait_until_up(self) -> Holder:
        assert self.process.stdout is not None and self.process.stderr is not None
        line = self.process.stdout.readline()
        assert line == "up\n", self.process.stderr.read()
        return self

    def leave(self) -> None:
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=60)


def server_pids(folder: Path) -> tuple[int | None, int | None]:
    spots, options = embedded.places(folder), embedded.Options()
    return Postgres(spots, options).pid(), Redis(spots, options).pid()


def rows(folder: Path, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(embedded.addresses(folder).database_url, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def test_both_servers_answer_while_the_block_runs_and_are_gone_after_it(open_folder: Path) -> None:
    with embedded.running(open_folder):
        rows(open_folder, "create extension vector")
        assert rows(open_folder, "select '[1,2]'::vector <-> '[1,4]', lower('Ä')") == [(2.0, "ä")]
        own = embedded.addresses(open_folder)
        assert redis.from_url(own.redis_url).ping()
        assert redis.from_url(own.redis_url).config_get("appendonly") == {"appendonly": "yes"}
    assert processes_of(open_folder) == []


def test_addresses_are_known_without_starting_or_making_anything(open_folder: Path) -> None:
    folder = open_folder / "data"
    own = embedded.addresses(folder)
    assert own.redis_url == f"unix://{folder}/run/redis.sock?db=0"
    assert own == embedded.addresses(folder)
    assert not folder.exists()


@pytest.mark.parametrize("name", ["long" * 30, "with space", "50%"])
def test_sockets_lie_elsewhere_where_the_path_is_too_long_or_needs_quoting(open_folder: Path, name: str) -> None:
    folder = open_folder / name
    spots = embedded.places(folder)
    assert str(spots.run).startswith(f"/tmp/recsite-{os.geteuid()}-")
    with embedded.running(folder):
        assert rows(folder, "select 1") == [(1,)]
        assert redis.from_url(embedded.addresses(folder).redis_url).ping()
        assert spots.run.stat().st_mode & 0o777 == 0o700
    assert not list(spots.run.iterdir())
    spots.run.rmdir()


def test_a_socket_folder_that_somebody_else_made_is_refused(open_folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of another account")
    folder = open_folder / ("long" * 30)
    run = embedded.places(folder).run
    run.mkdir()
    os.chown(run, 12345, 12345)
    try:
        with pytest.raises(embedded.EmbeddedError, match="was made by another account"), embedded.running(folder):
            pass
    finally:
        run.rmdir()


def test_two_processes_share_the_servers_and_the_last_one_stops_them(open_folder: Path) -> None:
    holders = [Holder(open_folder) for _ in range(2)]  # at once, on an empty folder
    first, second = (holder.wait_until_up() for holder in holders)
    pids = server_pids(open_folder)
    first.leave()
    assert rows(open_folder, "select 1") == [(1,)]
    assert server_pids(open_folder) == pids
    second.leave()
    assert processes_of(open_folder) == []


def test_a_killed_holder_leaves_the_others_working_and_the_last_one_stops_all(open_folder: Path) -> None:
    killed = Holder(open_folder).wait_until_up()
    other = Holder(open_folder).wait_until_up()
    killed.kill()
    assert rows(open_folder, "select 1") == [(1,)]
    other.leave()
    assert processes_of(open_folder) == []


def test_servers_of_a_killed_holder_are_adopted_and_then_stopped(open_folder: Path) -> None:
    Holder(open_folder).wait_until_up().kill()
    pids = server_pids(open_folder)
    with embedded.running(open_folder):
        assert server_pids(open_folder) == pids
        assert rows(open_folder, "select 1") == [(1,)]
    assert processes_of(open_folder) == []


def test_nothing_is_lost_when_everything_is_killed(open_folder: Path) -> None:
    holder = Holder(open_folder).wait_until_up()
    rows(open_folder, "create table kept as select 7 as value")
    client = redis.from_url(embedded.addresses(open_folder).redis_url)
    client.set("kept", "7")
    until(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0)
    processes = [psutil.Process(pid) for pid in (*server_pids(open_folder), holder.process.pid)]
    for process in processes:
        process.kill()
    holder.kill()
    until(lambda: not any(map(alive, processes)), what="the end of what was killed")
    with embedded.running(open_folder):
        assert rows(open_folder, "select value from kept") == [(7,)]
        assert client.get("kept") == b"7"


def test_stale_files_that_name_a_living_stranger_do_not_matter(open_folder: Path) -> None:
    with embedded.running(open_folder):
        pass
    spots = embedded.places(open_folder)
    stranger = f"{os.getppid()}\n{open_folder}/postgres\n1\n5432\n{spots.run}\n\n 1 1\nready   \n"
    (open_folder / "postgres" / "postmaster.pid").write_text(stranger)
    (open_folder / "redis" / "redis.pid").write_text(str(os.getppid()))
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(spots.run / "redis.sock"))
    (spots.run / ".s.PGSQL.5432.lock").write_text(stranger)
    with embedded.running(open_folder):
        assert rows(open_folder, "select 1") == [(1,)]
        assert os.getppid() not in server_pids(open_folder)


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "initdb runs": lambda folder: any(folder.glob("postgres.draft-*/PG_VERSION")),
    "the cluster is made": lambda folder: (folder / "postgres").exists(),
    "PostgreSQL starts": lambda folder: (folder / "postgres" / "postmaster.pid").exists(),
    "Redis is next": lambda folder: (folder / "locks" / "redis.lock").exists(),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_first_start_that_is_killed_does_not_spoil_the_second(open_folder: Path, moment: str) -> None:
    holder = Holder(open_folder)
    until(lambda: MOMENTS[moment](open_folder), what=moment)
    holder.kill()
    with embedded.running(open_folder):
        assert rows(open_folder, "select 1") == [(1,)]
        assert not list(open_folder.glob("postgres.draft-*"))


def test_a_server_that_cannot_start_says_why_with_the_end_of_its_log(open_folder: Path) -> None:
    (open_folder / "postgres").mkdir()
    reason = r"(?s)postgres ended while starting.*could not access the server configuration"
    with pytest.raises(embedded.EmbeddedError, match=reason), embedded.running(open_folder):
        pass
    assert processes_of(open_folder) == []


def test_servers_on_tcp_ask_for_the_password(open_folder: Path) -> None:
    ports = [free_port(), free_port()]
    options = embedded.Options(postgres_port=ports[0], redis_port=ports[1])
    with embedded.running(open_folder, options=options) as held:
        url = f"postgres://recsite:{held.postgres.password}@127.0.0.1:{ports[0]}/recsite"
        with psycopg.connect(url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(f"postgres://recsite:wrong@127.0.0.1:{ports[0]}/recsite")
        assert redis.Redis(port=ports[1]).ping()


def test_one_server_alone_can_be_asked_for(open_folder: Path) -> None:
    with embedded.running(open_folder, postgres=False):
        assert redis.from_url(embedded.addresses(open_folder).redis_url).ping()
        assert not (open_folder / "postgres").exists()
