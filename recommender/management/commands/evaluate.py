"""`manage.py evaluate --run ID --protocol P`: how good a run is."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from recommender.management.plain import PlainCommand
from recommender.selectors.runs import get_run
from recommender.services.evaluating import PLANNED, PROTOCOLS, evaluate_run


class Command(PlainCommand):
    help = "Print a run's metrics under a protocol, with 95% intervals over people."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run", type=int, required=True, help="the run's id")
        known = ", ".join([*PROTOCOLS, *(f"{name} (to come)" for name in PLANNED)])
        parser.add_argument("--protocol", default=PROTOCOLS[0], help=f"one of {known}")
        parser.add_argument("--shots", type=int, help="how many interactions a cold person or item has")

    def work(self, **options: Any) -> dict[str, Any]:
        run = get_run(run_id=options["run"])
        return evaluate_run(run=run, protocol=options["protocol"], shots=options["shots"])

    def show(self, result: dict[str, Any]) -> None:
        head = f"Run {result['run']}, {result['protocol']}, {result['people']} people"
        self.stdout.write("\n".join([head, *self.metrics_lines(result["metrics"])]))
