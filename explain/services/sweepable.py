"""Remedies that can be swept: those that re-rank, from their registry, and those in training, which are named here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from recommender.algorithms import registry
from recommender.exceptions import BadInput
from recommender.models import Run
from recommender.reranking import registry as rerankers
from recommender.services.remedies import IN_TRAINING


@dataclass(frozen=True)
class Sweepable:
    """A remedy as the form and the page of a sweep tell it; `objective` "" where it re-ranks."""

    name: str
    title: str
    about: str
    grid: tuple[float, ...]
    aims: tuple[str, ...]
    by_classes: bool = False
    by_people: bool = False
    objective: str = ""

    @property
    def trained(self) -> bool:
        return bool(self.objective)


SHARE = "Strength is the share of it in the loss, 0 to 1."
ADDED = "Strength is how much it counts beside the mean loss."
IN_LOSS: tuple[tuple[str, str, str, tuple[float, ...]], ...] = (
    ("reweight", "Groups count alike in training",
     f"Every group counts the same in the loss, whatever its size. {SHARE}", (0.0, 0.25, 0.5, 0.75, 1.0)),
    ("dro", "The worst group counts most in training",
     f"The group with the largest loss counts more and more (group-DRO, Sagawa et al., 2020). {SHARE}",
     (0.0, 0.25, 0.5, 0.75, 1.0)),
    ("std", "Standard deviation of groups in training",
     f"The standard deviation of the groups’ losses is added to the loss. {ADDED}", (0.0, 0.5, 1.0, 2.0)),
    ("gini", "Gini coefficient of groups in training",
     f"The Gini coefficient of the groups’ losses is added to the loss. {ADDED}", (0.0, 0.5, 1.0, 2.0)),
)  # fmt: skip
TRAINED = {
    f"{IN_TRAINING}{name}": Sweepable(
        f"{IN_TRAINING}{name}", title, about, grid, ("people",), by_people=True, objective=name
    )
    for name, title, about, grid in IN_LOSS
}


def named(name: str) -> Sweepable:
    """Raises BadInput (field remedy)."""
    if name in TRAINED:
        return TRAINED[name]
    if name not in rerankers.REMEDIES:
        known = ", ".join([*rerankers.REMEDIES, *TRAINED])
        raise BadInput(f"There is no remedy “{name}”. Known: {known}.", field="remedy")
    of: Any = rerankers.get(name)
    return Sweepable(name, of.title, of.about, of.grid, of.aims, of.by_classes, of.by_people)


def everything() -> list[Sweepable]:
    return [named(name) for name in (*rerankers.REMEDIES, *TRAINED)]


def weighs_groups(run: Run) -> bool:
    """Whether the training of a run's algorithm can look at groups of people."""
    if run.algorithm not in registry.ALGORITHMS:
        return False
    return "group_objective" in {each.name for each in fields(registry.config_class(run.algorithm))}
