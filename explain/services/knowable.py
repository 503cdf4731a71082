"""What may be said otherwise of a person and of the moment: attributes and context that the recommender reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explain.selectors import contexts
from explain.services.asking import Case
from recommender.data.dataset import CONTEXT
from recommender.selectors import lab
from recommender.selectors import serving as select
from recommender.services import serving


@dataclass(frozen=True)
class Knowable:
    """`stored`: what is known of it now (of the moment nothing is stored); `values` to choose from, () where it is
    typed."""

    name: str
    kind: str
    stored: Any
    values: tuple[Any, ...]
    of_moment: bool


def knowable(case: Case) -> list[Knowable]:
    """Attributes first, then context; nothing where the recommender reads histories alone."""
    if not serving.reads_fields(case.served) or case.person.id is None:
        return []
    read = getattr(case.served.model, "field_names", None)
    stored, catalog = select.attributes_of(case.person.id), contexts.catalog_of(case.question.catalog_id)
    found = [
        Knowable(row["name"], row["type"], stored.get(row["name"]), tuple(row["values"]), of_moment=False)
        for row in lab.attribute_choices(catalog) if read is None or row["name"] in read
    ]  # fmt: skip
    seen = contexts.values_of_context(case.question.catalog_id)
    found += [
        Knowable(name, "category", None, values, of_moment=True)
        for name, values in seen.items() if read is None or CONTEXT + name in read
    ]  # fmt: skip
    return found


def alternatives(case: Case) -> dict[str, list[Any]]:
    """By name as in Histories.fields, the values that a field may have instead."""
    rows = [row for row in knowable(case) if row.values]
    return {(CONTEXT if row.of_moment else "") + row.name: list(row.values) for row in rows}
