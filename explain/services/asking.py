"""From a question ("why this?") to the recommender, the history and the item it is about."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from explain.attribution.game import ITEM_FIELD, MARGIN, OLDER, PROBABILITY, SCORE, Game, Target, Unit
from explain.attribution.sentences import SAID_OF_IT
from explain.exceptions import CannotExplain, Gone, Unknown
from explain.selectors import named
from explain.selectors.named import Named
from recommender.algorithms.base import ranks_of, top_k
from recommender.data.dataset import Float, Histories, Int
from recommender.exceptions import BadCheckpoint, BadInput, Conflict
from recommender.models import EndUser, Item, Run
from recommender.selectors import hot
from recommender.selectors import serving as select
from recommender.services import loaded, serving
from recommender.services.deploying import Served

TARGETS = (SCORE, PROBABILITY, MARGIN)
HISTORY, FIELDS, EVERYTHING = "history", "fields", "everything"
ABOUT: Mapping[str, Mapping[str, bool]] = {
    HISTORY: {},
    FIELDS: {"with_history": False, "with_item_fields": True},
    EVERYTHING: {"with_item_fields": True},
}
"""What an explanation is about, as options of Game: the history with what is known of person and moment; that with what
is said of the item, and no history; all of it."""
REMOVAL, OF_FIELDS, ENTRY = CHANGES = ("removal", "fields", "entry")
"""What is looked for that would have to be different: what takes the item out if it had never been met, which fields
do, what would bring it in."""
LONGEST = 100
"""Items of a list at most that an explanation looks at."""


@dataclass(frozen=True)
class Question:
    """`user`, `item`, `other` are the client's ids. `run`: another succeeded run than the deployed one; `method` ""
    leaves it to the recommender; `other`: the item that a margin is over ("why this, not that?"), without one it is
    over the rest of the list of `k`. `context` is what is said of the moment; `without`, `attributes` are what-ifs:
    items of the history left out, attributes that differ from what is stored (None: not known)."""

    catalog_id: int
    user: str
    item: str
    run: int | None = None
    method: str = ""
    target: str = SCORE
    other: str = ""
    k: int = 10
    context: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[str] = frozenset()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    searched: bool = True
    """Whether a counterfactual is looked for."""
    about: str = HISTORY
    changes: str = REMOVAL

    @property
    def stored(self) -> bool:
        """Whether it asks about what is stored of the person and nothing else, so that the answer can be kept."""
        return not (self.context or self.without or self.attributes)


@dataclass(frozen=True)
class Case:
    """`histories`: the person's one row in positions of `served.items`; `scores` (n_items,) with −inf where an item is
    not shown; `names` of the items of the history and the list, by position; `rank` of the item, None where it is not
    shown; `met` whether the person met it already."""

    question: Question
    person: hot.Person
    served: Served
    histories: Histories
    hidden: Int
    item: Named
    target: Target
    scores: Float
    names: Mapping[int, Named]
    rank: int | None
    met: bool

    def game(self, about: str = "", **options: Any) -> Game:
        """`about`: one of ABOUT, else what the question is about."""
        asked = {**ABOUT[about or self.question.about], **options}
        return Game(self.served.model, self.histories, self.target, hidden=self.hidden, **asked)

    @cached_property
    def said(self) -> Mapping[str, Any]:
        """What is said of the item, by name."""
        return named.said_of(self.question.catalog_id, self.item.key)

    def label(self, unit: Unit) -> str:
        """A unit in words."""
        if isinstance(unit.key, int):
            found = self.names.get(unit.key)
            return found.label if found else f"item {unit.key}"
        if unit.kind == OLDER:
            return f"{unit.value:,} things before those"
        value = self.said.get(unit.key) if unit.kind == ITEM_FIELD else unit.value
        told = f"{unit.key} {_listed(value)}" if value not in (None, "") else unit.key
        return SAID_OF_IT + told if unit.kind == ITEM_FIELD else told

    def hides(self, unit: Unit) -> bool:
        """Whether it is an item that is hidden, or there no more: nobody outside is told of it."""
        found = self.names.get(unit.key) if isinstance(unit.key, int) else None
        return isinstance(unit.key, int) and (found is None or found.hidden)

    def id_of(self, unit: Unit) -> str:
        """The client's id of an item, the name of anything else."""
        if isinstance(unit.key, int):
            found = self.names.get(unit.key)
            return found.client_id if found else str(unit.key)
        return unit.key


def case_of(question: Question) -> Case:
    """Raises Unknown, BadInput (fields target, other, k, run), CannotExplain, Conflict, Gone."""
    _check(question)
    person = hot.person(question.catalog_id, question.user)
    if person.id is None:
        raise Unknown(f"There is no person “{question.user}” in this catalog.", field="user")
    ids = [each for each in (question.item, question.other) if each]
    found = named.items_by_id(question.catalog_id, ids)
    for name, each in (("item", question.item), ("other", question.other)):
        if each and each not in found:
            raise Unknown(f"There is no item “{each}” in this catalog.", field=name)
    served = _served(question, person)
    histories = histories_of(question, person, served)
    hidden = served.items.positions(named.hidden_items(question.catalog_id))
    hidden = hidden[hidden >= 0]
    position = _position(served, found[question.item], "item")
    seen = served.items.positions(person.past.items)
    scores = shown_scores(served, histories, seen[seen >= 0], hidden)
    place = float(ranks_of(scores[None], np.zeros(1, dtype=np.int64), np.array([position]))[0])
    rank = None if np.isinf(place) else int(place)
    listed = top_k(scores[None], min(LONGEST, max(question.k, 10)))[0][0]
    listed = listed[listed >= 0]
    target = _target(question, served, position, found, listed)
    spoken = np.unique(np.concatenate([histories.items, listed, target.items]))
    keys = served.items.keys[spoken]
    told = named.items_by_key(question.catalog_id, keys)
    names = {int(at): told[int(key)] for at, key in zip(spoken, keys, strict=True) if int(key) in told}
    met = bool((seen == position).any())
    return Case(
        question, person, served, histories, hidden, found[question.item], target, scores, names, rank, met
    )  # fmt: skip


def histories_of(question: Question, person: hot.Person, served: Served) -> Histories:
    """The person's row as the recommender would be asked now, with the question's what-ifs."""
    past = person.past
    at = served.items.positions(past.items)
    if question.without:
        gone = named.items_by_id(question.catalog_id, question.without).values()
        at = np.where(np.isin(past.items, [each.key for each in gone]), -1, at)
    known: dict[str, Any] = {}
    if serving.reads_fields(served) and person.id is not None:
        known = {**select.attributes_of(person.id), **question.attributes}
    return select.as_histories(past, at, context=question.context, now=time.time(), attributes=known)


def shown_scores(served: Served, histories: Histories, met: Int, hidden: Int) -> Float:
    """(n_items,) −inf for what the person met (also what is switched off) and what is hidden."""
    scores = np.array(served.model.score(histories)[0], dtype=np.float32)
    scores[met] = -np.inf
    scores[hidden] = -np.inf
    return scores


def whole(question: Question) -> Question:
    """The same without any what-if."""
    return replace(question, without=frozenset(), attributes={}, context={})


def still_there(case: Case) -> None:
    """Raises Gone where the run, the person or the item was deleted while the answer was worked out."""
    rows = (
        (Run.objects.filter(pk=case.served.run_id), f"Run {case.served.run_id}", "Ask about another run."),
        (EndUser.objects.filter(pk=case.person.id), f"“{case.question.user}”", "Nothing is known of them any more."),
        (Item.objects.filter(pk=case.item.key), f"“{case.item.label}”", "Ask about another item."),
    )
    for found, what, advice in rows:
        if not found.exists():
            raise Gone(f"{what} was deleted while the explanation was worked out. {advice}")


def _check(question: Question) -> None:
    if question.target not in TARGETS:
        raise BadInput(f"The target is one of: {', '.join(TARGETS)}.", field="target")
    if not 1 <= question.k <= LONGEST:
        raise BadInput(f"k must be a whole number from 1 to {LONGEST}.", field="k")
    if question.about not in ABOUT:
        raise BadInput(f"An explanation is about one of: {', '.join(ABOUT)}.", field="units")
    if question.changes not in CHANGES:
        raise BadInput(f"Changes are one of: {', '.join(CHANGES)}.", field="changes")
    if question.other and question.target != MARGIN:
        raise BadInput("An item to compare with needs the target “margin”.", field="other")
    if question.other == question.item and question.other:
        raise BadInput("An item has no margin over itself; name another.", field="other")


def _listed(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _served(question: Question, person: hot.Person) -> Served:
    asked = serving.Question(catalog_id=question.catalog_id, user=question.user, run=question.run)
    run_id = serving.run_of(asked, person)
    if run_id is None:
        raise Conflict("No recommender is in service: every list is the popular one. Name a run, or deploy one.")
    try:
        return loaded.get(run_id)
    except Run.DoesNotExist as error:
        raise Gone(f"Run {run_id} was deleted.") from error
    except BadCheckpoint as error:
        raise Conflict(str(error)) from error


def _position(served: Served, item: Named, name: str) -> int:
    at = int(served.items.positions(np.array([item.key]))[0])
    if at < 0:
        raise CannotExplain(
            f"{item.label} came after the training of run {served.run_id}, which does not score it. Train again.",
            field=name,
        )
    return at


def _target(question: Question, served: Served, position: int, found: Mapping[str, Named], listed: Int) -> Target:
    if question.target != MARGIN:
        return Target(position, question.target)
    if question.other:
        return Target(position, MARGIN, (_position(served, found[question.other], "other"),))
    rest = [int(at) for at in listed[: question.k + 1] if at != position][: max(1, question.k - 1)]
    return Target(position, MARGIN, tuple(rest))
