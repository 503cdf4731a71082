"""What a web process does before it is asked, and what it does not import."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings

from recommender.models import Catalog, Deployment, Run
from recommender.services import loaded
from recommender.views.lab import LONGEST
from recsite import web

HEAVY = ("torch", "implicit", "shap", "captum", "sentence_transformers")


def test_the_addresses_import_nothing_heavy():
    code = f"import django, sys; django.setup(); import recsite.urls; print([n for n in {HEAVY} if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, env=os.environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_gunicorn_takes_the_longest_address_of_the_lab():
    command = [sys.executable, "-m", "gunicorn", "recsite.wsgi", "--config", "python:recsite.web", "--print-config"]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=os.environ, capture_output=True, text=True, check=True, timeout=60
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("limit_request_line"))
    limit = int(line.split("=")[1])
    assert limit == 8190 and limit > LONGEST + 2000  # the path, with a catalog's name, and an answer more


@pytest.mark.django_db
def test_warming_up_survives_what_cannot_be_loaded(caplog):
    loaded.forget()
    catalog = Catalog.objects.create(name="films")
    run = Run.objects.create(catalog=catalog, algorithm="ease", status=Run.Status.SUCCEEDED)
    Deployment.objects.create(catalog=catalog, run=run)
    loaded.warm_up()
    assert any(f"run {run.pk}" in record.message for record in caplog.records)


def test_warming_up_without_a_database_is_only_noted(caplog, monkeypatch):
    def away() -> None:
        raise OSError("no database")

    monkeypatch.setattr(loaded, "warm_up", away)
    with caplog.at_level(logging.WARNING):
        web._warm_up(logging.getLogger("gunicorn.error"))
    assert "no database" in caplog.text
