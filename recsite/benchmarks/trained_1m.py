"""Recommenders trained on MovieLens-1M without each person's last interaction, kept on the disk between benchmarks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from django.conf import settings

from recommender.algorithms import checkpoint, registry
from recommender.algorithms.base import Recommender
from recommender.algorithms.checkpoint import Checkpoint
from recommender.data.splits import Split
from recsite.benchmarks import Say
from recsite.benchmarks.ensemble import SETTINGS

PLAIN = "group_objective='none', group_strength=0.5, groups=None, "


def trained_1m(algorithm: str, split: Split, say: Say, *, seed: int = 0, **changed: Any) -> Recommender:
    """`algorithm` with the settings of the benchmark `ensemble` (`changed` where given), learned from all but the test:
    for as long as was configured, without validation. Delete the folder to train again."""
    config = registry.config_class(algorithm).from_mapping(SETTINGS.get(algorithm, {}) | changed)
    train = split.before_test
    about = (algorithm, config, seed, len(train.histories.items), int(train.histories.items.sum()))
    place = settings.DATA_DIR / "benchmarks" / "ml-1m" / f"{algorithm}-{_mark(about)}"
    if (found := _read(place)) is not None:
        return found
    started = time.perf_counter()

    def report(progress: float, metrics: Mapping[str, float], state: Any) -> None:
        say(f"{algorithm}: {100 * progress:.0f}% after {time.perf_counter() - started:.0f} s")

    model = registry.create(algorithm, config)
    model.fit(train, rng=np.random.default_rng(seed), report=report)
    _write(place, Checkpoint(algorithm, config, train.items, model.state()))
    return model


def _mark(about: Any) -> str:
    """Of a plain training the same as before there were others."""
    return hashlib.sha256(repr(about).replace(PLAIN, "").encode()).hexdigest()[:16]


def _read(place: Path) -> Recommender | None:
    weights, told = place.with_suffix(".safetensors"), place.with_suffix(".json")
    if not told.is_file():
        return None
    return checkpoint.load(weights.read_bytes(), told.read_bytes()).restore()


def _write(place: Path, kept: Checkpoint) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    weights, told = checkpoint.dump(kept)
    place.with_suffix(".safetensors").write_bytes(weights)
    place.with_suffix(".json").write_bytes(told)  # last: where it is, both are
