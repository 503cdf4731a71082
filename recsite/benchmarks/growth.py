"""How training's processor time and memory grow with every recommender: 100 k, 1 M and 10 M generated interactions.

Each training has a process of its own, so that memory is its own. Recommenders that train in epochs are given one
epoch (so their figure is of an epoch), the others their defaults. The peer is linear growth: the ratio is the steepest
slope of log time over log interactions. What is steeper than linear must carry a warning in the interface
(registry.STEEP). The ensemble costs what its members cost and is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
from django.conf import settings

from recommender.algorithms import registry
from recsite.benchmarks import Say

SIZES = (100_000, 1_000_000, 10_000_000)
LONGEST = 1200
"""Processor seconds that a training may take; a size that must take longer is not begun, and told as such."""
LINEAR = 1.15
"""Slopes up to this count as linear: caches and small fixed costs bend the line."""
LEFT_OUT = ("ensemble",)


def run(say: Say) -> dict[str, Any]:
    """ours: the steepest slope of time, peer: 1 (linear); a row per recommender."""
    rows = [measured(name, say) for name in registry.ALGORITHMS if name not in LEFT_OUT]
    steepest = max((row["time_slope"] for row in rows if row["time_slope"] is not None), default=1.0)
    unwarned = [row["algorithm"] for row in rows if row["steep"] and not row["warned"]]
    return {"ours": steepest, "peer": 1.0, "ratio": steepest, "unit": "slope", "unwarned": unwarned, "rows": rows}


def measured(algorithm: str, say: Say) -> dict[str, Any]:
    """Processor seconds and MB at each size, None where it would take longer than LONGEST, and their slopes."""
    steps: list[dict[str, Any] | None] = []
    for size in SIZES:
        steps.append(None if _too_long(steps) else _step(algorithm, size))
        say(f"{algorithm} at {size:,}: {_told(steps[-1])}")
    slopes = {f"{name}_slope": _slope(steps, name) for name in ("time", "memory")}
    steep = any(slope is not None and slope > LINEAR for slope in slopes.values())
    return {
        "algorithm": algorithm,
        "seconds": [step and round(step["time"], 2) for step in steps],
        "megabytes": [step and round(step["memory"], 1) for step in steps],
        **slopes,
        "steep": steep,
        "warned": algorithm in registry.STEEP,
    }


def _step(algorithm: str, interactions: int) -> dict[str, Any] | None:
    command = [sys.executable, "-m", "recsite.benchmarks.growth_step", algorithm, str(interactions)]
    quiet: dict[str, Any] = {"capture_output": True, "text": True, "stdin": subprocess.DEVNULL, "check": True}
    try:
        done = subprocess.run(command, cwd=settings.BASE_DIR, timeout=5 * LONGEST, **quiet)
    except subprocess.TimeoutExpired:
        return None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{algorithm} at {interactions}: {error.stderr[-500:]}") from None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _too_long(steps: list[dict[str, Any] | None]) -> bool:
    """Whether the next size, ten times the last, must take longer than LONGEST even if growth is linear."""
    return bool(steps) and (steps[-1] is None or steps[-1]["time"] * 10 > LONGEST)


def _slope(steps: list[dict[str, Any] | None], name: str) -> float | None:
    """Of log `name` over log interactions by least squares, over sizes that take at least 50 ms or 20 MB."""
    least = {"time": 0.05, "memory": 20.0}[name]
    known = [(size, step[name]) for size, step in zip(SIZES, steps, strict=True) if step and step[name] >= least]
    if len(known) < 2:
        return None
    sizes, values = np.log(np.array(known)).T
    return round(float(np.polyfit(sizes, values, 1)[0]), 2)


def _told(step: dict[str, Any] | None) -> str:
    return f"over {LONGEST} s" if step is None else f"{step['time']:.1f} processor s, {step['memory']:.0f} MB"
