"""`manage.py restore FILE`: an empty place becomes what was backed up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandParser

from recommender.management.plain import PlainCommand
from recsite.backup import counts, restore


class Command(PlainCommand):
    help = "Fill an empty database and the storage from a file that `backup` wrote, and bring it to this version."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("file", type=Path, help="a file that `backup` wrote")

    def work(self, **options: Any) -> dict[str, Any]:
        done = restore(path=options["file"].resolve())
        call_command("migrate", verbosity=0)
        cache.clear()
        return done | {"rows": counts()}

    def show(self, result: dict[str, Any]) -> None:
        rows = ", ".join(f"{count:,} {name}" for name, count in result["rows"].items())
        self.stdout.write(f"As of {result['made']}: {result['files']:,} files; rows: {rows}")
