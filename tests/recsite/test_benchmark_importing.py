"""The benchmark of the import, on a handful of rows: what it reports and that it leaves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from recommender.exceptions import BadInput
from recommender.models import Catalog, DataImport, Interaction
from recsite import benchmarks
from recsite.benchmarks import importing

pytestmark = pytest.mark.django_db(transaction=True)


def test_both_sides_are_measured_and_nothing_is_left(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ml-1m"
    folder.mkdir()
    (folder / "ratings.dat").write_text("".join(f"{n % 7}::{n}::5::{n}\n" for n in range(500)))
    settings.DATASETS_DIR = tmp_path
    monkeypatch.setattr(importing, "ROUNDS", 1)
    said: list[str] = []
    found = benchmarks.run("import", said.append)
    assert found["name"] == "import" and found["unit"] == "s" and found["ratings"] == 500
    assert found["ratio"] == found["ours"] / found["peer"] > 0 and len(said) == 2
    for model in (Catalog, DataImport, Interaction):
        assert not model.objects.exists()
    assert importing.PEER not in connection.introspection.table_names()


def test_without_the_data_it_says_what_it_needs(settings: Any) -> None:
    settings.DATASETS_DIR = None
    with pytest.raises(BadInput, match="set DATASETS_DIR"):
        benchmarks.run("import", print)
