"""The fewest items of a history without which an item is not recommended, on MovieLens-1M, ials and sasrec.

PEOPLE people are drawn, of each an item at a drawn rank of 1 … K of the recommender's list (`trained_1m`: it
learned without each person's last interaction). Units are the UNITS newest items of the history (of sasrec's, what it
reads); those before stay. Every answer is verified here, by a history without the items and `top_k`, apart from the
search. The peer removes items by an attribution's order (exact contributions for ials, leaving one out for sasrec),
the highest first, until the item is gone: sizes are compared where both find a set. The brute force tries all sets of
one, two and three of a history of at most SHORT items, of up to BRUTE of those people.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from typing import Any

import numpy as np
import torch

from explain.attribution import registry
from explain.attribution.counterfactual import Counterfactual, removal
from explain.attribution.game import ITEM, Game, Target
from recommender.algorithms.base import Recommender, mask_seen, top_k
from recommender.algorithms.blend import newest
from recommender.data.dataset import Histories
from recommender.data.splits import Split, leave_last_out
from recsite.benchmarks import Say
from recsite.benchmarks.ensemble import movielens_1m
from recsite.benchmarks.trained_1m import trained_1m

PEOPLE, K, UNITS, MOST = 500, 10, 50, 5
SHORT, BRUTE, LARGEST = 40, 150, 3
"""Items of a history that the brute force takes at most, people it is run on, and size of its largest sets."""
ALGORITHMS = {"ials": "contributions", "sasrec": "ablation"}
READS = 200
"""Newest interactions that the sasrec of `trained_1m` reads."""
LEAST_EQUAL = 0.9
BLOCK = 512


def run(say: Say) -> dict[str, Any]:
    """ours: mean size of the sets found, peer: of those that the attribution's order needs; a row per recommender."""
    torch.set_num_threads(1)
    split = leave_last_out(movielens_1m(say))
    rows = [measured(name, method, split, say) for name, method in ALGORITHMS.items()]
    ours, peer = (float(np.mean([row[name] for row in rows])) for name in ("size where both", "greedy size"))
    reached = all(row["verified"] == 1 and row["equal to brute force"] >= LEAST_EQUAL for row in rows)
    return {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": "items", "reached": reached, "rows": rows}


def measured(name: str, method: str, split: Split, say: Say) -> dict[str, Any]:
    model, whole = trained_1m(name, split, say), split.test.histories
    rng = np.random.default_rng(0)
    histories = newest(whole, READS) if name == "sasrec" else whole
    cases = [_case(model, histories, int(row), rng) for row in rng.permutation(len(whole))[:PEOPLE]]
    found = [removal(game, k=K, most=MOST) for game in cases]
    say(f"{name}: {np.mean([each.found for each in found]):.1%} found")
    greedy = [removed_in_order(game, method) for game in cases]
    both = [(ours.size, theirs) for ours, theirs in zip(found, greedy, strict=True) if ours.found and theirs]
    row = {"recommender": name, "people": len(cases)} | _figures(found)
    verified = [gone(game, each) for game, each in zip(cases, found, strict=True) if each.found]
    row |= {"verified": round(float(np.mean(verified)), 4)}
    row |= {"greedy finds": round(float(np.mean([size is not None for size in greedy])), 4), "both find": len(both)}
    row |= {"size where both": round(float(np.mean([size for size, _ in both])), 3)}
    row |= {"greedy size": round(float(np.mean([size for _, size in both])), 3)}
    return row | against_brute_force(cases, found, say)


def _case(model: Recommender, histories: Histories, row: int, rng: np.random.Generator) -> Game:
    own = histories.select(np.array([row]))
    listed = top_k(mask_seen(model.score(own), own), K)[0][0]
    return Game(model, own, Target(int(listed[rng.integers(K)])), most_units=UNITS)


def _figures(found: list[Counterfactual]) -> dict[str, Any]:
    sizes = Counter(each.size for each in found if each.found)
    seconds = np.array([each.seconds for each in found])
    return {
        "found": round(float(np.mean([each.found for each in found])), 4),
        **{f"of size {size}": sizes[size] for size in range(1, MOST + 1)},
        "proven the fewest": round(float(np.mean([each.proven_minimal for each in found if each.found])), 4),
        "tried p50": float(np.median([each.tried for each in found])),
        **{f"ms p{part}": round(1000 * float(np.percentile(seconds, part)), 1) for part in (50, 90, 99)},
    }


def gone(game: Game, found: Counterfactual) -> bool:
    """Whether the item is not listed to the person without these items, whom they are not shown to either."""
    away = [game.units[at].key for at in found.removed]
    histories = game.histories.keep(~np.isin(game.histories.items, away))
    listed = top_k(mask_seen(game.model.score(histories), game.histories), K)[0][0]
    return game.target.item not in listed


def removed_in_order(game: Game, method: str) -> int | None:
    """How many items of the highest values together take the item out; None where all of them do not."""
    explained = registry.get(method).explain(game)
    order = [at for at in explained.order.tolist() if game.units[at].kind == ITEM]
    kept = np.ones((len(order), len(game.units)), dtype=np.bool_)
    for size, at in enumerate(order):
        kept[size:, at] = False
    out = np.flatnonzero(game.ranks(kept) > K)
    return int(out[0]) + 1 if len(out) else None


def against_brute_force(cases: list[Game], found: list[Counterfactual], say: Say) -> dict[str, Any]:
    short = [at for at, game in enumerate(cases) if len(game.units) <= SHORT][:BRUTE]
    started, equal, sizes = time.perf_counter(), 0, Counter[int | None]()
    for at in short:
        fewest = brute_force(cases[at])
        ours = found[at].size if found[at].found and found[at].size <= LARGEST else None
        sizes[fewest] += 1
        equal += ours == fewest
    seconds = time.perf_counter() - started
    say(f"brute force on {len(short)} people in {seconds:.0f} s: {dict(sizes)}")
    return {
        "brute force on": len(short),
        **{f"brute size {size}": sizes[size] for size in range(1, LARGEST + 1)},
        f"brute none within {LARGEST}": sizes[None],
        "equal to brute force": round(equal / max(1, len(short)), 4),
        "brute ms mean": round(1000 * seconds / max(1, len(short)), 1),
    }


def brute_force(game: Game) -> int | None:
    """The size of the smallest set of at most LARGEST that takes the item out, of all there are."""
    n = len(game.units)
    for size in range(1, min(LARGEST, n) + 1):
        sets = np.array(list(itertools.combinations(range(n), size)))
        for start in range(0, len(sets), BLOCK):
            some = sets[start : start + BLOCK]
            kept = np.ones((len(some), n), dtype=np.bool_)
            np.put_along_axis(kept, some, False, axis=1)
            if (game.ranks(kept) > K).any():
                return size
    return None
