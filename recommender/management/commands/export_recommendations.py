"""`manage.py export_recommendations --run ID --k 20 --out FILE`: recommendations for everyone, as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recommender.management.plain import PlainCommand, Progress
from recommender.selectors.runs import get_run
from recommender.services.exporting import export_recommendations


class Command(PlainCommand):
    help = "Write user,item,rank,score for every person of the run's catalog, without what they have already met."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run", type=int, required=True, help="the run's id")
        parser.add_argument("--k", type=int, default=20, help="items per person (default 20)")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the CSV to write")
        parser.add_argument("--users", type=Path, metavar="FILE", help="CSV with header user: only these people")

    def work(self, **options: Any) -> dict[str, Any]:
        progress = Progress()
        try:
            return export_recommendations(
                run=get_run(run_id=options["run"]),
                k=options["k"],
                out=options["out"],
                users=options["users"],
                progress=lambda share: progress.show("Writing recommendations", f"{share:.0%}"),
            )
        finally:
            progress.done()

    def show(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"{result['rows']:,} recommendations for {result['users']:,} people are in {result['out']}.")
