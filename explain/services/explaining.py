"""One explanation as a document: what each unit adds, what would take the item out of the list, a sentence, and how far
all of it can be trusted. Kept by run, history and method; it dies with the data it came from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from explain.attribution import registry
from explain.attribution.base import Attribution, Values
from explain.attribution.counterfactual import Counterfactual, removal
from explain.attribution.game import Game, Unit
from explain.attribution.in_request import IN_REQUEST, too_slow
from explain.attribution.sentences import listed, sentence
from explain.exceptions import CannotExplain
from explain.models import Explanation
from explain.services import badges, changing
from explain.services.asking import FIELDS, HISTORY, Case, Question, case_of, still_there
from recommender.services import adaptation, answers

KEPT_DAYS = 1
"""How long an explanation is kept at most: what it names may have changed since, without it being asked for again."""
SEARCHED = 600
"""Sets of things that the search for a counterfactual tries at most, so that a request is not kept waiting."""
VERSION = 3
"""Raised whenever documents change their form, so that kept ones are made anew."""
Document = dict[str, Any]
STAYS = "SELECT 1 FROM recommender_enduser WHERE id = %s FOR KEY SHARE SKIP LOCKED"
"""A row where the person is there and nobody is erasing them, which then waits until this transaction ends."""


def explain(question: Question, *, in_request: bool = True, keep: bool = True) -> Document:
    """The document (see docs/explanations.md). In a request from what is kept where nothing it depends on has changed,
    and else within seconds; not in a request without any limit. `keep`: whether it is kept.

    Raises Unknown, BadInput, CannotExplain, Conflict, Gone.
    """
    case = case_of(question)
    mark = mark_of(case) if question.stored and keep else ""
    if mark and in_request and (kept := _kept(case, mark)) is not None:
        return kept
    document = made(case, in_request=in_request)
    still_there(case)
    if mark:
        _keep(case, mark, document)
    return document


def made(case: Case, *, in_request: bool = True) -> Document:
    """The document, worked out now."""
    found = attributed(case, in_request=in_request)
    badge = badges.badge(run_id=case.served.run_id, method=found.method, attribution=found)
    seconds = IN_REQUEST if in_request else None
    over = case.names[case.target.others[0]].label if case.question.other else ""
    said = sentence(
        found, label=case.label, item=case.item.label, over=over, reliable=badge["level"] != "unreliable", met=case.met,
        silent=case.hides, outside=case.rank is None or case.rank > case.question.k,
    )  # fmt: skip
    return {
        "run": case.served.run_id,
        "algorithm": case.served.algorithm,
        "user": case.question.user,
        "item": case.item.client_id,
        "title": case.item.title,
        "rank": case.rank,
        "note": note_of(case),
        "method": found.method,
        **_methods(case.game()),
        "about": case.question.about,
        **_target(case),
        "prediction": found.prediction,
        "baseline": found.baseline,
        "baseline_prediction": found.baseline_prediction,
        "gap": found.gap,
        "relative_gap": found.relative_gap,
        "additive": found.additive,
        "exact": found.exact,
        "badge": badge,
        "units": units_of(case, found),
        **_told(case, seconds=seconds),
        **changing.told(case, seconds=seconds),
        "sentence": said,
        "cost": {"seconds": round(found.cost.seconds, 4), "evaluations": found.cost.evaluations},
        "made": timezone.now().isoformat(timespec="seconds"),
    }


def attributed(case: Case, *, in_request: bool = True) -> Attribution:
    """By the method asked for, or the recommender's default. Raises CannotExplain (field method)."""
    if case.served.algorithm in registry.BY_CHANCE:
        raise CannotExplain(f"“{case.item.label}” was chosen by chance: {case.served.algorithm} has no reasons.")
    game = case.game()
    if not game.units and case.question.about == FIELDS:
        raise CannotExplain(
            f"{case.served.algorithm} reads nothing of what is known of this person and said of this item, only "
            "histories. Ask about the history.",
            field="units",
        )
    if not game.units:
        raise CannotExplain(
            "Nothing is known of this person that the recommender reads, so there is nothing to explain: it shows them "
            "what it shows anyone of whom it knows nothing."
        )
    name = case.question.method or registry.default(game, in_request=in_request)
    if in_request and name in registry.TASKS_ONLY:
        raise CannotExplain(
            f"{name} takes too long for a request. Ask in bulk (POST /api/v1/explanations/) or on the command line.",
            field="method",
        )
    method = registry.get(name, seconds=IN_REQUEST if in_request else None)
    if why := method.refuses(game):
        others = ", ".join(registry.able(game, in_request=in_request)) or "none"
        raise CannotExplain(f"{why} Methods that can explain this: {others}.", field="method")
    if in_request and (why := too_slow(name, game)):
        raise CannotExplain(why, field="method")
    return method.explain(game)


def units_of(case: Case, found: Attribution) -> list[dict[str, Any]]:
    """The strongest first, by size."""
    return rows_of(case, found.units, found.values, found.errors)


def rows_of(case: Case, units: Sequence[Unit], values: Values, errors: Values | None = None) -> list[dict[str, Any]]:
    """`units` in words with their `values` (n_units,) and standard errors, the strongest first, by size."""
    rows = []
    for at in np.argsort(-np.abs(values), kind="stable"):
        unit = units[at]
        row = {"kind": unit.kind, "id": case.id_of(unit), "label": case.label(unit), "value": float(values[at])}
        if errors is not None:
            row["error"] = None if np.isnan(errors[at]) else float(errors[at])
        rows.append(row)
    return rows


def note_of(case: Case) -> str:
    """What is odd about the item, in a sentence."""
    if case.met:
        return "This person met the item already, so it is in no list; its score is explained all the same."
    if case.item.hidden:
        return "The item is hidden from recommendations, so it is in no list; its score is explained all the same."
    if case.rank is not None and case.rank > case.question.k:
        return f"It stands at place {case.rank:,}, outside the list of {case.question.k}."
    return ""


def mark_of(case: Case) -> str:
    """Tells apart whatever the answer depends on beside what is asked."""
    served, person = case.served, case.person
    label = answers.label_of(run_id=served.run_id, path=served.path, version=person.version, mark=person.mark)
    whole = f"{VERSION}\n{adaptation.label_of(served)}\n{label}\n{badges.mark(run_id=served.run_id)}"
    return blake2b(whole.encode(), digest_size=20).hexdigest()


def forget_old() -> int:
    """Drop what was kept for longer than KEPT_DAYS; returns how many."""
    return Explanation.objects.filter(made__lt=timezone.now() - timedelta(days=KEPT_DAYS)).delete()[0]


def _methods(game: Game) -> Document:
    """Names of those that answer in a request, and apart of those that only run as tasks."""
    able = registry.able(game)
    return {
        "methods": [name for name in able if name not in registry.TASKS_ONLY],
        "methods_as_tasks": [name for name in able if name in registry.TASKS_ONLY],
    }


def _target(case: Case) -> dict[str, Any]:
    question = case.question
    return {"target": question.target, "other": question.other or None, "k": question.k}


def counterfactual_of(case: Case, game: Game, *, seconds: float | None) -> Counterfactual | None:
    """What of `game`, which is about the history, takes the item out of the list; None where it is in no list of k."""
    if not game.units or case.rank is None or case.rank > case.question.k:
        return None
    with suppress(CannotExplain):  # of items that score alike, some recommenders order others when asked about many
        return removal(game, k=case.question.k, budget=SEARCHED, seconds=seconds)
    return None


def _told(case: Case, *, seconds: float | None) -> dict[str, Any]:
    """`counterfactual`: the units without which the item leaves the list, [] where there are none within reach."""
    game = case.game(HISTORY, with_fields=False)
    searched = counterfactual_of(case, game, seconds=seconds) if case.question.searched else None
    if searched is None:
        return {"counterfactual": [], "counterfactual_found": None, "counterfactual_text": ""}
    units = [game.units[at] for at in searched.removed]
    rows = [{"kind": unit.kind, "id": case.id_of(unit), "label": case.label(unit)} for unit in units]
    return {
        "counterfactual": rows,
        "counterfactual_found": searched.found,
        "counterfactual_rank": searched.rank_after if searched.found else None,
        "counterfactual_smallest": searched.proven_minimal,
        "counterfactual_text": counterfactual_text(case, searched, [row["label"] for row in rows]),
    }


def counterfactual_text(case: Case, searched: Counterfactual, labels: list[str]) -> str:
    k, item = case.question.k, case.item.label
    if not searched.found:
        return (
            f"No {searched.most} or fewer things of the history were found without which “{item}” would leave the list "
            f"of {k}.{searched.stopped_text}"
        )
    names = listed([f"“{each}”" for each in labels])
    least = "" if searched.proven_minimal else " Fewer may do: not all sets of fewer were tried."
    after = f"place {searched.rank_after:,.0f}" if searched.rank_after != float("inf") else "no place"
    return f"Without {names} in the history, “{item}” would fall from place {case.rank:,} to {after}.{least}"


def _asked(case: Case) -> str:
    question = case.question
    parts = (question.method, question.target, question.other, str(question.k), "1" if question.searched else "0",
             question.about, question.changes)  # fmt: skip
    return blake2b("\x1f".join(parts).encode(), digest_size=20).hexdigest()


def _kept(case: Case, mark: str) -> Document | None:
    rows = Explanation.objects.filter(
        run_id=case.served.run_id, user_id=case.person.id, item_id=case.item.key, asked=_asked(case), mark=mark,
        made__gte=timezone.now() - timedelta(days=KEPT_DAYS),
    )  # fmt: skip
    found: Document | None = rows.values_list("document", flat=True).first()
    return found


def _keep(case: Case, mark: str, document: Document) -> None:
    """Of a person, item or run that is gone meanwhile nothing is kept, nor of a person who is being erased: the person
    is locked first, as an erasure does, so that neither waits for the other in a circle. The answer need not wait for
    the disk: what a crash loses is worked out anew."""
    row = Explanation(
        run_id=case.served.run_id, user_id=case.person.id, item_id=case.item.key, asked=_asked(case), mark=mark,
        document=document,
    )  # fmt: skip
    own = not connection.in_atomic_block
    with suppress(IntegrityError), transaction.atomic():
        with connection.cursor() as cursor:
            if own:
                cursor.execute("SET LOCAL synchronous_commit TO off")
            cursor.execute(STAYS, [case.person.id])
            if cursor.fetchone() is None:
                return
        Explanation.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["user", "item", "run", "asked"],
            update_fields=["mark", "document", "made"],
        )  # fmt: skip
