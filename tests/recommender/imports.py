"""Imports of small files that tests write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recommender.models import Catalog, DataImport
from recommender.services.importing import create_import, run_import


def prepared(catalog: Catalog, path: Path, **options: Any) -> DataImport:
    given = {name: str(one) for name, one in options.items() if isinstance(one, Path)}
    return create_import(
        catalog=catalog,
        source=path.name,
        format=options.get("format", ""),
        options={"path": str(path), "columns": options.get("columns", {}), **given},
    )


def put_in(catalog: Catalog, path: Path, **options: Any) -> DataImport:
    return run_import(import_id=prepared(catalog, path, **options).pk)


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path
