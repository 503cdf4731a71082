"""`manage.py undo_import ID`: take an import back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from recommender.exceptions import BadInput
from recommender.management.plain import PlainCommand
from recommender.models import DataImport
from recommender.services import undoing
from recommender.services.importing import run_import


class Command(PlainCommand):
    help = (
        "Take an import back: its interactions, what it made and nothing else uses, and the values that it changed. "
        "Refused where a later import relies on it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", type=int, help="the import's number, as import_data --json and its page show it")

    def work(self, **options: Any) -> dict[str, Any]:
        row = DataImport.objects.select_related("catalog").filter(pk=options["id"]).first()
        if row is None:
            raise BadInput(f"There is no import {options['id']}.", field="id")
        undoing.ask_to_undo(row=row)
        done = run_import(import_id=row.pk)
        return {"import": done.pk, "status": done.status, "error": done.error, **done.counts.get("undone", {})}

    def show(self, result: dict[str, Any]) -> None:
        if result["status"] != DataImport.Status.UNDONE:
            self.stdout.write(f"Import {result['import']} is being undone by a worker.")
            return
        self.stdout.write(f"Import {result['import']} was undone: {result['interactions']:,} interactions went.")
        for role in ("users", "items"):
            shown = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result[role].items() if count)
            self.stdout.write(f"  {role}: {shown or 'none'}")
