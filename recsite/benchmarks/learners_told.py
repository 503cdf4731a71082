"""What the figures of `manage.py benchmark learners` say: rows with intervals, paired differences, and the bar."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from recommender.evaluation.significance import Comparison, compare, holm, intervals
from recsite.benchmarks import Say

METRICS = ("ndcg@10", "mae", "ndcg@5", "ndcg@5_exponential")
RIVALS = {"ndcg@10": "popularity", "mae": "hybrid"}
"""Whom everyone is compared with, by metric."""
OURS, PEERS, AT, LARGEST_P = "ridge_head", ("popularity", "content", "item_knn"), ("new people", 5), 0.01
NEXT = 3
"""How many after the best are compared with it."""
MAML, KIN = "maml", ("fomaml", "anil", "reptile", "hybrid")
Tables = Mapping[tuple[str, int, str], pd.DataFrame]
"""By scenario, number of shots and contender: a row per person, the mean over seeds."""


def summary(figures: pd.DataFrame, say: Say) -> dict[str, Any]:
    """Of a row per contender, seed, scenario, number of shots and person; every p after Holm's correction."""
    tables = per_person(figures)
    rows = [row for at in tables for row in values(at, tables[at])]
    say(f"{len(rows)} figures with intervals")
    rows += [row for metric, rival in RIVALS.items() for row in against(tables, metric, rival)]
    rows += [row for metric in RIVALS for row in of_maml(tables, metric)]
    best = [row for metric in RIVALS for row in winners(tables, metric)]
    bar = bars(tables)
    ours, peer = (mean_of(tables, name) for name in (OURS, "item_knn"))
    reached = all(row["above by"] > 0 and row["p"] < LARGEST_P for row in bar)
    given = {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": "NDCG@10 of new people after 5 interactions"}
    return {**given, "largest_p": LARGEST_P, "reached": reached, "bar": bar, "winners": best, "rows": rows}


def per_person(figures: pd.DataFrame) -> dict[tuple[str, int, str], pd.DataFrame]:
    keys = ["scenario", "shots", "contender"]
    means = figures.groupby([*keys, "user"], sort=False)[list(METRICS)].mean().reset_index("user")
    order = figures[keys].drop_duplicates().itertuples(index=False, name=None)
    return {(scenario, int(shots), name): means.loc[(scenario, shots, name)] for scenario, shots, name in order}


def values(at: tuple[str, int, str], table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """A row per metric that is known."""
    scenario, shots, name = at
    known = table.dropna(axis="columns", how="all")
    for metric, interval in intervals(known).items():
        row: dict[str, Any] = {"contender": name, "scenario": scenario, "shots": shots, "metric": metric}
        row |= {end: round(value, 4) for end, value in interval.as_dict().items()}
        yield row | {"people": int(known[metric].notna().sum())}


def mean_of(tables: Tables, name: str) -> float:
    return float(tables[*AT, name]["ndcg@10"].mean())


def against(tables: Tables, metric: str, rival: str) -> Iterator[dict[str, Any]]:
    """Everyone's difference to `rival`, corrected over a scenario's table (contenders × shots)."""
    for scenario in dict.fromkeys(at[0] for at in tables):
        pairs = [
            (name, rival, shots)
            for (where, shots, name), table in tables.items()
            if where == scenario and name != rival and table[metric].notna().any()
        ]
        yield from compared(tables, scenario, metric, pairs)


def of_maml(tables: Tables, metric: str) -> Iterator[dict[str, Any]]:
    """maml beside its first-order and head-only forms and, of ratings, the hybrid, corrected over a scenario."""
    for scenario in dict.fromkeys(at[0] for at in tables):
        pairs = [
            (MAML, name, shots)
            for (where, shots, name), table in tables.items()
            if where == scenario and name in KIN and table[metric].notna().any()
        ]
        yield from compared(tables, scenario, metric, pairs)


def winners(tables: Tables, metric: str) -> Iterator[dict[str, Any]]:
    """Who is best where, and who of the NEXT ones cannot be told from it, corrected over a scenario."""
    for scenario in dict.fromkeys(at[0] for at in tables):
        orders = {shots: ordered(tables, scenario, shots, metric) for shots in dict.fromkeys(at[1] for at in tables)}
        pairs = [(order[0], name, shots) for shots, order in orders.items() for name in order[1 : 1 + NEXT]]
        found = list(compared(tables, scenario, metric, pairs))
        for shots, order in orders.items():
            close = [row["against"] for row in found if row["shots"] == shots and row["p"] >= LARGEST_P]
            row: dict[str, Any] = {"scenario": scenario, "shots": shots, "metric": metric}
            yield row | {"best": order[0], "not told from": close}


def ordered(tables: Tables, scenario: str, shots: int, metric: str) -> list[str]:
    """Contenders from best to worst."""
    found = {
        name: float(table[metric].mean())
        for (where, given, name), table in tables.items()
        if (where, given) == (scenario, shots) and table[metric].notna().any()
    }
    return sorted(found, key=lambda name: found[name], reverse=metric != "mae")


def compared(
    tables: Tables, scenario: str, metric: str, pairs: Sequence[tuple[str, str, int]]
) -> Iterator[dict[str, Any]]:
    found = [compare(tables[scenario, shots, a], tables[scenario, shots, b], metric) for a, b, shots in pairs]
    adjusted = holm(np.array([each.p for each in found])).tolist() if found else []
    for (a, b, shots), each, p in zip(pairs, found, adjusted, strict=True):
        row: dict[str, Any] = {"contender": a, "against": b, "scenario": scenario, "shots": shots, "metric": metric}
        yield row | difference(each, p)


def difference(found: Comparison, p: float) -> dict[str, Any]:
    ends = {"above by": found.difference, "low": found.low, "high": found.high}
    return {**{name: round(value, 4) for name, value in ends.items()}, "p": round(p, 5), "people": found.people}


def bars(tables: Tables) -> list[dict[str, Any]]:
    """OURS above each of PEERS where the bar stands."""
    scenario, shots = AT
    pairs = [(OURS, peer, shots) for peer in PEERS]
    return list(compared(tables, scenario, "ndcg@10", pairs))
