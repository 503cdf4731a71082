"""`manage.py deploy --run ID`: let a run serve its catalog."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from recommender.management.plain import PlainCommand
from recommender.selectors.runs import get_run
from recommender.services.deploying import deploy_run


class Command(PlainCommand):
    help = "Put a finished run into service; it serves its catalog until another one is deployed."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run", type=int, required=True, help="the run's id")

    def work(self, **options: Any) -> dict[str, Any]:
        run = get_run(run_id=options["run"])
        deployment = deploy_run(run=run)
        return {
            "run": run.pk,
            "catalog": run.catalog.name,
            "algorithm": run.algorithm,
            "deployed": deployment.created.isoformat(),
        }

    def show(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"Run {result['run']} ({result['algorithm']}) now serves {result['catalog']}.")
