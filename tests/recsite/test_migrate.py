"""Two commands at once on a database that nobody has used yet."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_migrations_at_once_both_succeed() -> None:
    name = "migrated_twice"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name}")
    code = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "from django.core.management import call_command\n"
        f"settings.DATABASES['default']['NAME'] = {name!r}\n"
        "call_command('migrate', verbosity=0)\n"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "recsite.settings"}
    both = [
        subprocess.Popen([sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [each.communicate(timeout=180)[1].decode() for each in both]
    try:
        assert [each.returncode for each in both] == [0, 0], said
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
