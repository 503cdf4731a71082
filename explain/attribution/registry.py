"""Methods by name, imported on first use, so that no page pays for torch, captum or shap."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, runtime_checkable

from explain.attribution.base import Explainer
from explain.attribution.game import Game
from explain.attribution.in_request import LAST, too_slow
from explain.exceptions import CannotExplain

METHODS: dict[str, str] = {
    "contributions": "explain.attribution.exact:Contributions",
    "shapley": "explain.attribution.shapley:ShapleyExact",
    "integrated_gradients": "explain.attribution.integrated_gradients:IntegratedGradients",
    "shapley_sampling": "explain.attribution.shapley:ShapleySampling",
    "support_weights": "explain.attribution.support_weights:SupportWeights",
    "ablation": "explain.attribution.ablation:Ablation",
    "gradient_shap": "explain.attribution.gradient_shap:GradientShap",
    "attention": "explain.attribution.attention:Attention",
    "shap_permutation": "explain.attribution.shap_permutation:ShapPermutation",
    "shap_partition": "explain.attribution.shap_partition:ShapPartition",
    "tree_surrogate": "explain.attribution.tree_surrogate:TreeSurrogate",
}
TASKS_ONLY: frozenset[str] = frozenset({"shap_permutation", "shap_partition", "tree_surrogate"})
"""Those that a web process never runs: they take too long, or load libraries that it must not. Written here so that
this can be told without importing them; a test holds it against the classes."""
BY_CHANCE: frozenset[str] = frozenset({"random"})
"""Algorithms whose lists have no reasons: draws change with the history, so whatever were said would be invented."""
PREFERRED = ("contributions", "shapley", "integrated_gradients", "shapley_sampling")
"""Which method explains where none is asked for: the first of these that can."""


@runtime_checkable
class Stoppable(Protocol):
    """A method that ends after so many seconds with what it has."""

    seconds: float | None


def get(name: str, *, seconds: float | None = None) -> Explainer:
    """The method registered as `name`, which ends after `seconds` where it can. Raises CannotExplain."""
    if name not in METHODS:
        raise CannotExplain(f"There is no method “{name}”. Known: {', '.join(METHODS)}.", field="method")
    module, _, attribute = METHODS[name].partition(":")
    found: Explainer = getattr(import_module(module), attribute)()
    if isinstance(found, Stoppable):
        found.seconds = seconds
    return found


def able(game: Game, *, in_request: bool = False) -> list[str]:
    """Names of the methods that can explain this, in the registry's order."""
    names = [name for name in METHODS if not (in_request and name in TASKS_ONLY)]
    return [name for name in names if not get(name).refuses(game)]


def default(game: Game, *, in_request: bool = False) -> str:
    """The method that explains where none is asked for; `in_request` one that does so soon, which is leaving one out
    where the others take too long. Raises CannotExplain where none can."""
    why = ""
    for name in (*PREFERRED, *([LAST] if in_request else [])):
        if get(name).refuses(game):
            continue
        if not (why := too_slow(name, game) if in_request else ""):
            return name
    if why:
        raise CannotExplain(why, field="method")
    raise CannotExplain("Nothing is known of this person that the recommender reads, so there is nothing to explain.")
