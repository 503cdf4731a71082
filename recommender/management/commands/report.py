"""`manage.py report --run ID --out FILE`: a run on one page that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recommender.exceptions import BadInput
from recommender.management.plain import PlainCommand
from recommender.selectors.runs import get_run
from recommender.views.reports import report


class Command(PlainCommand):
    help = "Write a run's report as one HTML file with figures, tables and how each was measured."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run", type=int, required=True, help="the run's id")
        parser.add_argument("--out", required=True, help="the file to write")

    def work(self, **options: Any) -> dict[str, Any]:
        run, out = get_run(run_id=options["run"]), Path(options["out"])
        text = report(run)
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{out} cannot be written: {error.strerror}. Choose another place.", field="out") from error
        return {"run": run.pk, "out": str(out), "bytes": len(text.encode())}

    def show(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"Report of run {result['run']} written to {result['out']}")
