"""`manage.py evaluate --run ID --protocol P`: how good a run is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.base import CommandParser

from recommender.data.splits import PROTOCOLS, WITH_SHOTS
from recommender.evaluation.cold_start.against import ONE_DRAWING, chance, plain, sentences
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
        details = result.get("details", {})
        self.stdout.write("\n".join([head, *self.metrics_lines(result["metrics"]), *floor_lines(details)]))


def floor_lines(details: Mapping[str, Any]) -> list[str]:
    """The floors of a cold protocol, a line per floor and metric, then what they allow to say."""
    rows, notes = details.get("floors", []), details.get("floors_notes", [])
    cells = [(row["floor"], metric, cell) for row in rows for metric, cell in row["metrics"].items()]
    lines = [floor_line(*cell) for cell in cells]
    if lines:
        lines = ["Floors, on the same people:", *lines, *sentences(rows), ONE_DRAWING]
    return [*lines, *notes]


def floor_line(name: str, metric: str, cell: Mapping[str, Any]) -> str:
    """`  hybrid               mae_person      .793  run − floor .010 (−.008 to .027), p = 1.000`"""
    said = f"  {name:<21}{metric:<16}{plain(cell['value'])}  run − floor {plain(cell['difference'])}"
    if cell["p_holm"] is None:
        return said
    return f"{said} ({plain(cell['difference_low'])} to {plain(cell['difference_high'])}), {chance(cell['p_holm'])}"
