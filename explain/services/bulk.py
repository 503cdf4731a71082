"""Explanations of many people's lists as a file: JSON lines, a document each (as the API gives one)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from explain.attribution import registry
from explain.attribution.game import SCORE
from explain.exceptions import CannotExplain, Unknown
from explain.models import Examination
from explain.services.asking import TARGETS, Question
from explain.services.examining import Done, create_examination
from explain.services.explaining import explain
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog, EndUser
from recommender.selectors import serving as select
from recommender.services import serving
from recommender.services.progress import Progress

PEOPLE, ITEMS = 10_000, 100
"""People and items of each one's list that a file holds at most."""


def create_bulk(
    *,
    catalog: Catalog,
    run_id: int | None = None,
    users: list[str] | None = None,
    n: int = 10,
    method: str = "",
    target: str = SCORE,
    counterfactuals: bool = False,
    by: Any = None,
) -> Examination:
    """A file that waits to be written: of `users` (everyone without it) the first `n` items each. Raises BadInput
    naming the field, Conflict where nothing is in service."""
    if not 1 <= n <= ITEMS:
        raise BadInput(f"n must be from 1 to {ITEMS}.", field="n")
    if method and method not in registry.METHODS:
        raise BadInput(f"There is no method “{method}”. Known: {', '.join(registry.METHODS)}.", field="method")
    if target not in TARGETS:
        raise BadInput(f"The target is one of: {', '.join(TARGETS)}.", field="target")
    if users is not None and len(users) > PEOPLE:
        raise BadInput(f"At most {PEOPLE:,} people in one file.", field="users")
    wanted = run_id if run_id is not None else select.deployed_run(catalog.pk)
    if wanted is None:
        raise Conflict("Nothing is in service. Deploy a run first, or name one.")
    run = select.succeeded_run(catalog.pk, wanted) if wanted < 2**63 else None
    if run is None:
        raise BadInput(f"There is no finished run {wanted} in this catalog.", field="run")
    asked = {"users": users, "n": n, "method": method, "target": target, "counterfactuals": counterfactuals}
    return create_examination(run=run, kind="bulk", settings=asked, by=by)


def carry_out(row: Examination, told: Progress) -> Done:
    """A line for each item of each person's list; what cannot be explained has its reason on its line."""
    people = _people(row)
    lines, refused = [], 0
    for at, user in enumerate(people):
        told.say(f"explaining {user}’s list", at / max(1, len(people)))
        for document in _of_person(row, user):
            refused += "error" in document
            lines.append(json.dumps(document, ensure_ascii=False))
    content = ("\n".join(lines) + "\n" if lines else "").encode()
    results = {"rows": len(lines), "refused": refused}
    return Done(results, people=len(people), content=content, ending="jsonl")


def _people(row: Examination) -> list[str]:
    """Ids of whom is asked about, of those that are there."""
    everyone = EndUser.objects.filter(catalog_id=row.run.catalog_id).order_by("id")
    if (users := row.settings.get("users")) is not None:
        everyone = everyone.filter(client_id__in=users)
    return list(everyone.values_list("client_id", flat=True)[:PEOPLE])


def _of_person(row: Examination, user: str) -> Iterator[Mapping[str, Any]]:
    asked, catalog_id = row.settings, row.run.catalog_id
    listing = serving.Question(catalog_id, user, n=asked["n"], run=row.run_id, noted=False)
    question = Question(
        catalog_id, user, "", run=row.run_id, method=asked["method"], target=asked["target"], k=asked["n"],
        searched=asked["counterfactuals"],
    )  # fmt: skip
    answer = serving.recommend(listing)
    if answer.run is None:
        yield {
            "run": row.run_id,
            "user": user,
            "error": "Nothing is known of this person; the list is the popular one.",
        }
        return
    for each in answer.items:
        try:
            yield explain(replace(question, item=each.item), in_request=False)
        except (CannotExplain, Unknown) as error:
            yield {"run": row.run_id, "user": user, "item": each.item, "error": str(error)}
