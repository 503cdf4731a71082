"""`manage.py create_key`: a client's key to a catalog, shown once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from recommender.exceptions import BadInput
from recommender.management.plain import PlainCommand
from recommender.models import ApiKey
from recommender.selectors.runs import get_catalog
from recommender.services import keys


class Command(PlainCommand):
    help = "Make an API key for a catalog. It is shown this once; only a hash of it is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--catalog", required=True, help="the catalog's name")
        parser.add_argument("--scope", required=True, help=f"one of {', '.join(ApiKey.Scope.values)}")
        parser.add_argument("--name", required=True, help="what the key is for, to tell keys apart")
        parser.add_argument(
            "--no-unknown", action="store_true", help="reject events that name a person or item not yet known"
        )

    def work(self, **options: Any) -> dict[str, Any]:
        try:
            made = keys.create(
                catalog=get_catalog(name=options["catalog"]),
                name=options["name"],
                scope=options["scope"],
                creates_unknown=not options["no_unknown"],
            )
        except BadInput as error:
            raise CommandError(f"--{error.field}: {error}") from None
        return {"key": made.secret, "prefix": made.key.prefix, "catalog": options["catalog"], "scope": made.key.scope}

    def show(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"{result['key']}\nKeep it now: it is not shown again. Send it as the header X-API-Key.")
