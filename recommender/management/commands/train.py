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
from recommender.selectors.runs import get_catalog
from recommender.services import monitoring, training
from recommender.tasks import start_training

LOOK_SECONDS = 0.3
PATIENCE_SECONDS = 5.0
"""How long a run may wait before the worker that was to take it is looked for again."""


class Command(PlainCommand):
    help = "Train a recommender: in the worker if one runs, else in this process. Ctrl-C leaves a worker's run going."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("algorithm", help="its registered name, such as popularity or sasrec")
        parser.add_argument("--catalog", required=True, help="the catalog's name")
        parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a hyperparameter")
        parser.add_argument(
            "--prepare",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="how the data are prepared: docs/data.md",
        )
        parser.add_argument("--seed", type=int, default=0, help="of everything left to chance (default 0)")
        parser.add_argument("--detach", action="store_true", help="only put it into the worker's queue")

    def work(self, **options: Any) -> dict[str, Any]:
        wanted = {
            "catalog": get_catalog(name=options["catalog"]),
            "algorithm": options["algorithm"],
            "config": settings_from(options["set"]),
            "seed": options["seed"],
            "preparation": settings_from(options["prepare"], "prepare"),
        }
        worker = monitoring.listens("training")
        if options["detach"]:
            run = start_training(**wanted)
            if not worker:
                self.note("No worker takes trainings now; the run waits until one does.")
        else:
            run = start_training(**wanted) if worker else training.create_run(**wanted)
            self._see_through(run, here=not worker)
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

    def _see_through(self, run: Run, *, here: bool) -> None:
        """Train here, or follow the run in the worker; where that has gone before it began, train here after all."""
        while here or not self._followed(run):
            over = threading.Event()
            follower = threading.Thread(target=follow_apart, args=(run, over), daemon=True)
            follower.start()
            try:
                if training.execute_with_parents(run_id=run.pk):
                    return
            finally:
                over.set()
                follower.join()
            here = False  # somebody else has taken it

    def _followed(self, run: Run) -> bool:
        """Whether the run came to its end in the worker. Ctrl-C only stops following."""
        try:
            return follow(run, threading.Event())
        except KeyboardInterrupt:
            self.note(
                f"\nRun {run.pk} goes on in the worker. To stop it, cancel it on its page or by "
                f"POST /api/v1/runs/{run.pk}/cancel/."
            )
            raise


def settings_from(pairs: list[str], option: str = "set") -> dict[str, str]:
    """{"factors": "64"} from ["factors=64"]. Raises BadInput."""
    for pair in pairs:
        if "=" not in pair or pair.startswith("="):
            raise BadInput(f"--{option} takes KEY=VALUE, not “{pair}”.", field=option)
    return {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in pairs)}


def outcome(run: Run) -> dict[str, Any]:
    """What --json prints."""
    seconds = (run.finished - run.started).total_seconds() if run.finished and run.started else None
    return {"run": run.pk, "status": run.status, "seconds": seconds, "metrics": run.metrics}


def follow(run: Run, over: threading.Event) -> bool:
    """Show how far the run is until it ends (true), or `over` is set or no worker is there to begin it (false)."""
    progress, began = Progress(), time.monotonic()
    seen = Run.objects.defer("curve", "traceback", "config", "metrics")
    try:
        while (now := seen.get(pk=run.pk)).status in Run.LIVE and not over.is_set():
            shown = seen.filter(children=run.pk, status=Run.Status.RUNNING).first() or now
            progress.show(f"Run {shown.pk}: {shown.phase or shown.get_status_display()}", _how_far(shown))
            patient = now.status == Run.Status.RUNNING or time.monotonic() - began < PATIENCE_SECONDS
            if not patient and not monitoring.listens("training"):
                return False
            over.wait(LOOK_SECONDS)
        return now.status not in Run.LIVE
    finally:
        progress.done()


def follow_apart(run: Run, over: threading.Event) -> None:
    """`follow` in a thread, which has a connection of its own."""
    try:
        follow(run, over)
    finally:
        connection.close()


def _how_far(run: Run) -> str:
    left = ""
    if run.finishes:
        left = f"about {max(0, round((run.finishes - timezone.now()).total_seconds()))} s left"
    return f"{run.progress:.0%}  {left}".rstrip()
