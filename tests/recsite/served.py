"""A running `manage.py serve`, for tests that kill parts of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
from django.conf import settings

from tests.support import free_port, until


class Served:
    """A running `manage.py serve`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.output = folder.with_suffix(".out")
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                serve(self.port), cwd=settings.BASE_DIR, env=env(folder, **environment), stdout=file, stderr=file
            )
        until(lambda: "serving at" in self.said() or self.process.poll() is not None, 120, "serving")
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self.output.read_text()

    def child(self, part: str) -> psutil.Process:
        """The one direct child whose command line holds `part`."""
        (found,) = [c for c in psutil.Process(self.process.pid).children() if part in " ".join(c.cmdline())]
        return found

    def end(self, number: signal.Signals) -> None:
        self.process.send_signal(number)
        assert self.process.wait(60) == 0, self.said()

    def answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/live", timeout=5).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


def serve(port: int) -> list[str]:
    return [sys.executable, "manage.py", "serve", "--port", str(port)]


def env(folder: Path, **more: str) -> dict[str, str]:
    return os.environ | {"DATA_DIR": str(folder), **more}
