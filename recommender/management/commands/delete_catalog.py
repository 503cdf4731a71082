"""`manage.py delete_catalog NAME --yes`: a catalog and all that is in it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from recommender.management.plain import PlainCommand
from recommender.selectors.runs import get_catalog
from recommender.services.retention import delete_catalog


class Command(PlainCommand):
    help = "Delete a catalog: people, items, interactions, runs, keys and files. It cannot be undone."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", help="the catalog's name")
        parser.add_argument("--yes", action="store_true", help="needed, as it cannot be undone")

    def work(self, **options: Any) -> dict[str, Any]:
        catalog = get_catalog(name=options["name"])
        if not options["yes"]:
            raise CommandError(f"This deletes {catalog.name} for good; say --yes, after a backup.")
        delete_catalog(catalog=catalog)
        return {"deleted": options["name"]}

    def show(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"{result['deleted']} and all that was in it are deleted.")
