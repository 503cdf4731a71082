"""`manage.py audit_fairness --run ID`: whether groups of people get worse lists, and how exposure is spread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from explain.models import DisparityAudit
from explain.services import auditing
from explain.views.disparity_exports import report
from recommender.exceptions import BadInput, RecommenderError
from recommender.management.plain import PlainCommand
from recommender.models import Catalog, Run
from recommender.selectors.runs import get_catalog, get_run

FIGURES = {"mean": "mean", "versus_rest": "versus_rest", "low": "rest_low", "high": "rest_high", "p": "p_holm"}
"""Of a group and a metric: what is printed, and what it is called in the results. p is the adjusted one where there
is one, else that of the group alone."""


class Command(PlainCommand):
    help = "Audit a run, or what was served: each group of people against everyone else, and the exposure of items."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run", type=int, help="the run's id")
        parser.add_argument(
            "--source", choices=DisparityAudit.Source.values, default=DisparityAudit.Source.HELD_OUT,
            help="the lists a run makes for its held-out data (default), or what was served",
        )  # fmt: skip
        parser.add_argument("--catalog", help="with --source served and no run: whose answers, by whatever served")
        parser.add_argument("--weeks", type=int, help="with --source served: how many weeks back (default 8)")
        parser.add_argument("--group", action="append", help="an attribute of people (default: all that are declared)")
        parser.add_argument("--k", type=int, default=10, help="places of each list (default 10)")
        parser.add_argument("--resamples", type=int, help="how often people are drawn again (default 2,000)")
        parser.add_argument("--permutations", type=int, help="of people's figures, by each test (default 2,000)")
        parser.add_argument("--seed", type=int, help="of what is drawn by chance (default 0)")
        parser.add_argument("--html", help="also write the report to this file")

    def work(self, **options: Any) -> dict[str, Any]:
        run = get_run(run_id=options["run"]) if options["run"] is not None else None
        given = {"groups": options["group"], **{name: options[name] for name in auditing.NUMBERS}}
        settings = {name: value for name, value in given.items() if value is not None}
        catalog = catalog_of(run, options["catalog"])
        row = auditing.create_audit(catalog=catalog, run=run, source=options["source"], settings=settings)
        auditing.execute_audit(audit_id=row.pk)
        row.refresh_from_db()
        if row.status != Run.Status.SUCCEEDED:
            raise RecommenderError(f"The audit {row.get_status_display()}: {row.error}")
        if options["html"]:
            write(Path(options["html"]), report(row, sensitive=True))
        return told(row)

    def show(self, result: dict[str, Any]) -> None:
        main = result["metrics"][0] if result["metrics"] else ""
        self.stdout.write(f"{result['summary']}\n")
        for name, groups in result["groups"].items():
            self.stdout.write(f"\n{name}")
            for group in groups:
                self.stdout.write(line(group, main))
        for problem in result["problems"]:
            self.stdout.write(f"\n{problem}")


def catalog_of(run: Run | None, name: str | None) -> Catalog:
    """Raises BadInput where neither a run nor a catalog is named, or the run is of another."""
    if run is None and name is None:
        raise BadInput("Name a run by --run, or with --source served a catalog by --catalog.", field="run")
    catalog = get_catalog(name=name) if name is not None else None
    if run is not None and catalog not in (None, run.catalog):
        raise BadInput(f"{catalog} has no run {run.pk}.", field="run")
    return run.catalog if run is not None else catalog


def write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror}. Choose another place.", field="html") from error


def told(row: DisparityAudit) -> dict[str, Any]:
    """What --json prints."""
    results = row.results
    return {
        "run": row.run_id, "audit": row.pk, "metrics": results["about"]["metrics"], "summary": results["summary"],
        "groups": {each["name"]: [of_group(group) for group in each["groups"]] for each in results["groupings"]},
        "exposure": {key: value for key, value in results["exposure"].items() if key != "lorenz"},
        "tests": results["tests"],
        "problems": [*results["problems"], *(each["problem"] for each in results["groupings"] if each["problem"])],
    }  # fmt: skip


def of_group(group: dict[str, Any]) -> dict[str, Any]:
    metrics = {
        metric: {name: figures.get(key) for name, key in FIGURES.items()}
        | ({"p": figures.get("p")} if figures.get("p_holm") is None else {})
        for metric, figures in group["metrics"].items()
    }
    return {"value": group["value"], "people": group["people"], "suppressed": group["suppressed"], **metrics}


def line(group: dict[str, Any], metric: str) -> str:
    """`  F      273 people   .0912   −.0312 (−.0510 to −.0120)   p .003`"""
    found = group.get(metric) or {}
    if group["suppressed"] or found.get("mean") is None:
        return f"  {group['value'][:30]:<30}  too few people"
    begun = f"  {group['value'][:30]:<30}  {group['people']:>8,} people  {metric} {found['mean']:.4f}"
    if found["versus_rest"] is None or found["low"] is None:
        return begun
    p = "" if found["p"] is None else f"  p {found['p']:.3g}"
    return f"{begun}  {found['versus_rest']:+.4f} ({found['low']:+.4f} to {found['high']:+.4f}){p}"
