"""Names of remedies that re-rank, and where they live."""

from __future__ import annotations

from importlib import import_module

from recommender.exceptions import BadInput
from recommender.reranking.base import Remedy

REMEDIES: dict[str, str] = {
    "calibrated": "recommender.reranking.calibrated:Calibrated",
    "xquad": "recommender.reranking.xquad:XQuAD",
    "fa_ir": "recommender.reranking.fa_ir:FAIR",
    "p_mmf": "recommender.reranking.p_mmf:PMMF",
    "cp_fair": "recommender.reranking.cp_fair:CPFair",
    "gini": "recommender.reranking.gini:Gini",
}


def get(name: str) -> type[Remedy]:
    """The class registered as `name`. Raises BadInput (field remedy)."""
    if name not in REMEDIES:
        raise BadInput(f"There is no remedy “{name}”. Known: {', '.join(REMEDIES)}.", field="remedy")
    module, _, attribute = REMEDIES[name].partition(":")
    found: type[Remedy] = getattr(import_module(module), attribute)
    return found
