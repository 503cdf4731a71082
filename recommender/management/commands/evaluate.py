"""`manage.py evaluate --run ID --protocol P`: how good a run is."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from recommender.data.splits import PROTOCOLS, WITH_SHOTS
from recommender.management.plain import PlainCommand
from recommender.selectors.runs import get_run
from recommender.services.measuring import OWN_PROTOCOL, evaluate_run


class Command(PlainCommand):
    help = "Print a run's metrics under a protocol, with 95% intervals over people."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run", type=int, required=True, help="the run's id")
        known = ", ".join(PROTOCOLS)
        parser.add_argument("--protocol", default=OWN_PROTOCOL, help=f"one of {known} (default {OWN_PROTOCOL})")
        cold = ", ".join(WITH_SHOTS)
        parser.add_argument("--shots", type=int, help=f"how many interactions a new person or item has ({cold})")

    def work(self, **options: Any) -> dict[str, Any]:
        run = get_run(run_id=options["run"])
        return evaluate_run(run=run, protocol=options["protocol"], shots=options["shots"])

    def show(self, result: dict[str, Any]) -> None:
        head = f"Run {result['run']}, {result['protocol']}, {result['people']} people"
        self.stdout.write("\n".join([head, *self.metrics_lines(result["metrics"])]))
