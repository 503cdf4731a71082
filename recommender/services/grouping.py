"""Groups of people that a run's training looks at: checked when the run is made, loaded when its data are read."""

from __future__ import annotations

from recommender.algorithms import registry
from recommender.algorithms.base import Config
from recommender.data.groups import ACTIVITY
from recommender.exceptions import BadConfig
from recommender.models import Attribute, Catalog, Run


def check(*, catalog: Catalog, config: Config) -> None:
    """Raises BadConfig (field groups) where the attribute that `config` names is not declared of the catalog's
    people."""
    name = registry.groups(config)
    if not name or name == ACTIVITY:
        return
    declared = Attribute.objects.filter(catalog=catalog, scope=Attribute.Scope.USER)
    if not declared.filter(name=name).exists():
        known = ", ".join([*declared.values_list("name", flat=True), ACTIVITY])
        raise BadConfig(f"groups: people of this catalog have no attribute “{name}”. Known: {known}.", field="groups")


def looked_at(run: Run) -> list[str]:
    """What the trainings of a run, and of those it is made of, make groups of people by, `activity` among it."""
    config = registry.config_class(run.algorithm).from_mapping(run.config)
    names = {registry.groups(config)}.union(*(looked_at(parent) for parent in run.parents.order_by("pk")))
    return sorted(names - {""})


def loaded_for(run: Run) -> list[str]:
    """The attributes among them, which load_dataset reads."""
    return [name for name in looked_at(run) if name != ACTIVITY]
