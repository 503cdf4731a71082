"""A run's preparation from beginning to end, with a report of what each step did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from recommender.data.dataset import Dataset, Histories
from recommender.data.preparation import rows
from recommender.data.preparation.choice import choose
from recommender.data.preparation.columns import NUMBER, TEXT, cast_column, fill, gaps
from recommender.data.preparation.fusion import directions, kinds_of
from recommender.data.preparation.histories import sort_by_time
from recommender.data.preparation.settings import PreparationConfig

Types = Mapping[str, Mapping[str, str]]
Step = tuple[str, Callable[[Histories], Histories]]
Report = dict[str, Any]


def prepare(dataset: Dataset, config: PreparationConfig, types: Types) -> tuple[Dataset, Report]:
    """The prepared dataset and the report. `types`: side → attribute → declared type.

    The axes of people and items stay, so that keys keep their positions: who is left out has an empty history.
    Deterministic: the same data and settings give the same result.
    """
    report: Report = {"before": size(dataset.histories), "steps": [], "columns": [], "features": []}
    dataset = dataset.with_histories(sort_by_time(dataset.histories))
    dataset = prepare_rows(dataset, config, report)
    dataset = prepare_columns(dataset, config, types, report)
    if config.choose != "keep":
        kinds = kinds_of(dataset, types)
        dataset, report["features"], report["target"] = choose(dataset, kinds, config.choose, config.columns)
    if config.fuse:
        added = directions(dataset, kinds_of(dataset, types)["item"], config.components)
        dataset = replace(dataset, item_fields=pd.concat([dataset.item_fields, added], axis=1))
        report["fused"] = [str(name) for name in added]
    fields = {str(name): dataset.user_fields[name].to_numpy(dtype=object) for name in dataset.user_fields}
    dataset = dataset.with_histories(replace(dataset.histories, fields=fields))
    report["after"] = size(dataset.histories)
    return dataset, report


def size(histories: Histories) -> dict[str, int]:
    """How many interactions there are, and people and items that have any."""
    return {
        "interactions": len(histories.items),
        "people": int((histories.lengths > 0).sum()),
        "items": len(np.unique(histories.items)),
    }


def prepare_rows(dataset: Dataset, config: PreparationConfig, report: Report) -> Dataset:
    histories = dataset.histories
    for name, step in row_steps(dataset, config, report):
        before, values = size(histories), histories.values
        histories = step(histories)
        told: dict[str, Any] = {"step": name, "before": before, "after": size(histories)}
        if len(histories.values) == len(values):
            told["changed"] = int((histories.values != values).sum())
        report["steps"].append(told)
    return dataset.with_histories(histories)


def row_steps(dataset: Dataset, config: PreparationConfig, report: Report) -> list[Step]:
    """What `config` asks for, in order."""

    def busy(histories: Histories) -> Histories:
        found, limit, people = rows.without_busy(histories, config.busy, config.busy_limit)
        report["busy"] = {"limit": round(limit, 2), "people": people}
        return found

    scaled = config.scale_low is not None or config.scale_high is not None
    possible: list[tuple[bool, str, Callable[[Histories], Histories]]] = [
        (config.duplicates == "drop", "duplicates", rows.drop_duplicates),
        (scaled, "scale", lambda one: rows.within_scale(one, config.scale_low, config.scale_high, config.outside)),
        (
            config.contradictions != "keep",
            "contradictions",
            lambda one: rows.settle_contradictions(one, config.contradictions),
        ),
        (config.repeats == "last", "repeats", rows.only_last),
        (config.busy != "keep", "busy", busy),
        (
            max(config.min_person, config.min_item) > 1,
            "minimal counts",
            lambda one: rows.minimal(
                one, dataset.n_items, config.min_person, config.min_item, core=config.core
            ),
        ),
    ]  # fmt: skip
    return [(name, step) for wanted, name, step in possible if wanted]


def prepare_columns(dataset: Dataset, config: PreparationConfig, types: Types, report: Report) -> Dataset:
    """Types and gaps of the attributes of people and items."""
    fills = config.column_fills()
    kinds = kinds_of(dataset, types)
    frames = {"user": dataset.user_fields, "item": dataset.item_fields}
    done = {}
    for side, frame in frames.items():
        found = {}
        for name in map(str, frame.columns):
            kind = kinds[side][name]
            general = "keep" if kind == TEXT else config.gaps_number if kind == NUMBER else config.gaps_word
            how = fills.get((side, name), general)
            declared = types.get(side, {}).get(name, "") if config.cast else ""
            column = prepare_column(frame[name], kind, how, declared, {"side": side, "column": name}, report)
            if column is not None:
                found[name] = column
        done[side] = pd.DataFrame(found, index=frame.index)
    return replace(dataset, user_fields=done["user"], item_fields=done["item"])


def prepare_column(
    column: pd.Series, kind: str, how: str, declared: str, about: dict[str, str], report: Report
) -> pd.Series | None:
    """The column cast and filled, None where it is left out; what was done is added to the report."""
    before = int(gaps(column).sum())
    cast = cast_column(column, declared) if declared else column
    lost = int(gaps(cast).sum()) - before
    if how == "drop" and before + lost:
        report["columns"].append(
            {**about, "type": kind, "gaps": before, "cast": lost, "how": "left out", "after": None}
        )
        return None
    found, value = (cast, None) if how in ("keep", "drop") else fill(cast, kind, how)
    if before or lost:
        after = int(gaps(found).sum())
        told = {**about, "type": kind, "gaps": before, "cast": lost, "how": how, "after": after}
        report["columns"].append(told | ({"with": value} if value is not None else {}))
    return found
