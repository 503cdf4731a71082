"""How faithful explanations are on MovieLens-1M, by the protocol of DOI 10.1145/3726302.3730242 at Kₑ = 5.

People are drawn by a seed; the item explained is the one that the recommender, trained without each person's last
interaction, ranks first for the rest of the history. Every method is held against random order and against greedy
removal by really ranking again; `closed` is the share of that gap a method closes, people resampled. At most the 200
newest items of a history are units of their own, older ones are one unit together.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from explain.attribution import examined
from explain.attribution.examined import GREEDY, RANDOM, Examined, Plan
from explain.attribution.verdicts import summarised
from recommender.data.splits import Split, leave_last_out
from recsite.benchmarks import Say
from recsite.benchmarks.ensemble import movielens_1m
from recsite.benchmarks.trained_1m import trained_1m

PEOPLE = {"ials": 1000, "sasrec": 200}
CLOSE = {"ials": 100, "sasrec": 25}
"""People with whom explanations are made anew (small changes, shuffled weights); a fifth of them by slow methods."""
SLOW = {"ials": 100, "sasrec": 20}
"""People with whom methods that draw many coalitions are tried."""
BAR = 0.8
FIGURES = ("pos@5", "pos@20", "cdcg", "ins", "del", "deletion_area", "insertion_area", "infidelity", "sensitivity",
           "randomised", "sparsity")  # fmt: skip
PUBLISHED = (
    {"method": "LXR", "pos@5": 0.902, "pos@20": 0.962, "cdcg": 0.798, "ins": 0.859, "del": 0.917},
    {"method": "LIME", "pos@5": 0.940, "pos@20": 0.982, "cdcg": 0.822, "ins": 0.819, "del": 0.926},
    {"method": "clustered SHAP", "pos@5": 0.997, "pos@20": 0.999, "cdcg": 0.936, "ins": 0.668, "del": 0.966},
)
CONTEXT = (
    "Published for a matrix factorisation on ML-1M, 1,208 people, Kₑ = 5: another model and another split, for "
    "context, not for comparison."
)


def run(say: Say) -> dict[str, Any]:
    """ours: the smaller share of the gap closed, on POS@5 and CDCG, by the best method for ials; peer: the bar."""
    split = leave_last_out(movielens_1m(say))
    found = {algorithm: examine(algorithm, split, people, say) for algorithm, people in PEOPLE.items()}
    best = max(
        (row for row in found["ials"]["ways"] if row.get("closed") and row["people"] == PEOPLE["ials"]), key=reached
    )
    rows = [told(algorithm, row) for algorithm, of_it in found.items() for row in of_it["ways"]]
    return {
        "ours": reached(best),
        "peer": BAR,
        "ratio": reached(best) / BAR,
        "unit": "share of the gap between random order and greedy removal",
        "best": best["way"],
        "reached": all(best["closed"][figure]["low"] >= BAR for figure in ("pos@5", "cdcg")),
        "rows": rows,
        "faults": {f"{algorithm}: {row['way']}": row["faults"] for algorithm, of_it in found.items()
                   for row in of_it["ways"] if row.get("faults")},
        "agreement": {algorithm: of_it["agreement"] for algorithm, of_it in found.items()},
        "published": list(PUBLISHED),
        "published_context": CONTEXT,
    }  # fmt: skip


def examine(algorithm: str, split: Split, people: int, say: Say) -> dict[str, Any]:
    """The figures of every way that can explain the first item of `people` people."""
    model, holdout = trained_1m(algorithm, split, say), split.test
    chosen = np.random.default_rng(0).choice(len(holdout.people), people, replace=False)
    plan = Plan(examined.default_ways(), close=CLOSE[algorithm], slow_people=SLOW[algorithm])
    started = time.perf_counter()

    def tell(done: int) -> None:
        if done % 50 == 0:
            say(f"{algorithm}: {done:,} of {people:,} people after {time.perf_counter() - started:.0f} s")

    found: Examined = examined.examine(model, holdout.histories.select(chosen), holdout.people[chosen], plan, tell=tell)
    return summarised(found)


def reached(row: dict[str, Any]) -> float:
    return float(min(row["closed"][figure]["value"] for figure in ("pos@5", "cdcg")))


def told(algorithm: str, row: dict[str, Any]) -> dict[str, Any]:
    """A line of the table: each figure with its interval, the shares closed, and whether it beats random order."""
    figures = {name: with_interval(row["figures"][name]) for name in FIGURES if name in row["figures"]}
    line = {"algorithm": algorithm, "way": row["way"], "people": row["people"], **figures}
    if row["way"] in (RANDOM, GREEDY):
        return line
    shares = {f"closed {name}": with_interval(each) for name, each in row["closed"].items() if each}
    seconds = row["figures"]["seconds"]["value"]
    return line | shares | {"beats random": row["against_random"]["beats"], "ms": round(1000 * seconds, 1)}


def with_interval(figure: dict[str, Any]) -> str:
    value, low, high = (figure[name] for name in ("value", "low", "high"))
    return f"{value:.3f}" if low is None else f"{value:.3f} ({low:.3f} to {high:.3f})"
