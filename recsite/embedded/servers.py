"""Starting and stopping one embedded PostgreSQL or Redis, with no memory but the file system and the kernel's locks.

Each server process inherits an open file that its starter has locked (flock). The kernel frees the lock when the last
process of that server is gone, however it went, so "does it live?" has an exact answer that no stale pid file, reused
process id or kill -9 can spoil. The callers hold the start lock (sharing.py), so two never start or stop at once.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from recsite.embedded.lifetime import die_with_parent
from recsite.embedded.places import SOCKET, EmbeddedError, Places, binaries

START_SECONDS = 120.0
"""How long a server may take to answer; crash recovery after a kill is in it."""
LARGEST_LOG = 10_000_000
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Options:
    """How servers run; what differs between an installation and tests."""

    durable: bool = True
    """False trades safety against power cuts for speed: for tests."""
    tied: bool = False
    """True makes the servers end with the process that starts them, even when that is killed (Linux)."""
    postgres_port: int | None = None
    """Also listen on this TCP port of 127.0.0.1, with the password of Postgres.password."""
    redis_port: int | None = None
    """Also listen on this TCP port of 127.0.0.1."""


def wait_for(condition: Callable[[], bool], seconds: float, every: float = 0.03) -> bool:
    """Wait until `condition()` holds, at most `seconds`; returns whether it does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return "(no log)"


class Server:
    """What PostgreSQL and Redis have in common. The caller holds the start lock around ensure, alive and stop."""

    name = ""
    stop_signals: tuple[tuple[int, float], ...] = ()
    """What to send and how many seconds to wait for it, from friendly to final."""

    def __init__(self, spots: Places, options: Options) -> None:
        self.spots, self.options = spots, options
        self.folder = spots.home / self.name
        self.log = spots.logs / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def prepare(self, lock: int) -> None:
        """Clear what a dead server left behind and make its data folder if there is none."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it takes requests now."""
        raise NotImplementedError

    def pid(self) -> int | None:
        """The living server's process id, as it wrote it itself."""
        raise NotImplementedError

    def _lock(self) -> int | None:
        """The server's lock as an open file, None while a process of the server holds it."""
        file = os.open(self.spots.locks / f"{self.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        return file

    def alive(self) -> bool:
        """Whether any process of this server lives, started by whomever."""
        if self.process is not None:
            self.process.poll()  # a child that ended is a zombie until it is asked
        file = self._lock()
        if file is None:
            return True
        os.close(file)
        return False

    def ensure(self) -> None:
        """Return once it answers: adopt the one that lives, or start one.

        Raises EmbeddedError, with the end of its log, if it ends at once or does not answer in time.
        """
        deadline = time.monotonic() + START_SECONDS
        started = False
        while not (self.alive() and self.answers()):
            file = self._lock()
            if file is not None:
                if started:
                    os.close(file)
                    raise EmbeddedError(f"{self.name} ended while starting; the end of {self.log}:\n{tail(self.log)}")
                self._start(file)
                started = True
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"{self.name} did not answer within {START_SECONDS:.0f} s; the end of {self.log}:\n{tail(self.log)}"
                )
            time.sleep(0.03)

    def _start(self, lock: int) -> None:
        try:
            if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
                self.log.replace(self.log.with_suffix(".log.1"))
            self.prepare(lock)
            self.process = self.spawn(self.command(), lock)
        finally:
            os.close(lock)  # the server keeps its copy, and with it the lock

    def spawn(self, command: list[str | Path], lock: int) -> subprocess.Popen[bytes]:
        """Start a program of the server under its account, apart from the terminal's signals."""
        account = self.spots.account
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                pass_fds=(lock,),
                start_new_session=True,
                user=account and account.uid,
                group=account and account.gid,
                extra_groups=[] if account else None,
                umask=0o077,
                preexec_fn=die_with_parent if self.options.tied else None,
            )

    def stop(self) -> None:
        """Stop it and wait until its last process is gone."""
        for number, seconds in self.stop_signals:
            if not self.alive():
                break
            wait_for(lambda: self.pid() is not None or not self.alive(), 5)
            pid = self.pid()
            if pid is not None and self.alive():
                os.kill(pid, number)
            wait_for(lambda: not self.alive(), seconds)
        if self.alive():
            raise EmbeddedError(f"{self.name} (process {self.pid()}) does not stop; see {self.log}")


class Postgres(Server):
    name = "postgres"
    stop_signals = ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
    settings = {
        "shared_buffers": "256MB",
        "effective_cache_size": "2GB",
        "work_mem": "16MB",
        "maintenance_work_mem": "256MB",
        "max_connections": "60",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "max_parallel_workers_per_gather": "0",  # two cores are shared with the web process and the workers
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        "unix_socket_permissions": "0700",
    }

    @property
    def password(self) -> str:
        """Password of the role `recsite` over TCP; the socket needs none, its folder lets nobody else in."""
        return (self.spots.data_dir / "postgres.password").read_text()

    def command(self) -> list[str | Path]:
        options = self.settings | {"unix_socket_directories": str(self.spots.run), "port": "5432"}
        if self.options.postgres_port is None:
            options["listen_addresses"] = ""
        else:
            options |= {"listen_addresses": "127.0.0.1", "port": str(self.options.postgres_port)}
        if not self.options.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        flags = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        return [binaries(self.spots)[0] / "postgres", "-D", self.folder, *flags]

    def prepare(self, lock: int) -> None:
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        for socket_file in self.spots.run.glob(".s.PGSQL.*"):
            socket_file.unlink(missing_ok=True)
        for draft in self.spots.home.glob("postgres.draft-*"):
            shutil.rmtree(draft, ignore_errors=True)
        if not self.folder.exists():
            self._initialise(lock)

    def _initialise(self, lock: int) -> None:
        """Make the cluster and the database under another name first: an interrupted start leaves no half of one."""
        draft = Path(tempfile.mkdtemp(prefix="postgres.draft-", dir=self.spots.home))
        secret = self.spots.run / "password"
        secret.write_text(secrets.token_urlsafe(24))
        secret.chmod(0o600)
        if self.spots.account:
            for path in (draft, secret):
                os.chown(path, self.spots.account.uid, self.spots.account.gid)
        programs = binaries(self.spots)[0]
        initdb = (
            "--username=recsite --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --no-instructions "
            "--locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --text-search-config=english --no-sync"
        )
        self._run([programs / "initdb", "-D", draft, f"--pwfile={secret}", *initdb.split()], lock)
        self._run([programs / "postgres", "--single", "-D", draft, "postgres"], lock, "CREATE DATABASE recsite;\n")
        kept = self.spots.data_dir / "postgres.password"
        kept.touch(mode=0o600)
        kept.write_text(secret.read_text())
        secret.unlink()
        draft.rename(self.folder)

    def _run(self, command: list[str | Path], lock: int, text: str = "") -> None:
        account = self.spots.account
        done = subprocess.run(
            command,
            input=text,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            pass_fds=(lock,),
            start_new_session=True,
            user=account and account.uid,
            group=account and account.gid,
            extra_groups=[] if account else None,
            check=False,
        )
        if done.returncode:
            raise EmbeddedError(f"{Path(command[0]).name} failed:\n{done.stdout[-2000:]}")

    def _pid_file(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def pid(self) -> int | None:
        lines = self._pid_file()
        return abs(int(lines[0])) if lines and lines[0].strip("-").isdigit() else None

    def answers(self) -> bool:
        lines = self._pid_file()
        if len(lines) < 8 or lines[7].strip() != "ready":
            return False
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.spots.run / SOCKET).replace("5432", lines[3].strip())) == 0


class Redis(Server):
    name = "redis"
    stop_signals = ((signal.SIGTERM, 20), (signal.SIGKILL, 10))

    def command(self) -> list[str | Path]:
        port = self.options.redis_port
        return [
            binaries(self.spots)[1],
            *("--port", str(port or 0), "--bind", "127.0.0.1"),
            *("--unixsocket", self.spots.run / "redis.sock", "--unixsocketperm", "700"),
            *("--dir", self.folder, "--pidfile", self.folder / "redis.pid", "--daemonize", "no"),
            *("--appendonly", "yes" if self.options.durable else "no", "--save", ""),
            *("--maxmemory", "512mb", "--maxmemory-policy", "volatile-lru"),  # only cached values have an end of life
            *("--ignore-warnings", "ARM64-COW-BUG"),
        ]

    def prepare(self, lock: int) -> None:
        (self.folder / "redis.pid").unlink(missing_ok=True)
        (self.spots.run / "redis.sock").unlink(missing_ok=True)

    def pid(self) -> int | None:
        try:
            return int((self.folder / "redis.pid").read_text())
        except (OSError, ValueError):
            return None

    def answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(5)
                client.connect(str(self.spots.run / "redis.sock"))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
        except OSError:
            return False
