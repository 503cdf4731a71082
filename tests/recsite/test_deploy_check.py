"""Production settings pass Django's own check, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

PRODUCTION = {
    "DATABASE_URL": "postgres://recsite:secret@db.example.org/recsite",
    "REDIS_URL": "redis://redis.example.org/0",
    "SECRET_KEY": "not-a-real-one-but-long-and-of-many-letters-0123456789-ABCDEFGHIJKLMNOP",
    "ALLOWED_HOSTS": "recommender.example.org",
}


def check(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py check --deploy` with nothing of this process's environment but where programs are."""
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATA_DIR": str(tmp_path)} | environment
    return subprocess.run(command, cwd=settings.BASE_DIR, env=env, capture_output=True, text=True, timeout=120)


def test_production_settings_pass_the_deploy_check(tmp_path: Path) -> None:
    done = check(tmp_path, **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "no issues (0 silenced)" in done.stdout


def test_a_server_without_a_secret_does_not_start(tmp_path: Path) -> None:
    done = check(tmp_path, **{name: value for name, value in PRODUCTION.items() if name != "SECRET_KEY"})
    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr
