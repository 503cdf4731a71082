"""A complete training of sasrec beside RecTools' SASRec: MovieLens-100K, leave-last-out, quality and time of both.

Ours: validation chooses when to stop, then everything but the test trains again; the seconds are of both. The peer:
RecTools' SASRec of the same length, width and depth with the full softmax, 40 epochs on everything but the test, in a
virtual environment of its own, on as many threads. Seeds take turns, so that whatever else the machine does hits both.
Both are asked for the ten best items that a person has not met. The curves show NDCG@10 on the validation by seconds
of training: ours while choosing, the peer's from one more training without the validation's answers.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from django.conf import settings

from explain.figures.training import quality_by_seconds
from recommender.algorithms import registry
from recommender.data.dataset import Dataset, Holdout, Int
from recommender.data.splits import Split, leave_last_out
from recommender.evaluation.protocol import CHOOSING, evaluate, fit_measured
from recommender.exceptions import Conflict
from recsite.benchmarks import Say
from recsite.benchmarks.quality import METRIC, movielens_100k

SEEDS, EPOCHS, STEP = 3, 40, 4
PEER = "RecTools SASRec"
PINS = ("torch==2.13.0", "rectools[torch]==0.19.0")
"""Torch first and alone: its pin then stays with the build for CPUs where one is offered."""
MOST_TIME = 1 / 3
Curve = list[tuple[float, float]]


def run(say: Say) -> dict[str, Any]:
    """ours and peer: mean test NDCG@10; `seconds` of a training of each, their ratio, and the path of the figure."""
    split = leave_last_out(movielens_100k(say))
    python = environment(settings.DATA_DIR / "peers" / "rectools", say)
    torch.set_num_threads(os.cpu_count() or 1)
    rows, curves = [], []
    for seed in range(SEEDS):
        values, seconds, curve = ours(split, seed)
        rows.append({"what": "sasrec", "seed": seed, METRIC: round(values, 5), "seconds": round(seconds, 1)})
        say(f"sasrec seed {seed}: {values:.4f} after {seconds:.0f} s")
        curves.append(("sasrec", seed, curve))
        [(seconds, values)] = theirs(python, split.before_test, split.test, seed=seed, epochs=EPOCHS, step=EPOCHS)
        rows.append({"what": PEER, "seed": seed, METRIC: round(values, 5), "seconds": round(seconds, 1)})
        say(f"{PEER} seed {seed}: {values:.4f} after {seconds:.0f} s")
    curves.append((PEER, 0, theirs(python, split.train, split.validation, seed=0, epochs=EPOCHS, step=STEP)))
    return summary(rows) | {"people": len(split.test.people), "figure": drawn(curves, settings.DATA_DIR), "rows": rows}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over seeds; the bar asks for at least the peer's quality in at most a third of its time."""
    of = {what: [row for row in rows if row["what"] == what] for what in ("sasrec", PEER)}
    quality = {what: float(np.mean([row[METRIC] for row in own])) for what, own in of.items()}
    seconds = {what: float(np.mean([row["seconds"] for row in own])) for what, own in of.items()}
    time_ratio = seconds["sasrec"] / seconds[PEER]
    return {
        "ours": quality["sasrec"],
        "peer": quality[PEER],
        "ratio": quality["sasrec"] / quality[PEER],
        "unit": "NDCG@10",
        "seconds": {"ours": seconds["sasrec"], "peer": seconds[PEER], "ratio": time_ratio},
        "reached": quality["sasrec"] >= quality[PEER] and time_ratio <= MOST_TIME,
    }


def ours(split: Split, seed: int) -> tuple[float, float, Curve]:
    """Test NDCG@10, seconds of the whole training, and its curve on the validation."""
    curve: Curve = []
    config = registry.config_class("sasrec")()
    started = time.perf_counter()

    def report(progress: float, metrics: Mapping[str, float], state: Any) -> None:
        if metrics["stage"] == CHOOSING:
            curve.append((time.perf_counter() - started, metrics[METRIC]))

    fitted = fit_measured(partial(registry.create, "sasrec"), config, split, seed=seed, report=report)
    seconds = time.perf_counter() - started
    return evaluate(fitted.model, split.test, split.full).summary[METRIC], seconds, curve


def theirs(python: Path, train: Dataset, holdout: Holdout, *, seed: int, epochs: int, step: int) -> Curve:
    """(seconds, NDCG@10 on `holdout`) of the peer after every `step` epochs on `train`. Raises Conflict."""
    script = Path(__file__).with_name("peer_rectools.py")
    with tempfile.TemporaryDirectory() as place:
        rows, answer = Path(place) / "rows.npz", Path(place) / "answer.npz"
        np.savez(rows, users=train.histories.rows, items=train.histories.items, asked=holdout.people)
        command = [str(python), str(script), str(rows), str(answer), str(seed), str(epochs), str(step)]
        done = subprocess.run(command, cwd=place, env=surroundings(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Conflict(f"{PEER} failed: {done.stderr.strip()[-500:]}")
        told = np.load(answer)
        values = [ndcg_of(lists, holdout) for lists in told["lists"]]
        return [(float(seconds), value) for seconds, value in zip(told["seconds"], values, strict=True)]


def surroundings() -> dict[str, str]:
    """Nothing of this environment but the machine's own; as many threads as ours."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "OMP_WAIT_POLICY") if name in os.environ}
    return kept | {"OMP_NUM_THREADS": str(os.cpu_count() or 1)}


def ndcg_of(lists: Int, holdout: Holdout) -> float:
    """Mean NDCG@10 of lists (people, 10), where each person has one held-out item."""
    found = lists == holdout.targets.items[:, None]
    return float((found / np.log2(np.arange(2, lists.shape[1] + 2))).sum(axis=1).mean())


def environment(place: Path, say: Say) -> Path:
    """The Python of the peer's own virtual environment, made on first use. Raises Conflict."""
    python, stamp = place / "bin" / "python", place / "installed"
    if stamp.is_file() and stamp.read_text() == " ".join(PINS):
        return python
    say(f"installing {' and '.join(PINS)} into {place} (once, some minutes)")
    steps = [[sys.executable, "-m", "venv", "--clear", str(place)]]
    steps += [[str(python), "-m", "pip", "install", "--disable-pip-version-check", "-q", pin] for pin in PINS]
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Conflict(f"The peer could not be installed: {done.stderr.strip()[-300:]}")
    stamp.write_text(" ".join(PINS))
    return python


def drawn(curves: list[tuple[str, int, Curve]], place: Path) -> str:
    """Writes both sides' curves as one figure (Plotly's JSON) and returns its path."""
    table = pd.DataFrame(
        [(name, seed, seconds, value) for name, seed, curve in curves for seconds, value in curve],
        columns=["name", "training", "seconds", "value"],
    )
    path = place / "figures" / "benchmark-sasrec.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(quality_by_seconds(table, metric="NDCG@10", ours="sasrec").to_json())
    return str(path)
