"""Results of an audit as the worker keeps them, for tests of pages: every part filled, with some groups hidden."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from explain.models import DisparityAudit
from recommender.models import Catalog, EndUser, Run
from tests.recommender.pages import films

METRICS = ("ndcg@10", "recall@10", "mae")
OCCUPATIONS = {
    "student": 196, "engineer": 67, "homemaker": 7, "retired": 14,
    "librarian and keeper of many other long-named things": 51,
}  # fmt: skip
LONG = "An uncommonly long name of a class of items, as some have"


def crowded(people: int) -> Catalog:
    """The film club and so many `people` more, every other a woman."""
    made = films()
    EndUser.objects.bulk_create(
        EndUser(catalog=made, client_id=f"more{at}", attributes={"gender": "FM"[at % 2]}) for at in range(people)
    )
    return made


def results(*, served: bool = False, told: bool = True) -> dict[str, Any]:
    """943 people by gender (sensitive), age, occupation, and gender × age. `told`: a difference is found by gender."""
    rng = np.random.default_rng(0)
    groupings = [
        grouping(rng, "gender", "Gender", {"F": 273, "M": 670}, sensitive=True, gap=-0.03 if told else 0.0),
        grouping(rng, "age", "Age", {"under 18": 36, "18 to 24": 240, "25 to 44": 500, "45 and over": 167}),
        grouping(rng, "occupation", "Occupation", OCCUPATIONS, missing=12),
        grouping(rng, "gender × age", "Gender and Age",
                 {f"{a}, {b}": n for a, ns in (("F", (12, 70, 140, 51)), ("M", (24, 170, 360, 116)))
                  for b, n in zip(("under 18", "18 to 24", "25 to 44", "45 and over"), ns, strict=True)},
                 kind="crossed", parts=["gender", "age"], sensitive=True),
    ]  # fmt: skip
    groupings.append(grouping(rng, "town", "town", {}) | {"problem": "Nobody has this attribute.", "missing": None,
                                                          "spread": {}, "omnibus": {}})  # fmt: skip
    found = {"grouping": "gender", "title": "Gender", "value": "F", "metric": "ndcg@10", "versus_rest": -0.03,
             "low": -0.045, "high": -0.015, "p_holm": 0.004}  # fmt: skip
    return {
        "about": about(served), "groupings": groupings,
        "people": {metric: spread_of(rng) for metric in METRICS},
        "exposure": exposure(rng),
        "popularity": {"profile": 0.21, "lists": 0.34, "lift": 0.62, "low": 0.58, "high": 0.66},
        "calibration": {"classes": "categories", "mean": 0.41, "low": 0.39, "high": 0.43},
        "classes": [classes(rng)], "over_time": weeks(rng) if served else None,
        "tests": {"method": "Holm", "looked_at": 15, "found": [found] if told else []},
        "summary": "By ndcg@10, F get less than everyone else." if told else "No difference was found.",
        "limits": ["What is not known of people is not looked at."],
        "problems": ["3 of 943 lists have fewer than 10 items; the places that are empty show nothing."],
    }  # fmt: skip


def about(served: bool) -> dict[str, Any]:
    return {
        "source": "served" if served else "held-out", "k": 10, "metrics": list(METRICS), "main": "ndcg@10",
        "people": 943, "lists": 943, "items": 1682, "resamples": 2000, "permutations": 2000, "least": 20, "seed": 0,
        "level": 0.95, "seconds": 1.4, "sensitive_features": [], "run_groups": [], "data": {"interactions": 100_000},
    }  # fmt: skip


def grouping(
    rng: Any, name: str, title: str, sizes: dict[str, int], *, gap: float = 0.0, missing: int = 0, **more: Any
) -> dict[str, Any]:
    groups = [group(rng, value, people, gap if at == 0 else -gap / 3) for at, (value, people) in
              enumerate(sizes.items())]  # fmt: skip
    shown = [each["value"] for each in groups if not each["suppressed"]]
    classes = ("Drama", "Comedy", "War")
    return {
        "name": name, "title": title, "kind": "attribute", "sensitive": False, "parts": [], "missing": missing,
        "problem": "", "groups": groups,
        "spread": {m: {"range": 0.04, "ratio": 0.8, "std": 0.02, "weighted_std": 0.015, "mad": 0.02, "gini": 0.05}
                   for m in METRICS},
        "omnibus": {"ndcg@10": {"statistic": 4.2, "p": 0.01, "p_holm": 0.03}},
        "popularity": [{"value": value, "profile": 0.2, "lists": 0.3, "lift": 0.5, "low": 0.4, "high": 0.6}
                       for value in shown],
        "calibration": [{"value": value, "mean": 0.4, "low": 0.35, "high": 0.45} for value in shown],
        "explanations": [{"value": value, "figure": "cdcg", "mean": 0.4, "low": 0.3, "high": 0.5} for value in shown],
        "parity": [share(rng, value, each) for value in shown for each in classes],
        "opportunity": [share(rng, value, each) for value in shown for each in classes],
    } | more  # fmt: skip


def group(rng: Any, value: str, people: int, gap: float) -> dict[str, Any]:
    if people < 20:
        return {"value": value, "people": None, "suppressed": True, "metrics": {}}
    width = 0.6 / people**0.5
    rest = gap + float(rng.normal(0, width / 4))
    figures = {
        metric: {
            "mean": 0.35 + rest, "low": 0.35 + rest - width, "high": 0.35 + rest + width, "bias": rest * 0.7,
            "versus_rest": rest, "rest_low": rest - width, "rest_high": rest + width, "p": 0.2,
            "p_holm": None if metric != "ndcg@10" else 0.004 if abs(rest) > width / 2 else 1.0,
            "detectable": 1.4 * width, "power_03": 0.4, "shrunk": 0.35 + rest / 2,
        } for metric in METRICS
    }  # fmt: skip
    return {"value": value, "people": people, "suppressed": False, "metrics": figures}


def share(rng: Any, value: str, of: str) -> dict[str, Any]:
    at = float(rng.uniform(0.1, 0.4))
    return {"classes": "categories", "value": value, "class": of, "share": at, "low": at - 0.03, "high": at + 0.03}


def spread_of(rng: Any) -> dict[str, Any]:
    return {"mean": 0.35, "low": 0.33, "high": 0.37, "std": 0.3, "mad": 0.33, "gini": 0.6, "gini_low": 0.58,
            "gini_high": 0.62, "lorenz": curve(rng, 101, 3)}  # fmt: skip


def curve(rng: Any, points: int, power: float) -> list[list[float]]:
    return [[float(x), float(x**power)] for x in np.linspace(0, 1, points)]


def exposure(rng: Any) -> dict[str, Any]:
    return {
        "gini": 0.88, "gini_low": 0.87, "gini_high": 0.89, "lorenz": curve(rng, 201, 9), "coverage": 0.41,
        "never": 0.59, "half": 0.03, "equity_of_attention": 0.7, "awrf_catalogue": 0.4, "awrf_relevance": 0.8,
        "new": {"items": 12, "share": 0.004, "low": 0.001, "high": 0.01, "catalogue_share": 0.007},
    }  # fmt: skip


def classes(rng: Any) -> dict[str, Any]:
    rows = [
        {"value": value, "items": 100 * (at + 1), "exposure": 50.0, "exposure_share": 0.1 + 0.05 * at,
         "low": 0.08 + 0.05 * at, "high": 0.12 + 0.05 * at, "catalogue_share": 0.2,
         "relevance_share": 0.15 + 0.03 * at,
         "ratio": 0.6 + 0.2 * at, "ratio_low": 0.5 + 0.2 * at, "ratio_high": 0.7 + 0.2 * at, "shown": 0.3}
        for at, value in enumerate(("War", "Drama", "Comedy", LONG))
    ]  # fmt: skip
    return {"name": "categories", "title": "Categories", "supplier": False, "problem": "", "rows": rows,
            "disparate_exposure": 1.4, "awrf": 0.97, "equity_of_attention": 0.2}  # fmt: skip


def weeks(rng: Any) -> dict[str, Any]:
    rows = [
        {"week": f"2026-0{1 + at // 4}-{5 + 7 * (at % 4):02}", "lists": 400, "people": 200, "gini": 0.8 + at / 100,
         "coverage": 0.3, "new_share": 0.01, "quality": {"ndcg@10": {"mean": 0.3, "low": 0.28, "high": 0.32}},
         "gaps": {"gender": {"F": -0.02, "M": 0.01}}}
        for at in range(6)
    ]  # fmt: skip
    return {"weeks": rows, "trends": [{"figure": "gini", "per_week": 0.01, "low": 0.005, "high": 0.015}]}


def audited(catalog: Catalog, run: Run | None, *, drift: float = 0.0, **more: Any) -> DisparityAudit:
    """An audit that is done, with a row per person of the catalog; `drift` moves everyone's NDCG@10."""
    found = more.pop("results", None) or results(served=run is None)
    people = list(catalog.users.values_list("pk", flat=True))
    table = pd.DataFrame({"user": people, "ndcg@10": 0.3 + drift + 0.1 * np.sin(np.arange(len(people)))})
    path = default_storage.save("audits/rows.parquet", ContentFile(table.to_parquet(index=False)))
    given = {"source": "served" if run is None else "held-out", "status": "succeeded", "progress": 1.0, "people": 943,
             "finished": timezone.now(), "path": path}  # fmt: skip
    return DisparityAudit.objects.create(catalog=catalog, run=run, results=found, **(given | more))
