"""One process that owns everything: the embedded servers, the web process, the Celery workers and exactly one beat.

    with Supervisor(settings.DATA_DIR, port=8000, say=print, **embedded.wanted_by(settings)) as house:
        call_command("migrate")          # the servers answer
        house.start()                    # web, workers and beat; one that dies is started again
        house.wait_until_ready()
        …                                # any work
        house.serve()                    # until Ctrl-C or a request to end; leave it out to stop here

Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt in the block. Leaving it, however, stops the web process, workers and
beat first, then the servers. If this process is killed by force, the kernel ends its children (lifetime.py); the
servers stay for the next command.

Training has a worker process of its own, so that an import or a prediction never waits for it. Both workers use
Celery's forking pool rather than `solo`: the parent goes on answering `ping` and `status` while a task computes, and a
task that exhausts memory takes down a child, not the worker. The children die with their parent (recsite/celery.py).
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from recsite.celery import app
from recsite.embedded import lifetime
from recsite.embedded.places import EmbeddedError, places, prepare
from recsite.embedded.servers import LARGEST_LOG, tail, wait_for
from recsite.embedded.sharing import Held, running, uninterrupted

BASE_DIR = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
GRACE_SECONDS = 6.0
"""How long a child may take to end by itself; a training is resumed from its last epoch, so it need not end first."""
STEADY_SECONDS = 30.0
"""A child that lived this long is started again at once."""
LONGEST_DELAY = 30.0
EARLY_DEATHS = 3
"""After so many deaths in a row before it was steady, a child counts as broken."""


class Child:
    """One process that is started again when it ends. Only the supervisor's thread calls its methods."""

    def __init__(self, name: str, arguments: list[str], log: Path) -> None:
        self.name, self.arguments, self.log = name, arguments, log
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.next_start = 0.0
        self.started = 0.0

    def start(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        wrapper = [sys.executable, "-I", "-S", lifetime.__file__, str(int(signal.SIGKILL)), str(os.getpid())]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*wrapper, sys.executable, "-m", *self.arguments],
                cwd=BASE_DIR,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started = time.monotonic()

    def check(self, say: Callable[[str], None]) -> None:
        """Start it if it is due; notice its death and put the next start off, longer after each early death."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.next_start:
                self.start()
            return
        if self.process.poll() is None:
            return
        self.deaths = 1 if now - self.started > STEADY_SECONDS else self.deaths + 1
        delay = 0.0 if self.deaths == 1 else min(LONGEST_DELAY, 2.0 ** (self.deaths - 2))
        self.kill()
        say(f"{self.name} ended ({_ending(self.process.returncode)}); starting it again. Its log: {self.log}")
        self.process, self.next_start = None, now + delay

    def kill(self) -> None:
        """End every process of its group at once."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def children_of(data_dir: Path, logs: Path, port: int) -> list[Child]:
    """The web process, one worker per queue, and beat."""
    celery = ["celery", "-A", "recsite"]
    worker = ["--concurrency", "1", "--prefetch-multiplier", "1", "--without-gossip", "--without-mingle", "-l", "INFO"]
    web = f"gunicorn recsite.wsgi --bind {HOST}:{port} --worker-class gthread --workers 1 --threads 8 --keep-alive 30"
    limits = "--config python:recsite.web --timeout 120 --graceful-timeout 5 --no-control-socket"
    schedule = data_dir / "beat"
    schedule.mkdir(exist_ok=True)
    return [
        Child("web", [*web.split(), *limits.split()], logs / "web.log"),
        *(
            Child(
                f"worker-{queue}", [*celery, "worker", "-Q", queue, "-n", f"{queue}@%h", *worker], logs / f"{queue}.log"
            )
            for queue in ("training", "default")
        ),
        Child("beat", [*celery, "beat", "-s", str(schedule / "schedule"), "--pidfile="], logs / "beat.log"),
    ]


def check_port(port: int) -> None:
    """Raise EmbeddedError if something else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            reason = "is in use by another program" if taken else f"cannot be used ({error.strerror})"
            raise EmbeddedError(f"port {port} of {HOST} {reason}; choose another one with --port") from None


class ServeLock:
    """Held by the one supervisor of a data folder; says to others where it serves."""

    def __init__(self, data_dir: Path) -> None:
        self.path = places(data_dir).locks / "serve"
        self.file: int | None = None

    def take(self, note: dict[str, Any]) -> None:
        """Take it, after one that is just stopping; raise EmbeddedError saying where another supervisor serves."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        patient_until = time.monotonic() + 40
        hasty_until = time.monotonic() + 1
        while not _try_lock(file):
            other = self.read()
            if time.monotonic() > (patient_until if other.get("stopping") else hasty_until):
                os.close(file)
                raise EmbeddedError(
                    f"already serving at {other.get('url')} (process {other.get('pid')}); use that, or stop it first: "
                    f"kill {other.get('pid')}"
                )
            time.sleep(0.1)
        self.file = file
        self.write(note)

    def write(self, note: dict[str, Any]) -> None:
        assert self.file is not None
        text = json.dumps(note).encode()
        os.pwrite(self.file, text, 0)
        os.ftruncate(self.file, len(text))

    def read(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.path.read_text()))
        except (OSError, ValueError):
            return {}

    def release(self) -> None:
        if self.file is not None:
            os.close(self.file)
            self.file = None


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def serving(data_dir: Path) -> dict[str, Any] | None:
    """`{"pid", "url"}` of the supervisor that serves `data_dir` now; None where there is none."""
    lock = ServeLock(data_dir)
    if not lock.path.exists():
        return None
    file = os.open(lock.path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return None if _try_lock(file) else lock.read()
    finally:
        os.close(file)


class Supervisor:
    """See the module's text. Raises EmbeddedError on entering where it cannot run."""

    def __init__(
        self, data_dir: Path, *, port: int, say: Callable[[str], None], postgres: bool = True, redis: bool = True
    ) -> None:
        self.data_dir, self.port, self.say = data_dir, port, say
        self.url = f"http://{HOST}:{port}/"
        self._postgres, self._redis = postgres, redis
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._stack = ExitStack()
        self.held: Held | None = None
        self.children: list[Child] = []

    def __enter__(self) -> Self:
        spots = places(self.data_dir)
        prepare(spots)
        self._lock = ServeLock(self.data_dir)
        self._note: dict[str, Any] = {"pid": os.getpid(), "url": self.url}
        with ExitStack() as stack:
            self._lock.take(self._note)
            stack.callback(self._lock.release)
            check_port(self.port)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                stack.callback(signal.signal, number, signal.signal(number, _interrupt))
            self.held = stack.enter_context(running(self.data_dir, postgres=self._postgres, redis=self._redis))
            self.children = children_of(self.data_dir, spots.logs, self.port)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with uninterrupted():
            self._lock.write(self._note | {"stopping": True})
            self._stop.set()
            if self._thread is not None:
                self._thread.join()
            self._stack.close()

    def start(self) -> None:
        """Start the web process, the workers and beat, and keep them alive."""
        # The kernel ties a child to the thread that starts it, so one thread starts, watches and stops them all.
        self._thread = threading.Thread(target=self._watch, name="supervisor")
        self._thread.start()

    def wait_until_ready(self, seconds: float = 120) -> None:
        """Return once the web process and the workers answer; raise EmbeddedError with a log's end if they do not."""
        for what, answers in (("web", self._web_answers), ("worker", self._workers_answer)):
            deadline = time.monotonic() + seconds
            while not answers():
                late = time.monotonic() > deadline
                child = self._broken() or next(child for child in self.children if child.name.startswith(what))
                if late or self._broken():
                    raise EmbeddedError(f"{child.name} does not start; the end of {child.log}:\n{tail(child.log, 30)}")
                time.sleep(0.1)

    def serve(self) -> None:
        """Return when somebody asks to stop."""
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            self.say("stopping")

    def _broken(self) -> Child | None:
        return next((child for child in self.children if child.deaths >= EARLY_DEATHS), None)

    def _web_answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}health/live", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def _workers_answer(self) -> bool:
        names = {next(iter(answer)).split("@")[0] for answer in app.control.ping(timeout=1, limit=2)}
        return {"training", "default"} <= names

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                for child in self.children:
                    child.check(self.say)
                self._watch_servers()
            except (EmbeddedError, OSError) as error:
                self.say(str(error))
                self._stop.wait(5)
            self._stop.wait(0.2)
        self._stop_children()

    def _watch_servers(self) -> None:
        """Start a server again that died; the start lock is only taken when one does not answer."""
        assert self.held is not None
        dead = [s for s in self.held.servers if s.name in self.held.wanted and not s.answers()]
        if dead:
            self.say(f"{' and '.join(server.name for server in dead)} ended; starting again")
            self.held.ensure()

    def _stop_children(self) -> None:
        """Ask all to end, wait a little, then end what is left, pool children included."""
        alive = [child.process for child in self.children if child.process is not None]
        for process in alive:
            if process.poll() is None:
                process.terminate()
        wait_for(lambda: all(process.poll() is not None for process in alive), GRACE_SECONDS)
        for child in self.children:
            child.kill()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
