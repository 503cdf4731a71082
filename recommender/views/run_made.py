"""What a run's page says of recommenders made of others: who answers when, and what a student owes its teacher."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from recommender.models import Catalog, Run
from recommender.templatetags.pages import plain
from recommender.views.figures import Figure, draw

HANDOVER = (
    "NDCG@10 of people held out for validation, their histories cut to their last few interactions: of the recommender "
    "that adapts, of the one that reads histories, and of the blend. After n interactions the second has the share "
    "nˢ / (nˢ + tˢ); threshold t and sharpness s are those of the best mean over these lengths. It is not the figure "
    "that the run is compared by."
)
FROM_FEWER = "Longer histories are had by fewer people, so the points are not of the same people."
DISTILLED = (
    "NDCG@10 on people held out for validation, milliseconds to score every item for one of up to 256 of them (the "
    "quickest of three goes, in the process that trained), and the size of the weights."
)
WHO = ("teacher", "student")


def made_context(catalog: Catalog, run: Run) -> dict[str, Any]:
    return {"handover": handover_figure(catalog, run), "distilled": distilled(run)}


def handover_figure(catalog: Catalog, run: Run) -> Figure | None:
    """None for a run that is no blend or whose threshold was given."""
    rows = [row for row in run.curve if {"cold", "warm", "blend", "share"} <= set(row)]
    if run.algorithm != "blend" or not rows:
        return None
    cold, warm = str(run.config.get("cold")), str(run.config.get("warm"))
    learned = next((row for row in run.curve if "threshold" in row), {})
    threshold = learned.get("threshold")
    drawn = [{"interactions": row["epoch"], **{name: row[name] for name in ("cold", "warm", "blend")}} for row in rows]
    return Figure(
        key="handover",
        title=finding(cold, warm, threshold, [row["epoch"] for row in rows]),
        columns=("interactions", cold, warm, "blend", f"share of {warm}"),
        rows=[(row["epoch"], row["cold"], row["warm"], row["blend"], row["share"]) for row in rows],
        definition=HANDOVER,
        note=FROM_FEWER,
        csv=reverse("curve_csv", args=[catalog.name, run.pk]),
        json=draw("handover", drawn, cold=cold, warm=warm, threshold=threshold),
        height=280,
        numeric=frozenset(range(5)),
    )


def finding(cold: str, warm: str, threshold: float | None, lengths: list[int]) -> str:
    if not threshold:
        return f"{warm} is better from the first interaction on, so it always answers"
    if threshold > max(lengths):
        return f"{cold} is better up to {max(lengths)} interactions, as far as was tried"
    return f"{cold} answers those hardly known, {warm} those known well: alike at {plain(threshold)} interactions"


def distilled(run: Run) -> dict[str, Any] | None:
    """Rows (what, of the teacher, of the student, the student's share), and what they say; None for other runs."""
    row = next((row for row in run.curve if "student quality" in row and "teacher quality" in row), None)
    if run.algorithm != "student" or row is None:
        return None
    words = (("quality", "NDCG@10 on validation", 1.0), ("ms", "Milliseconds a person", 1.0),
             ("bytes", "Size in MB", 1e-6))  # fmt: skip
    rows = []
    for name, title, scale in words:
        teacher, student = (row[f"{who} {name}"] * scale for who in WHO)
        rows.append((title, teacher, student, student / teacher if teacher else None))
    quality, speed = rows[0][3], rows[1][3]
    said = ""
    if quality is not None and speed:
        said = f"The student keeps {quality:.0%} of its teacher’s quality in {speed:.0%} of its time."
    return {"rows": rows, "said": said, "definition": DISTILLED, "teacher": run.config.get("teacher")}
