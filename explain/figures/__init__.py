"""Figures: pure functions from tables to plotly Figures. No Django, no database.

They are found by name, and plotly is imported on first use, so that a page without a figure does not pay for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

FIGURES: dict[str, str] = {
    "over_time": "explain.figures.counts:over_time",
    "bars": "explain.figures.counts:bars",
    "histogram": "explain.figures.counts:histogram",
    "shares": "explain.figures.counts:shares",
    "interests": "explain.figures.interests:interests",
    "gaps": "explain.figures.health:gaps",
    "lorenz": "explain.figures.health:lorenz",
    "mean_over_time": "explain.figures.health:mean_over_time",
    "people_groups": "explain.figures.health:people_groups",
    "suspects": "explain.figures.health:suspects",
    "metrics": "explain.figures.runs:metrics",
    "accuracy_coverage": "explain.figures.runs:accuracy_coverage",
    "segments": "explain.figures.people:segments",
    "differences": "explain.figures.people:differences",
    "reliability": "explain.figures.people:reliability",
    "learning_curve": "explain.figures.runs:learning_curve",
    "handover": "explain.figures.made:handover",
    "by_shots": "explain.figures.cold_start:by_shots",
    "quality_by_seconds": "explain.figures.training:quality_by_seconds",
    "best_so_far": "explain.figures.tuning:best_so_far",
    "importance": "explain.figures.tuning:importance",
    "parts": "explain.figures.overall:parts",
    "beeswarm": "explain.figures.overall:beeswarm",
    "dependence": "explain.figures.overall:dependence",
    "dependence_groups": "explain.figures.overall:dependence_groups",
    "stand_in_tree": "explain.figures.stand_ins:tree",
    "stand_in_linear": "explain.figures.stand_ins:coefficients",
    "concepts": "explain.figures.concepts:concepts",
    "coordinates": "explain.figures.tuning:coordinates",
    "waterfall": "explain.figures.explanation:waterfall",
    "methods": "explain.figures.explanation:methods",
    "agreement": "explain.figures.explanation:agreement",
    "attention": "explain.figures.explanation:attention",
    "trust_faithful": "explain.figures.trust:faithful",
    "trust_left": "explain.figures.trust:left",
    "trust_agreement": "explain.figures.trust:agreement",
    "disparity_whiskers": "explain.figures.disparity:whiskers",
    "disparity_bars": "explain.figures.disparity:bars",
    "disparity_matrix": "explain.figures.disparity:matrix",
    "disparity_lorenz": "explain.figures.disparity_curves:lorenz",
    "disparity_shares": "explain.figures.disparity_curves:shares",
    "disparity_weeks": "explain.figures.disparity_curves:weeks",
    "remedy_pareto": "explain.figures.pareto:pareto",
    "remedy_gains": "explain.figures.pareto:gains",
}


def draw(name: str, *tables: Any, **options: Any) -> str:
    """The JSON of the figure `name` of these tables."""
    module, _, function = FIGURES[name].partition(":")
    figure = getattr(import_module(module), function)(*tables, **options)
    return str(figure.to_json())
