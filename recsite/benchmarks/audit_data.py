"""What the benchmarks of audits look at: MovieLens-1M, its people's attributes, and a recommender trained on it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from django.conf import settings

from explain.fairness import groups
from explain.fairness.base import Classes, Grouping, Material
from recommender.data.dataset import Dataset
from recommender.data.splits import leave_last_out
from recommender.evaluation import beyond_accuracy
from recommender.evaluation.protocol import Evaluation, evaluate
from recommender.models import EndUser
from recommender.selectors.dataset import load_dataset
from recsite.benchmarks import Say
from recsite.benchmarks.ensemble import catalog_1m
from recsite.benchmarks.trained_1m import trained_1m

METRICS = ["ndcg@10", "recall@10", "hit@10", "mrr@10"]
NEW = 0.05
"""Share of items, those met by the fewest, that stand in for new ones: MovieLens tells no day on which an item came."""
OCCUPATIONS = (
    "other", "academic", "artist", "clerical", "student", "customer service", "health care", "executive", "farmer",
    "homemaker", "pupil", "lawyer", "programmer", "retired", "sales", "scientist", "self-employed", "engineer",
    "craftsman", "unemployed", "writer",
)  # fmt: skip


@dataclass(frozen=True)
class People:
    """MovieLens-1M with the attributes of its people in the order of the dataset: gender, age, occupation."""

    dataset: Dataset
    attributes: pd.DataFrame


def people_1m(say: Say) -> People:
    """Imported for this and removed again; the attributes are read from the file, where they are published."""
    with catalog_1m("benchmark-audit", say) as catalog:
        dataset = load_dataset(catalog_id=catalog.pk)
        ids = dict(EndUser.objects.filter(catalog=catalog).values_list("pk", "client_id"))
    names = ["user", "gender", "age", "occupation", "zip"]
    path = settings.DATASETS_DIR / "ml-1m" / "users.dat"
    table = pd.read_csv(path, sep="::", engine="python", header=None, names=names, dtype={"user": str, "zip": str})
    table["occupation"] = [OCCUPATIONS[at] for at in table["occupation"]]
    found = table.set_index("user").loc[[ids[key] for key in dataset.users.keys.tolist()]]
    return People(dataset, found.reset_index())


def evaluated(people: People, algorithm: str, say: Say) -> Evaluation:
    """The test of leave-last-out by `algorithm`, trained without it."""
    split = leave_last_out(people.dataset)
    return evaluate(trained_1m(algorithm, split, say), split.test, people.dataset)


def material_1m(people: People, found: Evaluation) -> Material:
    """Lists of everyone with their gender, age, occupation, what they did, and all pairs of the first three."""
    dataset, test = people.dataset, leave_last_out(people.dataset).test
    shares = beyond_accuracy.shares_of_people(test.histories.items, dataset.n_items, dataset.n_users)
    behaviour = (groups.by_activity(test.histories), groups.by_taste(test.histories, shares))
    single = attributes(people.attributes)
    return Material(
        users=dataset.users.keys[test.people],
        lists=found.lists,
        owners=np.arange(len(test.people)),
        quality=found.per_user[METRICS],
        histories=test.histories,
        targets=test.targets,
        shares=shares,
        offered=np.ones(dataset.n_items, dtype=np.bool_),
        new=shares <= np.quantile(shares, NEW),
        groupings=(*single, *(each for each in behaviour if isinstance(each, Grouping)),
                   *(groups.cross(a, b) for a, b in combinations(single, 2))),
        classes=classes(dataset.item_fields),
    )  # fmt: skip


def attributes(table: pd.DataFrame) -> list[Grouping]:
    """Gender, age band and occupation, which are sensitive."""
    formed = [groups.by_value(name, name.capitalize(), table[name].tolist(), sensitive=True)
              for name in ("gender", "age", "occupation")]  # fmt: skip
    return [each for each in formed if isinstance(each, Grouping)]


def classes(items: pd.DataFrame) -> tuple[Classes, ...]:
    """Items by genre and by decade."""
    found = []
    decades = [[f"{int(year) // 10 * 10}s"] if pd.notna(year) else [] for year in items["year"]]
    for name, title, values in (("category", "Category", list(items["categories"])), ("decade", "Decade", decades)):
        members = beyond_accuracy.memberships(values)
        names = sorted({str(each) for row in values if isinstance(row, (list, tuple, np.ndarray)) for each in row})
        if members is not None:
            found.append(Classes(name, title, tuple(names), members))
    return tuple(found)
