"""plotly.js is served from the installed package: 5 MB that need not lie in the repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

PLOTLY_FOLDER = f"plotly-{version('plotly')}"
PLOTLY_JS = f"{PLOTLY_FOLDER}/plotly.min.js"
"""The version is in the address, so that a browser may keep the file for ever."""


class PlotlyFinder(BaseFinder):
    """Finds this one file, without importing plotly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        spec = find_spec("plotly")
        if spec is None or spec.origin is None:
            raise RuntimeError("plotly is not installed; run `pip install -r requirements.txt`.")
        self.file = Path(spec.origin).parent / "package_data" / "plotly.min.js"
        self.storage = FileSystemStorage(location=str(self.file.parent))
        self.storage.prefix = PLOTLY_FOLDER

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        found = [str(self.file)] if path == PLOTLY_JS else []
        return found if find_all else (found[0] if found else [])

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, FileSystemStorage]]:
        yield self.file.name, self.storage
