"""What a run's preparation did: before and after, as tables and a figure."""

from __future__ import annotations

from typing import Any

from recommender.models import Run
from recommender.views.figures import Figure, draw

WORDS = {
    "duplicates": "without duplicates", "scale": "within the scale", "contradictions": "contradictions settled",
    "repeats": "last of repeats", "busy": "without busy people", "minimal counts": "minimal counts",
}  # fmt: skip
PARTS = ("interactions", "people", "items")


def preparation_context(run: Run) -> dict[str, Any]:
    report = run.preparation_report
    return {
        "preparation": [(name.replace("_", " "), value) for name, value in run.preparation.items()],
        "prepared": report,
        "prepared_steps": steps_figure(report) if report else None,
        "prepared_columns": [
            {**row, "filled": row["gaps"] + row["cast"] - row["after"] if row["after"] is not None else None}
            for row in report.get("columns", [])
        ],
    }


def steps_figure(report: dict[str, Any]) -> Figure:
    rows = [("as it was", report["before"])]
    rows += [(WORDS.get(step["step"], step["step"]), step["after"]) for step in report["steps"]]
    drawn = [{"step": name, "interactions": counts["interactions"]} for name, counts in rows]
    options = {"value": "step", "count": "interactions", "x_title": "after this step", "y_title": "interactions"}
    before, after = (report[moment]["interactions"] for moment in ("before", "after"))
    lost = f"{before - after:,} of {before:,} interactions were left out"
    return Figure(
        key="preparation",
        title=lost if after < before else f"All {before:,} interactions were kept",
        columns=("step", *PARTS, "values changed"),
        rows=[
            (name, *(counts[part] for part in PARTS), changed)
            for (name, counts), changed in zip(rows, [0, *changes(report)], strict=True)
        ],
        definition="Interactions left after each step, in the order in which they were done, with the people and items "
        "that still have any. Who is left out is neither learned from nor measured; lists are still made for everyone, "
        "from whole histories.",
        json=draw("histogram", drawn, **options) if len(drawn) > 1 else "",
        height=240,
        numeric=frozenset({1, 2, 3, 4}),
    )


def changes(report: dict[str, Any]) -> list[int]:
    return [step.get("changed", 0) for step in report["steps"]]
