"""`manage.py backup FILE`: database and files in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recommender.management.plain import PlainCommand
from recsite.backup import backup


class Command(PlainCommand):
    help = "Write the database and every file of the storage to one file, from which `restore` fills an empty place."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="a new file")

    def work(self, **options: Any) -> dict[str, Any]:
        return backup(path=options["file"].resolve())

    def show(self, result: dict[str, Any]) -> None:
        rows = ", ".join(f"{count:,} {name}" for name, count in result["rows"].items())
        self.stdout.write(f"{result['file']}: {result['bytes']:,} bytes, {result['files']:,} files; rows: {rows}")
