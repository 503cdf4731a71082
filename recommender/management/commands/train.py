"""`manage.py train ALGORITHM --catalog NAME`: train a recommender and print the run's id."""

from __future__ import annotations

import threading
import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.utils import timezone

from recommender.exceptions import BadInput
from recommender.management.plain import PlainCommand, Progress
from recommender.models import Run
from recommender.selectors.runs import LIVE, get_catalog
from recommender.services import monitoring, training
from recommender.tasks import start_training

LOOK_SECONDS = 0.3


class Command(PlainCommand):
    help = "Train a recommender: in the worker if one runs, else in this process. Ctrl-C leaves a worker's run going."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("algorithm", help="its registered name, such as popularity or sasrec")
        parser.add_argument("--catalog", required=True, help="the catalog's name")
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a hyperparameter")
        parser.add_argument("--seed", type=int, default=0, help="of everything left to chance (default 0)")
        parser.add_argument("--detach", action="store_true", help="only put it into the worker's queue")

    def work(self, **options: Any) -> dict[str, Any]:
        wanted = {
            "catalog": get_catalog(name=options["catalog"]),
            "algorithm": options["algorithm"],
            "config": settings_from(options["set"]),
            "seed": options["seed"],
        }
        worker = monitoring.listens("training")
        if options["detach"]:
            run = start_training(**wanted)
            if not worker:
                self.note("No worker takes trainings now; the run waits until one does.")
        elif worker:
            run = start_training(**wanted)
            self._wait(run)
        else:
            run = training.create_run(**wanted)
            self._train_here(run)
        run.refresh_from_db()
        self.error = run.error
        return outcome(run)

    def show(self, result: dict[str, Any]) -> None:
        words = Run.Status(result["status"]).label
        took = f" in {result['seconds']:.1f} s" if result["seconds"] is not None else ""
        self.stdout.write("\n".join([f"Run {result['run']}: {words}{took}", *self.metrics_lines(result["metrics"])]))

    def finish(self, result: dict[str, Any]) -> None:
        if result["status"] == Run.Status.FAILED:
            raise CommandError(f"Run {result['run']} failed: {self.error}")
        if result["status"] == Run.Status.CANCELLED:
            raise CommandError(f"Run {result['run']} was cancelled.")

    def _wait(self, run: Run) -> None:
        """Follow the run in the worker; Ctrl-C stops following."""
        try:
            follow(run, threading.Event(), self.note)
        except KeyboardInterrupt:
            self.note(
                f"\nRun {run.pk} goes on in the worker. To stop it, cancel it on its page or by "
                f"POST /api/v1/runs/{run.pk}/cancel/."
            )
            raise

    def _train_here(self, run: Run) -> None:
        """Train in this process; Ctrl-C cancels the run."""
        over = threading.Event()
        follower = threading.Thread(target=follow_apart, args=(run, over, self.note), daemon=True)
        follower.start()
        try:
            taken = training.execute_run(run_id=run.pk)
        finally:
            over.set()
            follower.join()
        if not taken:
            self._wait(run)


def settings_from(pairs: list[str]) -> dict[str, str]:
    """{"factors": "64"} from ["factors=64"]. Raises BadInput."""
    for pair in pairs:
        if "=" not in pair or pair.startswith("="):
            raise BadInput(f"--set takes KEY=VALUE, not “{pair}”.", field="set")
    return {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in pairs)}


def outcome(run: Run) -> dict[str, Any]:
    """What --json prints."""
    seconds = (run.finished - run.started).total_seconds() if run.finished and run.started else None
    return {"run": run.pk, "status": run.status, "seconds": seconds, "metrics": run.metrics}


def follow(run: Run, over: threading.Event, note: Any) -> None:
    """Show how far the run is until it ends or `over` is set."""
    progress, noted, began = Progress(), False, time.monotonic()
    seen = Run.objects.defer("curve", "traceback", "config", "metrics")
    while (now := seen.get(pk=run.pk)).status in LIVE and not over.is_set():
        progress.show(f"Run {run.pk}: {now.phase or now.get_status_display()}", _how_far(now))
        late = time.monotonic() - began > 20 and now.status == Run.Status.QUEUED
        if late and not noted and not monitoring.listens("training"):
            note("No worker takes trainings now; the run waits until one does.")
            noted = True
        over.wait(LOOK_SECONDS)
    progress.done()


def follow_apart(run: Run, over: threading.Event, note: Any) -> None:
    """`follow` in a thread, which has a connection of its own."""
    try:
        follow(run, over, note)
    finally:
        connection.close()


def _how_far(run: Run) -> str:
    left = ""
    if run.finishes:
        left = f"about {max(0, round((run.finishes - timezone.now()).total_seconds()))} s left"
    return f"{run.progress:.0%}  {left}".rstrip()
