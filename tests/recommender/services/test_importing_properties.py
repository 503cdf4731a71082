"""Imports of generated files: whatever they hold, each row is taken or set aside with its reason, and never twice."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.exceptions import BadImport
from recommender.models import Catalog, DataImport, Interaction
from tests.recommender.imports import put_in

pytestmark = pytest.mark.django_db
OFTEN = settings(max_examples=40, suppress_health_check=list(HealthCheck))

IDS = st.one_of(st.sampled_from(["a", "b", "c", "ü", "x y", "1"]), st.text(max_size=6), st.just("x" * 200))
RATINGS = st.sampled_from(["", "1", "4.5", "-3", "nan", "inf", "1e400", "many", "0x10", " 5 "])
TIMES = st.sampled_from(["", "0", "978300760", "2026-01-31", "2026-01-31T12:00:00Z", "99999999999999", "-5", "noon"])
ROWS = st.lists(st.tuples(IDS, IDS, RATINGS, TIMES), max_size=12)
GOOD = [(f"person {at}", f"thing {at % 5}", str(at % 5), str(978_300_760 + at)) for at in range(30)]
"""A file of which most rows cannot be taken is refused as a whole; these keep it from that."""
HEADER = ("user", "item", "rating", "timestamp")


@pytest.fixture
def catalog(db: None) -> Catalog:
    return Catalog.objects.create(name="films")


def imported(catalog: Catalog, path: Path) -> DataImport | None:
    """The finished import; None where the file as a whole was refused in words, nothing being written."""
    before = Interaction.objects.count()
    try:
        return put_in(catalog, path)
    except BadImport as error:
        assert str(error) and Interaction.objects.count() == before
        return None


def holds(catalog: Catalog, path: Path) -> None:
    """Every row is counted once, what is new is there, and a second import of the same adds nothing."""
    done = imported(catalog, path)
    if done is None:
        return
    counts = done.counts["interactions"]
    assert counts["read"] == counts["new"] + counts["same"] + counts["rejected"]
    assert Interaction.objects.filter(catalog=catalog).count() == counts["new"]
    again = put_in(catalog, path)
    assert again.counts["interactions"]["new"] == 0
    assert again.counts["interactions"]["same"] == counts["new"] + counts["same"]


def undone(test: Any) -> None:
    with transaction.atomic():
        test()
        transaction.set_rollback(True)


@OFTEN
@given(ROWS, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_any_csv(tmp_path: Path, catalog: Catalog, rows: list[tuple[str, ...]], comma: str, end: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=comma, lineterminator=end).writerows([HEADER, *GOOD, *rows])
    path = tmp_path / "generated.csv"
    path.write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
    undone(lambda: holds(catalog, path))


@OFTEN
@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl", "parquet", "dat", "inter", "zip", "txt"]))
def test_any_bytes(tmp_path: Path, catalog: Catalog, content: bytes, suffix: str) -> None:
    path = tmp_path / f"generated.{suffix}"
    path.write_bytes(content)
    undone(lambda: holds(catalog, path))


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=4,
)
OBJECTS = st.fixed_dictionaries(
    {"user": st.one_of(IDS, VALUES), "item": IDS}, optional={"rating": VALUES, "timestamp": VALUES, "place": VALUES}
)


@OFTEN
@given(st.lists(st.one_of(OBJECTS, VALUES), max_size=8))
def test_any_json_lines(tmp_path: Path, catalog: Catalog, rows: list[Any]) -> None:
    path = tmp_path / "generated.jsonl"
    good = [dict(zip(HEADER, row, strict=True)) for row in GOOD]
    path.write_text("\n".join(json.dumps(row) for row in [*good, *rows]) + "\n")
    undone(lambda: holds(catalog, path))
