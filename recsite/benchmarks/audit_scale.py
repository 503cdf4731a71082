"""An audit of a million people's lists: seconds and memory at its peak, in a process of its own.

People, their attributes, figures, histories and lists are generated: two genders, seven bands of age, 21 occupations in
the shares of MovieLens-1M, their pairs, and what people did. Beside the audit the lists themselves take 160 MB and the
histories 500; the peak is that of the whole process, generated data included. Peaks are read from Linux.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from django.conf import settings

from explain.fairness import groups
from explain.fairness.audit import audit
from explain.fairness.base import Asked, Classes, Grouping, Material
from recommender.data.dataset import Histories
from recsite.benchmarks import Say
from recsite.benchmarks.growth_step import memory

PEOPLE, ITEMS, LENGTH, MET, CLASSES = 1_000_000, 20_000, 20, 20, 20
SECONDS, GIGABYTES = 120.0, 4.0
SHARES = {
    "gender": (0.28, 0.72),
    "age": (0.04, 0.18, 0.35, 0.2, 0.09, 0.08, 0.06),
    "occupation": (0.12, 0.09, 0.04, 0.03, 0.13, 0.02, 0.04, 0.11, 0.003, 0.015, 0.03, 0.02, 0.06, 0.024, 0.05, 0.024,
                   0.04, 0.08, 0.012, 0.012, 0.05),
}  # fmt: skip


def run(say: Say) -> dict[str, Any]:
    """ours: seconds of the audit, peer: the bar; the gigabytes of the whole process beside them."""
    command = [sys.executable, "-m", "recsite.benchmarks.audit_scale", str(PEOPLE)]
    quiet: dict[str, Any] = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL}
    done = subprocess.run(command, cwd=settings.BASE_DIR, timeout=20 * SECONDS, check=False, **quiet)
    if done.returncode:
        raise RuntimeError(f"The audit of {PEOPLE:,} people: {done.stderr[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    say(f"{found['people']:,} people: {found['seconds']:.0f} s, {found['gigabytes']:.2f} GB")
    reached = found["seconds"] <= SECONDS and found["gigabytes"] <= GIGABYTES
    return {"ours": found["seconds"], "peer": SECONDS, "ratio": found["seconds"] / SECONDS, "unit": "s"} | found | {
        "most_gigabytes": GIGABYTES, "reached": reached}  # fmt: skip


def main(people: int) -> dict[str, Any]:
    """Seconds of the audit and gigabytes of this process at its peak."""
    made = generated(people)
    held = memory("VmRSS") / 1024
    started = time.perf_counter()
    report = audit(made, Asked(k=LENGTH))
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "gigabytes": round(memory("VmHWM") / 1024, 2),
        "gigabytes_of_data": round(held, 2),
        "people": people,
        "lists": len(made.lists),
        "resamples": report["about"]["resamples"],
        "permutations": report["about"]["permutations"],
        "groups": sum(len(each["groups"]) for each in report["groupings"]),
    }


def generated(people: int, seed: int = 0) -> Material:
    """Lists and histories by Zipf's law; NDCG of one held-out item each, the hit rate .3."""
    rng = np.random.default_rng(seed)
    single = [_grouping(rng, name, shares, people) for name, shares in SHARES.items()]
    popularity = 1 / np.arange(1, ITEMS + 1)
    popularity = np.cumsum(popularity / popularity.sum())
    met = _histories(np.searchsorted(popularity, rng.random((people, MET), dtype=np.float32)).astype(np.int64))
    shares = np.bincount(met.items, minlength=ITEMS) / people
    lists = np.searchsorted(popularity, rng.random((people, LENGTH), dtype=np.float32)).astype(np.int64)
    behaviour = [each for each in (groups.by_activity(met), groups.by_taste(met, shares)) if isinstance(each, Grouping)]
    ranks = np.where(rng.random(people) < 0.3, rng.integers(1, LENGTH + 1, people), np.inf)
    quality = {"ndcg@20": 1 / np.log2(1 + ranks), "recall@20": np.isfinite(ranks).astype(np.float64)}
    members = (np.arange(ITEMS)[:, None] % CLASSES == np.arange(CLASSES)).astype(np.float32)
    return Material(
        users=np.arange(people, dtype=np.int64),
        lists=lists,
        owners=np.arange(people, dtype=np.int64),
        quality=pd.DataFrame(quality),
        histories=met,
        targets=_histories(lists[:, :1]),
        shares=shares,
        offered=np.ones(ITEMS, dtype=np.bool_),
        new=np.arange(ITEMS) % 50 == 0,
        groupings=(*single, *behaviour, *(groups.cross(a, b) for a, b in combinations(single, 2))),
        classes=(Classes("kind", "Kind", tuple(f"kind {at}" for at in range(CLASSES)), members),),
    )


def _grouping(rng: np.random.Generator, name: str, shares: tuple[float, ...], people: int) -> Grouping:
    codes = np.searchsorted(np.cumsum(shares) / sum(shares), rng.random(people), side="right").astype(np.int64)
    return Grouping(name, name.capitalize(), "attribute", codes, tuple(str(at) for at in range(len(shares))), True)


def _histories(items: np.ndarray) -> Histories:
    """A history per row."""
    people, length = items.shape
    return Histories(
        indptr=np.arange(0, people * length + 1, length, dtype=np.int64),
        items=items.reshape(-1),
        values=np.ones(items.size, dtype=np.float32),
        times=np.zeros(items.size),
        kinds=np.zeros(items.size, dtype=np.int16),
    )


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
