"""Explanations of many people's lists as a file: JSON lines, a document each (as the API gives one)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import IO, Any

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
    """A line for each item of each person's list; what cannot be explained, and who is not there, has its reason on
    its line. Written as they are made, to a temporary file that is gone with this process."""
    people, file = _people(row), tempfile.TemporaryFile()  # noqa: SIM115 (whoever takes it closes it)
    try:
        counts = _written(file, row, people, told)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return Done(counts, people=len(people), content=file, ending="jsonl")


def _written(file: IO[bytes], row: Examination, people: Sequence[str], told: Progress) -> dict[str, int]:
    """How many lines there are, and how many of them are refusals."""
    rows = refused = 0
    for document in chain(_unknown(row, people), _explained(row, people, told)):
        file.write(json.dumps(document, ensure_ascii=False).encode() + b"\n")
        rows, refused = rows + 1, refused + ("error" in document)
    return {"rows": rows, "refused": refused}


def _people(row: Examination) -> list[str]:
    """Ids of whom is asked about, of those that are there."""
    everyone = EndUser.objects.filter(catalog_id=row.run.catalog_id).order_by("id")
    if (users := row.settings.get("users")) is not None:
        everyone = everyone.filter(client_id__in=users)
    return list(everyone.values_list("client_id", flat=True)[:PEOPLE])


def _unknown(row: Examination, people: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """A line for each of those asked about who are not there."""
    there = set(people)
    for user in dict.fromkeys(row.settings.get("users") or ()):
        if user not in there:
            yield {"run": row.run_id, "user": user, "error": f"There is no person “{user}” in this catalog."}


def _explained(row: Examination, people: Sequence[str], told: Progress) -> Iterator[Mapping[str, Any]]:
    """Each person's lines; whether it was cancelled is asked before each item."""
    for at, user in enumerate(people):
        words, share = f"explaining {user}’s list", at / len(people)
        told.say(words, share)
        for document in _of_person(row, user):
            yield document
            told.say(words, share)


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
            yield explain(replace(question, item=each.item), in_request=False, keep=False)
        except (CannotExplain, Unknown) as error:
            yield {"run": row.run_id, "user": user, "item": each.item, "error": str(error)}
