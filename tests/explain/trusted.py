"""A run whose explanations were examined, for tests of the page of trust."""

from __future__ import annotations

import numpy as np
import pandas as pd
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from explain.attribution.examined import Examined, Plan, Way, examine
from explain.attribution.verdicts import summarised
from explain.models import Examination
from recommender.algorithms import registry
from recommender.models import Attribute, Catalog, EndUser, Run
from tests.recommender.builders import blocks
from tests.recommender.pages import measured_run

WAYS = tuple(
    Way(name, margin) for name, margin in (("contributions", False), ("shapley_sampling", False), ("ablation", False),
                                           ("contributions", True), ("ablation", True))
)  # fmt: skip


def examined_people(people: int = 44) -> Examined:
    """What was found of people by ease."""
    data = blocks(n_people=people)
    model = registry.create("ease").fit(data, rng=np.random.default_rng(0), report=lambda *_: None)
    return examine(model, data.histories, np.arange(people), Plan(WAYS, close=20))


def examined_run(found: Examined) -> Run:
    """Forty-four people of two towns (and two of a third), whose explanations by ease were examined."""
    made = Catalog.objects.create(name="shop")
    towns = ["A"] * 22 + ["B"] * 20 + ["C"] * 2
    people = EndUser.objects.bulk_create(
        EndUser(catalog=made, client_id=f"p{n}", attributes={"town": town, "gender": "FM"[n % 2]})
        for n, town in enumerate(towns)
    )
    Attribute.objects.create(catalog=made, scope="user", name="town", type="category")
    Attribute.objects.create(catalog=made, scope="user", name="gender", type="category", sensitive=True)
    table = pd.DataFrame(found.rows).rename(columns={"person": "user"})
    table["user"] = [people[at].pk for at in table["user"]]
    run = measured_run(made, "ease", 0.5, people=44)
    path = default_storage.save("runs/trust.parquet", ContentFile(table.to_parquet(index=False)))
    Examination.objects.create(
        run=run, kind="trust", status="succeeded", people=44, path=path,
        results=summarised(found) | {"removed": 5, "most_units": 200},
    )  # fmt: skip
    return run
