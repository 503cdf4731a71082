"""Figures of quality and speed, each beside a peer measured in the same run.

A benchmark is a module with `run(say) -> dict`: `say(line)` reports progress, the result holds at least name, ours,
peer, ratio (ours / peer) and unit, and `rows` where one figure is not enough.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

Say = Callable[[str], None]
BENCHMARKS = {
    "adaptation": "recsite.benchmarks.adaptation",
    "attribution": "recsite.benchmarks.attribution",
    "audit": "recsite.benchmarks.audit_1m",
    "audit-scale": "recsite.benchmarks.audit_scale",
    "audit-simulation": "recsite.benchmarks.audit_simulation",
    "cold-start": "recsite.benchmarks.cold_start",
    "context": "recsite.benchmarks.context",
    "counterfactuals": "recsite.benchmarks.counterfactuals",
    "ensemble": "recsite.benchmarks.ensemble",
    "faithfulness": "recsite.benchmarks.faithfulness",
    "explanations": "recsite.benchmarks.explanations",
    "heads": "recsite.benchmarks.heads",
    "growth": "recsite.benchmarks.growth",
    "import": "recsite.benchmarks.importing",
    "learners": "recsite.benchmarks.learners",
    "quality": "recsite.benchmarks.quality",
    "ratings": "recsite.benchmarks.ratings",
    "remedies": "recsite.benchmarks.remedies",
    "sasrec": "recsite.benchmarks.sasrec",
    "sasrec-1m": "recsite.benchmarks.sasrec_1m",
    "remedies-training": "recsite.benchmarks.remedies_training",
    "serving": "recsite.benchmarks.serving",
    "transfer": "recsite.benchmarks.transfer",
    "student": "recsite.benchmarks.student",
    "text": "recsite.benchmarks.text",
}


def run(name: str, say: Say) -> dict[str, Any]:
    """The result of one benchmark, by its registered name."""
    result: dict[str, Any] = import_module(BENCHMARKS[name]).run(say)
    return {"name": name, **result}
