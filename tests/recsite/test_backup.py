"""Backed up here, restored into an empty place with servers of its own, where it recommends the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from recommender.models import Catalog, Interaction
from recommender.services import audit, deploying, serving, training
from tests.recommender.pages import films

SETTINGS_OF_SERVERS = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL")
THERE = """
import json
from django.core.management import call_command
call_command("restore", PATH, json=True)
from django.db import connection
from recommender.models import AuditEntry, Catalog, Interaction
from recommender.services import serving
catalog = Catalog.objects.get(name="films")
answer = serving.recommend(serving.Question(catalog.pk, "p1", n=3))
try:
    AuditEntry.objects.all().delete()
    kept = False
except Exception:
    kept = True
items = [each.item for each in answer.items]
print(json.dumps({"algorithm": answer.algorithm, "items": items, "kept": kept,
                  "interactions": Interaction.objects.filter(catalog=catalog).count()}))
"""


def shown(catalog: Catalog) -> tuple[str, list[str]]:
    answer = serving.recommend(serving.Question(catalog.pk, "p1", n=3))
    return answer.algorithm, [each.item for each in answer.items]


def run_there(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """`manage.py shell -c` in an installation of its own."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_SERVERS}
    return subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=settings.BASE_DIR,
        env=kept | {"DATA_DIR": str(folder / "data")},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_backup_restored_into_an_empty_place_recommends_the_same(open_folder: Path, tmp_path: Path) -> None:
    catalog = films()
    run = training.create_run(catalog=catalog, algorithm="item_knn")
    training.execute_run(run_id=run.pk)
    deploying.deploy_run(run=run)
    audit.note(catalog=catalog, action="import", subject="ratings.csv")
    path = tmp_path / "all.tar"
    call_command("backup", str(path))
    done = run_there(open_folder, THERE.replace("PATH", repr(str(path))))
    assert done.returncode == 0, done.stderr
    restored, there = (json.loads(line) for line in done.stdout.strip().splitlines()[-2:])
    assert restored["rows"]["interaction"] == Interaction.objects.count()
    assert there == {
        "algorithm": "item_knn",
        "items": shown(catalog)[1],
        "kept": True,
        "interactions": Interaction.objects.filter(catalog=catalog).count(),
    }


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["backup", "restore"])
def test_what_is_there_is_not_overwritten(command: str, tmp_path: Path) -> None:
    path: Any = tmp_path / "all.tar"
    path.write_text("mine")
    with pytest.raises(CommandError, match=r"is there already|is not empty"):
        call_command(command, str(path))
    assert path.read_text() == "mine"
