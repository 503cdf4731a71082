"""Helpers of the fixtures in conftest.py: a real worker process and a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psutil
from django.conf import settings
from django.db import connection
from playwright.sync_api import sync_playwright

from recsite.celery import app

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def until(condition: Callable[[], object], seconds: float = 30, what: str = "the condition") -> None:
    """Wait until `condition()` is true; fail the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds} s"
        time.sleep(0.05)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_of(folder: Path, command: str = "") -> list[psutil.Process]:
    """Living processes that work on a data folder, whoever started them, with `command` in their command line."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            about = [line, process.cwd(), process.environ().get("DATA_DIR", "")]
            if alive(process) and command in line and any(str(folder) in part for part in about):
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def alive(process: psutil.Process) -> bool:
    """Whether it still runs: where nobody reaps orphans, what has ended stays listed as a zombie."""
    with suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def environment_of_tests(**more: str) -> dict[str, str]:
    """Environment of a process that works on the test database and the session's Redis."""
    database = connection.settings_dict
    host = quote(str(database["HOST"]), safe="")
    return os.environ | {
        "DATABASE_URL": f"postgres://{database['USER']}@{host}/{database['NAME']}",
        "REDIS_URL": settings.REDIS_URL,
        "CELERY_BROKER_URL": settings.CELERY_BROKER_URL,
        "DATA_DIR": str(settings.DATA_DIR),
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "SECRET_KEY": settings.SECRET_KEY,
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "HTTPS": "false",
        **more,
    }


class Worker:
    """A Celery worker as a process of its own (`celery -A recsite worker`), with one pool child."""

    def __init__(self, queues: str, log: Path, environment: dict[str, str], include: str = "recsite") -> None:
        self.log = log
        app.control.purge()
        command = [sys.executable, "-m", "celery", "-A", "recsite", "worker", "-Q", queues, "-c", "1"]
        self.name = f"{log.stem}-{os.getpid()}@tests"
        with log.open("ab") as file:
            self.process = subprocess.Popen(
                [*command, "-l", "INFO", "-I", include, "-n", self.name, "--without-gossip", "--without-mingle"],
                cwd=settings.BASE_DIR,
                env=environment_of_tests(**environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id of the worker's main process."""
        return self.process.pid

    def wait_until_ready(self, seconds: float = 60) -> None:
        """Return once the worker answers ping; fail with its log if it ends or takes too long."""
        deadline = time.monotonic() + seconds
        while not app.control.ping(destination=[self.name], timeout=0.3, limit=1):
            running = self.process.poll() is None and time.monotonic() < deadline
            assert running, f"the worker is not there:\n{self.log.read_text()[-4000:]}"

    def children(self) -> list[psutil.Process]:
        """Its pool children."""
        return psutil.Process(self.pid).children(recursive=True)

    def kill(self) -> None:
        """kill -9 of the main process; returns when it and its pool children are gone."""
        if self.process.poll() is not None:
            return
        children = self.children()
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive, f"children outlived their worker: {alive}"

    def stop(self, seconds: float = 60) -> None:
        """Ask it to end after its current task (SIGTERM) and wait."""
        self.process.terminate()
        self.process.wait(seconds)


class Browsers:
    """The system's Chromium under Playwright."""

    def __init__(self, path: str) -> None:
        self.path = path

    @staticmethod
    def find() -> str | None:
        """Path of Chromium: CHROMIUM's value, else the first that the system has."""
        return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)

    def __enter__(self) -> Self:
        self.playwright = sync_playwright().start()
        self.browser = self.playwright.chromium.launch(executable_path=self.path, args=CHROMIUM_ARGUMENTS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.browser.close()
        self.playwright.stop()
