"""The preparation of a run: checked when the run is made, carried out when its data are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from typing import Any

from recommender.data.dataset import Dataset
from recommender.data.preparation.settings import PreparationConfig
from recommender.exceptions import BadConfig
from recommender.models import Attribute, Run
from recommender.services.upserting import declared_types

FIELD = "preparation"


def settings_of(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Every setting of a preparation spelled out; {} where it would change nothing.

    Raises BadConfig, its field being preparation.NAME.
    """
    try:
        config = PreparationConfig.from_mapping(given or {})
    except BadConfig as error:
        raise BadConfig(str(error), field=f"{FIELD}.{error.field}") from error
    return {} if config.changes_nothing else asdict(config)


def prepared(*, run: Run, dataset: Dataset) -> tuple[Dataset, dict[str, Any]]:
    """The dataset as the run wants it, and the report of what was done ({} for nothing).

    scikit-learn is loaded here and not before: a web process never prepares.
    """
    if not run.preparation:
        return dataset, {}
    types = {scope: declared_types_of(run, scope) for scope in Attribute.Scope.values}
    prepare = import_module("recommender.data.preparation.preparing").prepare
    found: tuple[Dataset, dict[str, Any]] = prepare(dataset, PreparationConfig.from_mapping(run.preparation), types)
    return found


def declared_types_of(run: Run, scope: str) -> dict[str, str]:
    return declared_types(catalog=run.catalog, scope=scope)
