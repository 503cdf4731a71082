"""Results of a sweep as the worker keeps them, for tests of pages: 480 people who are nobody of the catalog."""

from __future__ import annotations

from copy import deepcopy
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from explain.fairness import pareto
from explain.fairness.base import Asked, Classes, Grouping
from explain.fairness.disparities import People
from explain.fairness.pareto import Point
from explain.models import RemedySweep
from recommender.models import Catalog, Run
from tests.explain.fairness.materials import histories

STRENGTHS = (0.0, 0.1, 0.3, 0.6, 1.0)
PEOPLE, ITEMS = 480, 30
ABOUT = {
    "remedy": "gini", "title": "Exposure by prices", "about": "Gives each item a price.", "aims": ["exposure"],
    "trained": False, "by": "categories", "groups": "", "k": 10, "pool": 200, "people": PEOPLE, "items": ITEMS,
    "resamples": 200, "least": 20, "seed": 0, "level": 0.95, "metric": "ndcg@10", "algorithm": "ease", "seconds": 2.0,
}  # fmt: skip
KEPT = ("gini", "coverage", "lift", "gap:gender", "range:gender", "gap:age")


def points() -> list[Point]:
    """As strength grows, lists go from the first ten items to all of them; women lose less than men at first."""
    rng = np.random.default_rng(3)
    quality = rng.choice([0.0, 0.05, 0.3, 0.6, 1.0], size=PEOPLE)
    women = np.arange(PEOPLE) % 3 == 0
    found = []
    for strength in STRENGTHS:
        drawn = np.array(
            [np.random.default_rng(at).permutation(10 + round(20 * strength))[:10] for at in range(PEOPLE)]
        )
        lost = rng.uniform(size=PEOPLE) < strength**2 * np.where(women, 0.05, 0.4)
        gained = rng.uniform(size=PEOPLE) < strength**2 * 0.3 * women
        found.append(Point(strength, np.where(lost, 0.0, np.where(gained, 1.0, quality)), drawn))
    return found


def people() -> People:
    rows = np.arange(PEOPLE)
    met = histories([[at % ITEMS, (at * 7 + 1) % ITEMS] for at in range(PEOPLE)])
    targets = histories([[(at * 3 + 2) % ITEMS] for at in range(PEOPLE)])
    members = np.eye(3, dtype=np.float32)[np.arange(ITEMS) % 3]
    shares = np.linspace(0.4, 0.01, ITEMS)
    gender = Grouping("gender", "gender", "attribute", rows % 3 % 2, ("F", "M"), sensitive=True)
    age = Grouping("age", "age", "band", np.minimum(rows // 120, 3), ("under 18", "18–24", "25–44", "45–73"))
    classes = Classes("categories", "Categories", ("Comedy", "Drama", "War"), members)
    return People(met, targets, shares, np.ones(ITEMS, dtype=np.bool_), classes, (gender, age))


@lru_cache(maxsize=1)
def told() -> tuple[dict[str, Any], bytes]:
    """What depends on no catalog, and the rows per person as they lie in the storage."""
    made, asked = points(), Asked(resamples=200)
    found = pareto.told(pareto.curve(made, people(), asked), ("exposure",), trained=False, metric="NDCG@10")
    found["figures"] = [each for each in found["figures"] if each["key"] in KEPT]
    table = pd.concat([
        pd.DataFrame({"user": np.arange(PEOPLE), "strength": each.strength, "ndcg@10": each.quality}) for each in made
    ])  # fmt: skip
    return found, table.to_parquet(index=False)


def results(catalog: Catalog, run: Run) -> dict[str, Any]:
    keys = list(catalog.items.order_by("id").values_list("pk", flat=True)[:6])
    change = {"more": [{"item": key, "before": 0.01, "after": 0.05} for key in keys[:3]],
              "less": [{"item": key, "before": 0.2, "after": 0.1} for key in keys[3:]]}  # fmt: skip
    found = deepcopy(told()[0]) | {"items": {f"{each:g}": change for each in STRENGTHS[1:]}, "problems": []}
    return found | {"about": ABOUT | {"run": run.pk}}


def swept(catalog: Catalog, run: Run, **more: Any) -> RemedySweep:
    """A sweep that is done."""
    path = default_storage.save("sweeps/rows.parquet", ContentFile(told()[1]))
    settings = {"strengths": list(STRENGTHS), "by": "categories", "groups": "", "k": 10, "pool": 200,
                "resamples": 2000, "seed": 0}  # fmt: skip
    given = {"remedy": "gini", "settings": settings, "status": "succeeded", "progress": 1.0, "people": PEOPLE,
             "finished": timezone.now(), "path": path, "results": results(catalog, run)}  # fmt: skip
    return RemedySweep.objects.create(run=run, **(given | more))
