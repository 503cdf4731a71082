"""Which code is running."""

from __future__ import annotations

import subprocess
import tomllib
from functools import cache

from django.conf import settings


@cache
def code_version() -> str:
    """What git calls the checkout (with `-dirty` where files were changed), else the version of the project."""
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    try:
        done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=10, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.strip()[:64]
    except (OSError, subprocess.TimeoutExpired):
        pass
    try:
        return str(tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]["version"])
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return "unknown"
