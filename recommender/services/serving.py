"""Recommendations for one person, now: which recommender answers, what it may not show, and why it chose.

The deployed recommender is held in this process. Which run is deployed is asked with every answer, in the one
statement that also reads the person's history.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recommender.algorithms import registry
from recommender.algorithms.base import top_k
from recommender.data.dataset import Float, IdMap, Int
from recommender.data.filters import Condition
from recommender.exceptions import BadCheckpoint, BadInput, Conflict
from recommender.metrics import ANSWERS
from recommender.selectors import hot, nearness
from recommender.selectors import serving as select
from recommender.services import (
    adaptation,
    answers,
    deploying,
    diversity,
    impressions,
    loaded,
    popular,
    reasons,
    remedies,
    shelf,
)

FALLBACK = "popular"
TOGETHER, TEXT = "together", "text"
SPARE = 20
"""Items looked up beyond those asked for, since some may be hidden."""


@dataclass(frozen=True)
class Question:
    """`user` is the client's id; `run` another succeeded run than the deployed one; `profiled` whether the list may
    depend on the person; `context` is what the client says of the moment."""

    catalog_id: int
    user: str
    n: int = 10
    offset: int = 0
    condition: Condition | None = None
    """What items must meet (`filter`)."""
    diversity: float = 0.0
    """0: by score alone; 1: each as unlike those before it as can be."""
    excluded: frozenset[str] = frozenset()
    run: int | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """What is said of someone of whom nothing is stored."""
    profiled: bool = True
    noted: bool = True
    """Whether the answer is kept as an impression; one that an analyst only looks at is not."""


@dataclass(frozen=True)
class Recommended:
    item: str
    title: str
    rank: int
    score: float
    reason: reasons.Reason


@dataclass(frozen=True)
class Answer:
    """`run` is None and `algorithm` "popular" where no run made the list. `impression`: see impressions.described;
    `label`: on what the answer depends (services.answers), "" where it must be made anew each time."""

    recommendation_id: uuid.UUID
    run: int | None
    algorithm: str
    user: str
    items: list[Recommended]
    impression: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    remedy: dict[str, Any] | None = None
    """See remedies.remedy_of."""


@dataclass(frozen=True)
class Ranking:
    """Scores (n_items,) of the items with database keys `items`; −inf where one must not appear."""

    items: IdMap
    scores: Float

    def without(self, keys: Int) -> Ranking:
        at = self.items.positions(keys)
        self.scores[at[at >= 0]] = -np.inf
        return self

    def only(self, keys: Int) -> Ranking:
        at = self.items.positions(keys)
        kept = np.zeros(len(self.items), dtype=bool)
        kept[at[at >= 0]] = True
        self.scores[~kept] = -np.inf
        return self


@dataclass(frozen=True)
class Place:
    """An item of a list: its database key, its id and title, its score."""

    key: int
    item: select.Shown
    score: float


def recommend(question: Question) -> Answer:
    """The answer, kept as an impression. Raises BadInput where `run` is not a succeeded run of this catalog
    that makes lists."""
    person = hot.person(question.catalog_id, question.user) if question.profiled else hot.nobody(question.catalog_id)
    answer = answered(question, person)
    if question.noted:
        impressions.note(answer.recommendation_id, answer.impression)
    return answer


def answered(question: Question, person: hot.Person) -> Answer:
    """The answer to whoever `person` is, not yet kept as an impression."""
    run_id = run_of(question, person)
    made = None
    # Both asked before it scores, not after.
    lasting = run_id is not None and not loaded.behind(run_id, person.version)
    path = loaded.path(run_id) if run_id is not None and lasting else ""
    if run_id is not None and question.profiled:
        made = _by_model(question, run_id, person)
    if made is None:
        made = _by_popularity(question, person, deployed=run_id is not None)
        run_id = None
    algorithm, places, explained, remedy = made
    ANSWERS.labels(algorithm).inc()
    shown = [
        Recommended(place.item.client_id, place.item.title, question.offset + at, place.score, reason)
        for at, (place, reason) in enumerate(zip(places, explained, strict=True), start=1)
    ]
    about = _impression(question, person, run_id, places)
    label = _label(question, person, run_id, path) if lasting else ""
    return Answer(uuid.uuid4(), run_id, algorithm, question.user, shown, about, label, remedy)


def _impression(question: Question, person: hot.Person, run_id: int | None, places: list[Place]) -> dict[str, Any]:
    return impressions.described(
        catalog_id=question.catalog_id,
        user_id=person.id,
        run_id=run_id,
        items=[place.key for place in places],
        scores=[place.score for place in places],
        offset=question.offset,
        context=dict(question.context),
    )


def _label(question: Question, person: hot.Person, run_id: int | None, path: str) -> str:
    """Lists that are not the deployed recommender's depend on more than a label says."""
    if question.run is not None or run_id is None or person.id is None:
        return ""
    return answers.label_of(run_id=run_id, path=path, version=person.version, mark=person.mark)


Made = tuple[str, list[Place], list[reasons.Reason], dict[str, Any] | None]


def run_of(question: Question, person: hot.Person) -> int | None:
    """The run that answers. Raises BadInput where the one asked for cannot."""
    if question.run is None:
        return None if person.run_id is None else loaded.answering(question.catalog_id, person.run_id)
    run = select.succeeded_run(question.catalog_id, question.run)
    if run is None:
        message = f"There is no finished run {question.run} in this catalog. GET /api/v1/runs/ lists them."
        raise BadInput(message, field="run")
    if run.algorithm in registry.ALGORITHMS and not registry.ranks(run.algorithm):
        message = f"Run {run.pk} makes no lists: {run.algorithm} only predicts ratings. Choose another run."
        raise BadInput(message, field="run")
    return run.pk


def _by_model(question: Question, run_id: int, person: hot.Person) -> Made | None:
    """None where the model knows nothing that the person met, or the deployed one cannot be loaded."""
    try:
        served = loaded.get(run_id)
    except (BadCheckpoint, Conflict) as error:
        if question.run is not None:
            raise Conflict(str(error)) from error
        return None
    past = person.past
    at = served.items.positions(past.items)
    known = _attributes(question, served, person)
    histories = select.as_histories(past, at, context=question.context, now=time.time(), attributes=known)
    if not len(histories.items) and not (known and adaptation.adapts(served, 0)):
        return None
    scores = adaptation.scored(
        served,
        histories,
        user_id=person.id,
        mark=person.mark,
        newest=person.newest,
        lasting=not question.context,
    )
    ranking = Ranking(served.items, scores).without(past.items)
    also = past.items if reasons.exact(served.model) else ()
    places, names = _places(question, ranking, person.version, also=also)
    positions = served.items.positions(np.array([place.key for place in places], dtype=np.int64))
    explained = reasons.of(served.algorithm, served.model, histories, positions, served.items, names)
    return served.algorithm, places, explained, remedies.remedy_of(served.algorithm, served.model.config)


def _attributes(question: Question, served: deploying.Served, person: hot.Person) -> Mapping[str, Any]:
    """What is known of who asks, as far as the recommender reads it."""
    if not reads_fields(served):
        return {}
    return question.attributes if person.id is None else select.attributes_of(person.id)


def reads_fields(served: deploying.Served) -> bool:
    """Whether attributes of the person matter to a recommender; others are not read for it."""
    return bool(getattr(served.model, "reads_fields", False))


def _by_popularity(question: Question, person: hot.Person, *, deployed: bool) -> Made:
    past = person.past
    counted = popular.popular(catalog_id=question.catalog_id)
    ranking = Ranking(IdMap(counted.items), counted.counts.copy()).without(past.items)
    places, _ = _places(question, ranking, person.version)
    reason = reasons.popular(profiled=question.profiled, known=len(past.items) > 0, deployed=deployed)
    return FALLBACK, places, [reason] * len(places), None


def popular_items(question: Question) -> list[Place]:
    """What most people met; `question.user` plays no part."""
    counted = popular.popular(catalog_id=question.catalog_id)
    version = select.catalogue_version(question.catalog_id)
    return _places(question, Ranking(IdMap(counted.items), counted.counts.copy()), version)[0]


def latest_items(question: Question) -> list[Place]:
    """What came out last; the score is the day, counted from 1970."""
    counted = popular.latest(catalog_id=question.catalog_id)
    version = select.catalogue_version(question.catalog_id)
    return _places(question, Ranking(IdMap(counted.items), counted.counts.copy()), version)[0]


def similar_items(question: Question, *, item_id: int) -> list[Place]:
    """What people who met the item met besides."""
    counted = popular.similar(catalog_id=question.catalog_id, item_id=item_id)
    version = select.catalogue_version(question.catalog_id)
    return _places(question, Ranking(IdMap(counted.items), counted.counts.copy()), version)[0]


def similar_people(*, catalog_id: int, user_id: int, n: int, offset: int) -> list[tuple[str, float]]:
    """Ids of the people whose histories are most like a person's, with the cosine."""
    counted = popular.people_alike(catalog_id=catalog_id, user_id=user_id)
    order = np.argsort(-counted.counts, kind="stable")
    ids = select.ids_of_people(catalog_id, counted.items.tolist())
    found = [(ids[int(counted.items[at])], float(counted.counts[at])) for at in order if int(counted.items[at]) in ids]
    return found[offset : offset + n]


def similar_by_text(question: Question, *, item_id: int) -> list[Place]:
    """Items of which something alike is said; the score is a cosine. None where nothing is said of the item."""
    version, condition = select.catalogue_version(question.catalog_id), question.condition
    only = None if condition is None else shelf.chosen(question.catalog_id, version, condition)
    count = _needed(question) + len(question.excluded) + SPARE
    rows = nearness.nearest(question.catalog_id, item_id, count=count, only=only)
    keys = np.array([key for key, _ in rows], dtype=np.int64)
    ranking = Ranking(IdMap(keys), np.array([score for _, score in rows], dtype=np.float32))
    return _places(question, ranking, version)[0]


def similar_by(question: Question, *, item_id: int, by: str = "") -> tuple[str, list[Place]]:
    """Similar items "together" or by "text", and which it was; "" takes the texts where nobody met both."""
    places = [] if by == TEXT else similar_items(question, item_id=item_id)
    if by == TEXT or (not by and not any(place.score > 0 for place in places)):
        alike = similar_by_text(question, item_id=item_id)
        return (TEXT, alike) if alike or by else (TOGETHER, places)
    return TOGETHER, places


Named = tuple[list[Place], dict[int, select.Shown]]


def _places(question: Question, ranking: Ranking, version: int, *, also: Iterable[int] = ()) -> Named:
    """The best `n` after `offset` that may be shown, and the names of all that were looked up, `also` included.

    Where this process holds the names of this version of the catalogue, they and the hidden ones come from there.
    """
    if question.condition is not None:
        ranking.only(shelf.chosen(question.catalog_id, version, question.condition))
    held = shelf.get(question.catalog_id, version)
    if held is None:
        return _places_asked(question, ranking, also)
    ranking.scores[held.gone(ranking.items)] = -np.inf
    best, scores = top_k(ranking.scores[None], _needed(question) + len(question.excluded))
    keys = ranking.items.keys[best[0][best[0] >= 0]].tolist()
    names = held.shown([*keys, *also])
    return _found(question, keys, scores[0], names), names


def _places_asked(question: Question, ranking: Ranking, also: Iterable[int]) -> Named:
    """The same from the database: whether an item is hidden (or gone) is asked for the best candidates only, in the
    query that also gives their names; where too few remain, four times as many are tried."""
    need = _needed(question)
    tried = need + SPARE + len(question.excluded)
    while True:
        best, scores = top_k(ranking.scores[None], tried)
        at = best[0][best[0] >= 0]
        keys = ranking.items.keys[at].tolist()
        names = select.shown_items(question.catalog_id, [*keys, *also])
        if len(_showable(question, keys, names)) >= need or len(at) < tried:
            return _found(question, keys, scores[0], names), names
        tried *= 4


def _needed(question: Question) -> int:
    """How many of the best decide what is shown."""
    need = question.offset + question.n
    return max(need, diversity.POOL) if question.diversity else need


def _showable(question: Question, keys: list[int], names: dict[int, select.Shown]) -> list[int]:
    """Places in `keys` of those that have a name and are not excluded."""
    return [at for at, key in enumerate(keys) if key in names and names[key].client_id not in question.excluded]


def _found(question: Question, keys: list[int], scores: Float, names: dict[int, select.Shown]) -> list[Place]:
    """Those of `keys`, best first, that may be shown, in the order asked for: `n` after `offset`."""
    left = _showable(question, keys, names)[: _needed(question)]
    order = diversity.order(question.catalog_id, [keys[at] for at in left], scores[left], question.diversity)
    wanted = [left[place] for place in order[question.offset : question.offset + question.n]]
    return [Place(keys[at], names[keys[at]], float(scores[at])) for at in wanted]


def as_document(answer: Answer) -> dict[str, Any]:
    """The answer in the words of the API."""
    items = [
        {"item": each.item, "rank": each.rank, "score": each.score, "reason": each.reason._asdict()}
        for each in answer.items
    ]
    return {
        "recommendation_id": str(answer.recommendation_id),
        "run": answer.run,
        "algorithm": answer.algorithm,
        "user": answer.user,
        "remedy": answer.remedy,
        "items": items,
    }
