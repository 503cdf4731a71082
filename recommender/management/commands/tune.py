"""`manage.py tune ALGORITHM --catalog NAME`: search for the settings that validation likes best."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser

from recommender.management.plain import PlainCommand, Progress
from recommender.models import Run, Study
from recommender.selectors.runs import get_catalog
from recommender.selectors.tuning import best_trial
from recommender.services import monitoring, tuning
from recommender.tasks import start_tuning

LOOK_SECONDS = 0.3


class Command(PlainCommand):
    help = "Search for good settings: in the worker if one runs, else in this process. The test data are never read."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("algorithm", help="its registered name, such as ease or item_knn")
        parser.add_argument("--catalog", required=True, help="the catalog's name")
        parser.add_argument("--trials", type=int, default=tuning.TRIALS, help=f"how many (default {tuning.TRIALS})")
        parser.add_argument("--only", default="", metavar="A,B", help="settings to vary (default: all that may be)")
        parser.add_argument("--seed", type=int, default=0, help="of everything left to chance (default 0)")
        parser.add_argument("--detach", action="store_true", help="only put it into the worker's queue")

    def work(self, **options: Any) -> dict[str, Any]:
        wanted = {
            "catalog": get_catalog(name=options["catalog"]),
            "algorithm": options["algorithm"],
            "trials": options["trials"],
            "only": [name.strip() for name in options["only"].split(",") if name.strip()],
            "seed": options["seed"],
        }
        worker = monitoring.listens("training")
        if worker or options["detach"]:
            study = start_tuning(**wanted)
        else:
            study = tuning.create_study(**wanted)
            tuning.execute_study(study_id=study.pk)
        if options["detach"] and not worker:
            self.note("No worker takes trainings now; the tuning waits until one does.")
        elif not options["detach"]:
            follow(study)
        study.refresh_from_db()
        self.error = study.error
        return outcome(study)

    def show(self, result: dict[str, Any]) -> None:
        lines = [f"Tuning {result['tuning']}: {Run.Status(result['status']).label}, {result['trials']} trials"]
        if result["best"]:
            lines.append(f"  best NDCG@10 on validation: {result['best']['value']:.4f}")
            lines += [f"  {name} = {value}" for name, value in result["best"]["config"].items()]
        self.stdout.write("\n".join(lines))

    def finish(self, result: dict[str, Any]) -> None:
        if result["status"] == Run.Status.FAILED:
            raise CommandError(f"Tuning {result['tuning']} failed: {self.error}")
        if result["status"] == Run.Status.CANCELLED:
            raise CommandError(f"Tuning {result['tuning']} was cancelled.")


def follow(study: Study) -> None:
    """Show how far it is until it is over. Ctrl-C stops following; a worker's search goes on."""
    progress, seen = Progress(), Study.objects.filter(pk=study.pk)
    try:
        while (now := seen.get()).status in Run.LIVE:
            progress.show(f"Tuning {now.pk}: {now.phase}", f"{now.progress:.0%}")
            time.sleep(LOOK_SECONDS)
    finally:
        progress.done()


def outcome(study: Study) -> dict[str, Any]:
    """What --json prints."""
    best = best_trial(study=study)
    return {
        "tuning": study.pk,
        "status": study.status,
        "trials": study.trials.count(),
        "best": {"trial": best.number, "value": best.value, "config": best.config} if best else None,
        "importance": study.importance,
    }
