"""One training of the benchmark `growth`: python -m recsite.benchmarks.growth_step ALGORITHM INTERACTIONS

Prints {"time": processor seconds of fit (all threads), "wall": seconds, "memory": MB at its peak above what the data
take}. Processor time grows alike on a busy machine and on a quiet one. Peaks are read from Linux.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np

from recommender.algorithms import registry
from recsite.benchmarks.generated import catalog

PROCESS = Path("/proc/self")


def main(algorithm: str, interactions: int) -> None:
    data = catalog(interactions)
    config = registry.config_class(algorithm)
    once = {"epochs": 1} if "epochs" in {each.name for each in fields(config)} else {}
    model = registry.create(algorithm, config.from_mapping(once))
    (PROCESS / "clear_refs").write_text("5")  # forgets the peak so far
    before, worked, started = memory("VmRSS"), time.process_time(), time.perf_counter()
    model.fit(data, rng=np.random.default_rng(0), report=lambda *_: None)
    seconds = {"time": time.process_time() - worked, "wall": time.perf_counter() - started}
    print(json.dumps({**seconds, "memory": memory("VmHWM") - before}))


def memory(name: str) -> float:
    """Megabytes: VmRSS held now, VmHWM at the peak."""
    lines = (PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
