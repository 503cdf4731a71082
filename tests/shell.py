"""Helpers of the documentation's tests: its commands, run as they are written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

README = settings.BASE_DIR / "README.md"
OWN_ENVIRONMENT = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY", "ALLOWED_HOSTS", "DATA_DIR", "HTTPS")


def section(title: str) -> list[str]:
    """The commands under a heading of README.md, in order; a here-document stays with its command."""
    text = README.read_text().split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]
    commands = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        commands += [f"{part.strip()}\n" for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part.strip()]
    return commands


def sections() -> list[str]:
    return re.findall(r"^## (.*)$", README.read_text(), re.MULTILINE)


def place(folder: Path) -> Path:
    """A folder in which `python manage.py …` is this project's."""
    (folder / "manage.py").symlink_to(settings.BASE_DIR / "manage.py")
    return folder


def environment(folder: Path, **more: str) -> dict[str, str]:
    """A newcomer's: the virtual environment's commands, nothing set, data in `folder`."""
    kept = {name: value for name, value in os.environ.items() if name not in OWN_ENVIRONMENT}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return kept | {"PATH": path, "DATA_DIR": str(folder / "data"), "PYTHONPATH": str(settings.BASE_DIR), **more}


def shell(commands: str, folder: Path, env: dict[str, str], seconds: float = 240) -> str:
    """Standard output of commands in a shell that stops at the first failure; fails with all output."""
    command = ["bash", "-euo", "pipefail", "-c", commands]
    quiet: dict[str, Any] = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL}
    done = subprocess.run(command, cwd=folder, env=env, timeout=seconds, check=False, **quiet)
    assert done.returncode == 0, f"{commands}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout
