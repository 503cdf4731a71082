"""Make an API key; it is printed once and cannot be had again."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommender.exceptions import BadInput
from recommender.models import ApiKey, Catalog
from recommender.services import keys


class Command(BaseCommand):
    help = "Make an API key to one catalog. The key is shown once; only its hash is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--catalog", required=True, help="name of the catalog")
        parser.add_argument("--scope", required=True, help=f"one of {', '.join(ApiKey.Scope.values)}")
        parser.add_argument("--name", required=True, help="what the key is for, to tell keys apart")
        parser.add_argument(
            "--no-unknown", action="store_true", help="reject events that name a person or item not yet known"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        catalog = Catalog.objects.filter(name=options["catalog"]).first()
        if catalog is None:
            raise CommandError(f"--catalog: there is no catalog “{options['catalog']}”.")
        try:
            made = keys.create(
                catalog=catalog,
                name=options["name"],
                scope=options["scope"],
                creates_unknown=not options["no_unknown"],
            )
        except BadInput as error:
            raise CommandError(f"--{error.field}: {error}") from None
        if options["json"]:
            shown = {"key": made.secret, "prefix": made.key.prefix, "catalog": catalog.name, "scope": made.key.scope}
            self.stdout.write(json.dumps(shown))
        else:
            self.stdout.write(f"{made.secret}\nKeep it now: it is not shown again. Send it as the header X-API-Key.")
