"""`manage.py prune`: remove what is kept no longer."""

from __future__ import annotations

from typing import Any

from recommender.management.plain import PlainCommand
from recommender.services.retention import prune


class Command(PlainCommand):
    help = (
        "Remove weights of old runs (KEEP_RUNS), old impressions (KEEP_IMPRESSIONS_DAYS), uploads of imports that are "
        "over and files of runs and batches that are gone. Beat does it every night."
    )

    def work(self, **options: Any) -> dict[str, Any]:
        return dict(prune())

    def show(self, result: dict[str, Any]) -> None:
        names = {"runs": "runs without weights now", "impressions": "impressions", "uploads": "uploads",
                 "batches": "files of lists", "orphans": "folders of runs that were gone"}  # fmt: skip
        self.stdout.write("Removed: " + ", ".join(f"{result[key]:,} {name}" for key, name in names.items()))
