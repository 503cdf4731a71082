"""What trainings that look at groups of people bring the worst group of MovieLens-1M, and what they cost.

Leave-last-out; each recommender is trained without the test's answers, plainly and with each objective over its
strengths, with the same SEEDS; a person's figure is the mean over seeds. Changes are paired by person (2,000 resamples
of people), p after Holm's correction over the rows of a recommender. The row “plain” is the plain training with OTHER
seeds: what chance in training moves. The worst group is that with the lowest NDCG@10 against the rest by all plain
trainings. Settings are small, so that a training takes a minute: figures are of these recommenders, not of the best.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from django.conf import settings
from numpy.typing import NDArray

from explain.fairness.base import ATTRIBUTE, Asked, Grouping
from explain.fairness.paired import changes
from recommender.algorithms import registry
from recommender.data.dataset import Dataset
from recommender.data.groups import column_of, groups_of
from recommender.data.splits import Split, leave_last_out
from recommender.evaluation.protocol import evaluate
from recommender.evaluation.significance import holm
from recsite.benchmarks import Say
from recsite.benchmarks.audit_data import people_1m

Values = NDArray[np.float64]
METRIC, LARGEST_P, ASKED = "ndcg@10", 0.05, Asked()
MOST_LOSS = 0.03
"""Share of NDCG@10 that the row that counts may cost."""
SEEDS, OTHERS = (0, 1), (2, 3)
STRENGTHS: dict[str, tuple[float, ...]] = {"reweight": (0.5, 1.0), "dro": (0.5, 1.0), "std": (0.5, 1.0),
                                           "gini": (0.5, 1.0)}  # fmt: skip


@dataclass(frozen=True)
class Contender:
    """A recommender's settings, and what makes its groups."""

    settings: Mapping[str, Any]
    groups: tuple[str, ...]


CONTENDERS = {
    "sasrec": Contender(
        {"factors": 48, "length": 30, "epochs": 6, "batch": 64, "dropout": 0.1, "weight_decay": 0.1, "heads": 2},
        ("gender", "activity"),
    ),
    "prototypes": Contender(
        {"use_text": False, "epochs": 6, "cuts": 8, "rating_weight": 0.0}, ("gender", "age", "activity")
    ),
}


def run(say: Say) -> dict[str, Any]:
    """ours: by how much the worst group's gap narrows at most where that is no chance (0: nowhere), for a loss of at
    most MOST_LOSS where there is such a row; peer: that gap; a row per recommender, grouping, objective, strength."""
    people = people_1m(say)
    names = ("gender", "age")
    columns = {name: column_of(people.attributes[name].astype(str).tolist(), number=False) for name in names}
    split = leave_last_out(replace(people.dataset, user_groups=columns))
    rows = [row for name, each in CONTENDERS.items() for row in swept(name, each, split, say)]
    return summary(rows) | {"people": len(split.test.people)}


def swept(name: str, contender: Contender, split: Split, say: Say) -> list[dict[str, Any]]:
    """The rows of one recommender."""
    before, others = (mean_of(name, contender.settings, seeds, split, say) for seeds in (SEEDS, OTHERS))
    rows = []
    for by in contender.groups:
        grouping = grouping_of(split, by)
        worst = worst_of((before + others) / 2, grouping)
        for objective, strength in [("plain", 0.0), *steps()]:
            looked = {"group_objective": objective, "group_strength": strength, "groups": by}
            given = {**contender.settings, **looked}
            after = others if objective == "plain" else mean_of(name, given, SEEDS, split, say)
            rows.append({"algorithm": name, "groups": by, "objective": objective, "strength": strength}
                        | point(before, after, grouping, worst))  # fmt: skip
            say(", ".join(f"{key} {value}" for key, value in rows[-1].items()))
    p = np.array([row["gap p"] for row in rows if row["objective"] != "plain"])
    adjusted = iter(holm(p).tolist())
    return [row | {"gap p, Holm": round(next(adjusted), 4) if row["objective"] != "plain" else None} for row in rows]


def steps() -> Iterator[tuple[str, float]]:
    return ((objective, strength) for objective, all_of in STRENGTHS.items() for strength in all_of)


def grouping_of(split: Split, by: str) -> Grouping:
    """The groups that training looked at, of the people who are asked."""
    found = groups_of(split.before_test, by)
    return Grouping(by, by.capitalize(), ATTRIBUTE, found.codes[split.test.people], found.names)


def worst_of(values: Values, grouping: Grouping) -> int:
    """The group with the lowest mean against the rest."""
    codes = grouping.codes
    gaps = [values[codes == at].mean() - values[(codes >= 0) & (codes != at)].mean()
            for at in range(len(grouping.names))]  # fmt: skip
    return int(np.argmin(gaps))


def point(before: Values, after: Values, grouping: Grouping, worst: int) -> dict[str, Any]:
    """A row: NDCG@10 of everyone and of the worst group, its gap to the rest, and what changed, with 95% intervals."""
    found = changes(before[:, None], after[:, None], [METRIC], [grouping], ASKED)
    everyone = found["people"][METRIC]
    name = grouping.names[worst]
    group = next(each for each in found["groupings"][0]["groups"] if each["value"] == name)["metrics"][METRIC]
    lost = 1 - everyone["after"] / everyone["before"] if everyone["before"] else 0.0
    return {
        METRIC: rounded(everyone["after"]), "loss": rounded(lost), "change": spread(everyone, "change", "low", "high"),
        "worst group": name, f"{METRIC} of it": rounded(group["after"]),
        "its change": spread(group, "change", "low", "high"), "it gains": group["low"] > 0,
        "gap before": rounded(gap(before, grouping, worst)), "gap": rounded(gap(after, grouping, worst)),
        "gap change": rounded(group["gap_change"]), "gap low": rounded(group["gap_low"]),
        "gap high": rounded(group["gap_high"]), "gap p": rounded(group["gap_p"]),
    }  # fmt: skip


def gap(values: Values, grouping: Grouping, group: int) -> float:
    codes = grouping.codes
    return float(values[codes == group].mean() - values[(codes >= 0) & (codes != group)].mean())


def spread(figures: Mapping[str, Any], value: str, low: str, high: str) -> str:
    return f"{figures[value]:+.4f} ({figures[low]:+.4f} to {figures[high]:+.4f})"


def rounded(value: float) -> float:
    return round(value, 4)


def mean_of(name: str, given: Mapping[str, Any], seeds: Sequence[int], split: Split, say: Say) -> Values:
    """(n_people,) NDCG@10, the mean over trainings with these seeds."""
    found = []
    for seed in seeds:
        started = time.perf_counter()
        found.append(kept(name, given, seed, split))
        told = ", ".join(str(given[each]) for each in ("group_objective", "group_strength", "groups") if each in given)
        say(f"{name} {told or 'plain'}, seed {seed}: {found[-1].mean():.4f} ({time.perf_counter() - started:.0f} s)")
    return np.mean(found, axis=0)


def kept(name: str, given: Mapping[str, Any], seed: int, split: Split) -> Values:
    """What was measured, from the disk, so that a run that was stopped goes on: delete the folder to measure again."""
    about = (name, sorted(given.items()), seed, len(split.before_test.histories.items), len(split.test.people))
    mark = hashlib.sha256(repr(about).encode()).hexdigest()[:16]
    place: Path = settings.DATA_DIR / "benchmarks" / "remedies-training" / f"{name}-{mark}.parquet"
    if not place.is_file():
        table = measured(name, given, seed, split.before_test, split)
        place.parent.mkdir(parents=True, exist_ok=True)
        table.to_parquet(place)
    return pd.read_parquet(place)[METRIC].to_numpy(dtype=np.float64)


def measured(name: str, given: Mapping[str, Any], seed: int, train: Dataset, split: Split) -> pd.DataFrame:
    config = registry.config_class(name).from_mapping(given)
    model = registry.create(name, config)
    model.fit(train, rng=np.random.default_rng(seed), report=lambda *_: None)
    return evaluate(model, split.test, split.full).per_user[[METRIC]]


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    narrowed = [row for row in rows if surely_narrowed(row)]
    cheap = [row for row in narrowed if row["loss"] <= MOST_LOSS]
    best = max(cheap or narrowed, key=lambda row: row["gap change"], default=None)
    ours, peer = (best["gap change"], -best["gap before"]) if best else (0.0, max(-row["gap before"] for row in rows))
    keys = ("algorithm", "groups", "objective", "strength", "loss", "gap before", "gap", "gap change", "it gains")
    return {
        "ours": ours,
        "peer": peer,
        "ratio": ours / peer if peer else 0.0,
        "unit": "NDCG@10 by which the worst group's gap narrows, beside the gap",
        "largest_p": LARGEST_P,
        "most_loss": MOST_LOSS,
        "reached": best is not None,
        "narrowed": [{key: row[key] for key in keys} for row in narrowed],
        "said": said(rows, narrowed),
        "rows": list(rows),
    }


def surely_narrowed(row: Mapping[str, Any]) -> bool:
    p = row["gap p, Holm"]
    return p is not None and p < LARGEST_P and row["gap low"] > 0


def said(rows: Sequence[dict[str, Any]], narrowed: Sequence[dict[str, Any]]) -> str:
    """What the rows allow to say."""
    if narrowed:
        gains = sum(row["it gains"] for row in narrowed)
        return (
            f"The gap of a worst group narrows by more than chance in {len(narrowed)} rows; in {gains} of them the "
            "interval of that group's own change is above 0, in the others it is not: the rest lose more than it does."
        )
    most = max(row["gap high"] for row in rows if row["objective"] != "plain")
    return f"No gap narrows by more than chance; with these trainings none narrows by more than {most:.3f} NDCG@10."
