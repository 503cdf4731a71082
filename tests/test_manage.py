"""manage.py: commands bring their servers along, and say in one line what people can mend."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.support import processes_of

WAIT = "import time; print('here', flush=True); time.sleep(600)"


def environment(folder: Path, **more: str) -> dict[str, str]:
    return os.environ | {"DATA_DIR": str(folder), **more}


def manage(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment(folder, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["help"], ["check"], ["migrate", "--help"], []])
def test_commands_that_touch_no_row_start_nothing(open_folder: Path, arguments: list[str]) -> None:
    assert manage(open_folder, *arguments).returncode == 0
    assert not (open_folder / "locks").exists()


def test_tables_that_are_missing_are_one_line_with_what_to_do(open_folder: Path) -> None:
    done = manage(
        open_folder, "shell", "--no-imports", "-c", "from django.contrib.auth.models import User; User.objects.count()"
    )
    assert done.returncode == 1
    assert done.stderr == "The database lacks tables of this version; run: python manage.py migrate\n"
    assert processes_of(open_folder) == []


@pytest.mark.parametrize("option", ["--catalog", "--out"])
def test_an_argument_that_is_no_text_is_one_line(open_folder: Path, option: str) -> None:
    done = manage(open_folder, "train", "ease", option, os.fsdecode(b"a\xff"))
    assert done.returncode == 1
    assert done.stderr == "The argument 'a\\udcff' is not text in UTF-8; write it anew.\n"


def test_a_database_that_does_not_answer_is_one_line(open_folder: Path) -> None:
    nowhere = {"DATABASE_URL": "postgres://me@127.0.0.1:9/none", "SECRET_KEY": "s", "ALLOWED_HOSTS": "localhost"}
    done = manage(open_folder, "migrate", **nowhere)
    assert done.returncode == 1
    assert done.stderr.startswith("The database cannot be used: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_asked_to_end_leaves_no_server_behind(
    open_folder: Path, number: signal.Signals, code: int
) -> None:
    command = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", WAIT],
        cwd=settings.BASE_DIR,
        env=environment(open_folder),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None and command.stdout.readline() == "here\n"
    assert processes_of(open_folder)
    command.send_signal(number)
    command.communicate(timeout=60)
    assert command.returncode == code
    assert processes_of(open_folder) == []


def test_a_command_ends_with_the_make_that_started_it(open_folder: Path) -> None:
    line = f'{sys.executable} manage.py shell --no-imports -c "{WAIT}"; true'
    shell = subprocess.Popen(
        ["/bin/sh", "-c", line],
        cwd=settings.BASE_DIR,
        env=environment(open_folder, DIE_WITH_PARENT="1"),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert shell.stdout is not None and shell.stdout.readline() == "here\n"
    shell.kill()
    assert shell.stdout.read() == ""  # the command ended too: nobody holds the pipe any more
    shell.wait()
