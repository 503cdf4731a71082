"""The demonstration from nothing to served recommendations, killed in the middle and started again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

from tests.shell import environment
from tests.support import free_port, processes_of, until


def start(folder: Path, log: Path, *more: str) -> subprocess.Popen[bytes]:
    """`manage.py demo --exit --quick` in a newcomer's environment."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "demo", "--exit", "--quick", *more]
    with log.open("ab") as file:
        return subprocess.Popen(
            [*command, "--port", str(free_port())],
            cwd=folder, env=environment(folder), stdin=subprocess.DEVNULL, stdout=file, stderr=file,
        )  # fmt: skip


def finished(running: subprocess.Popen[bytes], log: Path, seconds: float) -> str:
    code = running.wait(timeout=seconds)
    said = log.read_text()
    assert code == 0, said[-4000:]
    return said


@pytest.mark.slow
def test_killed_in_training_it_continues_then_ends_and_the_next_start_has_nothing_to_do(open_folder: Path) -> None:
    log = open_folder / "output.log"
    first = start(open_folder, log)
    until(lambda: "sasrec" in log.read_text() or first.poll() is not None, 240, "the training of sasrec")
    assert first.poll() is None, log.read_text()[-4000:]
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    until(lambda: not processes_of(open_folder, "celery"), 20, "the end of the killed demonstration's workers")

    said = finished(start(open_folder, log), log, 300)
    assert "MovieLens-100K is imported" in said, "the second start imports nothing again"
    assert re.search(r"sasrec +done: NDCG@10 0\.0\d+", said)
    assert re.search(r"blend #\d+ serves now: the best by NDCG@10 of those that adapt to people hardly known", said)
    for kind in ("what counts for everyone", "how far explanations can be trusted"):
        assert re.search(rf"^{kind}: ease #\d+: done$", said, re.M)
    assert re.search(r"^disparities #\d+: blend #\d+: done$", said, re.M)
    assert not processes_of(open_folder), "nothing is left behind"

    started = time.monotonic()
    log.write_text("")
    again = finished(start(open_folder, log), log, 60)
    assert time.monotonic() - started < 60
    assert "serves" in again
    assert not any(word in again for word in ("Importing", "Examining", "Auditing"))
    known = json.loads((open_folder / "data" / "demo.json").read_text())
    assert (open_folder / "data" / "demo.json").stat().st_mode & 0o077 == 0, "only the owner reads the passwords"
    assert known["key"] in again
    assert all(password in again for password in known["logins"].values())


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--port", "0"], "--port: choose a number from 1 to 65535"),
        (["--data", "nowhere.zip"], "nowhere.zip does not exist"),
    ],
)
def test_nonsense_is_one_clear_line(open_folder: Path, more: list[str], said: str) -> None:
    command = [
        sys.executable,
        str(settings.BASE_DIR / "manage.py"),
        "demo",
        "--exit",
        "--port",
        str(free_port()),
        *more,
    ]
    done = subprocess.run(
        command, cwd=open_folder, env=environment(open_folder), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
