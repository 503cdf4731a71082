"""`manage.py deploy --run ID`, or `--previous --catalog NAME`: let a run serve its catalog."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from recommender.exceptions import BadInput
from recommender.management.plain import PlainCommand
from recommender.models import Catalog, Deployment
from recommender.selectors.runs import get_run
from recommender.services.deploying import deploy_previous, deploy_run


class Command(PlainCommand):
    help = "Put a finished run into service; it serves its catalog until another one is deployed."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        which = parser.add_mutually_exclusive_group(required=True)
        which.add_argument("--run", type=int, help="the run's id")
        which.add_argument("--previous", action="store_true", help="the run that served before the present one")
        parser.add_argument("--catalog", help="the catalog's name, with --previous")

    def work(self, **options: Any) -> dict[str, Any]:
        deployment = self.previous(options["catalog"]) if options["previous"] else self.named(options["run"])
        run = deployment.run
        return {
            "run": run.pk,
            "catalog": run.catalog.name,
            "algorithm": run.algorithm,
            "deployed": deployment.created.isoformat(),
        }

    def named(self, run_id: int) -> Deployment:
        return deploy_run(run=get_run(run_id=run_id))

    def previous(self, name: str | None) -> Deployment:
        catalog = Catalog.objects.filter(name=name or "").first()
        if catalog is None:
            raise BadInput(f"Say which catalog: --catalog NAME. There is no “{name}”." if name else
                           "Say which catalog: --catalog NAME.", field="catalog")  # fmt: skip
        return deploy_previous(catalog=catalog)

    def show(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"Run {result['run']} ({result['algorithm']}) now serves {result['catalog']}.")
