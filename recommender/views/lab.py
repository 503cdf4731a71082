"""The cold-start lab: someone made up, a few answers, and how the lists of recommenders that adapt change with each.

All that is said and answered stands in the address; nothing is stored.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from recommender.data.support import RATING, Given
from recommender.exceptions import BadCheckpoint, BadInput, Conflict
from recommender.models import Catalog, Item, Run
from recommender.selectors import lab as select
from recommender.selectors import pages
from recommender.selectors import serving as serving_select
from recommender.services import lab
from recommender.templatetags.pages import plain
from recommender.views.comparing import bars, movement
from recommender.views.frame import page, show
from recommender.views.lab_shots import shots_context
from recommender.views.paging import clean_text, whole

LENGTHS = (5, 10, 20, 50)
AT_ONCE = 2
ASKED = 5
FOUND = 5
BELOW = ("scenario", "metric")
LONGEST = 6000
"""Characters of an address; of more the oldest skips go. gunicorn takes 8190 with the path (recsite.web)."""
SAID = "is."
"""Begins the name of a parameter that says an attribute of the person."""
TOLD = {
    "unknown": "not in this catalog", "too_new": "came after the training and cannot be placed",
    "repeated": "answered more than once, the last counts", "off_scale": "off the scale, held to its nearest end",
}  # fmt: skip


class State(NamedTuple):
    """What the address says. `answers` (item, value or None for taken without a rating), in order; `below` what is
    chosen of the figure below the lab (scenario, metric)."""

    runs: tuple[int, ...]
    answers: tuple[tuple[str, float | None], ...]
    skipped: tuple[str, ...]
    said: tuple[tuple[str, str], ...]
    k: int
    since: str
    below: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, request: HttpRequest) -> State:
        given = request.GET
        pairs = [answer_of(text) for text in given.getlist("a")]
        answers = dict(pair for pair in pairs if pair is not None)  # of two answers about an item the last counts
        said = [(name[len(SAID) :], value.strip()[:200]) for name, value in given.items() if name.startswith(SAID)]
        return cls(
            runs=tuple(dict.fromkeys(whole(text, 0) for text in given.getlist("run"))),
            answers=tuple(answers.items())[-lab.MOST_ANSWERS :],
            skipped=tuple(dict.fromkeys(clean(text) for text in given.getlist("skip")))[-200:],
            said=tuple((name, clean(value)) for name, value in said if value),
            k=whole(given.get("k"), 10, LENGTHS),
            since="start" if given.get("since") == "start" else "last",
            below=tuple((name, clean(given[name])) for name in BELOW if given.get(name)),
        )

    def pairs(self) -> list[tuple[str, str]]:
        """As parameters, in an order that never changes; of skips the newest that an address has room for."""
        given = [("run", str(run)) for run in self.runs]
        given += [(SAID + name, value) for name, value in self.said]
        given += [("a", f"{number(value)}:{item}") for item, value in self.answers]
        rest = [("k", str(self.k)), ("since", self.since), *self.below]
        skips = [("skip", item) for item in self.skipped]
        lengths = [1 + len(urlencode([pair])) for pair in reversed(skips)]
        room = LONGEST - len("?" + urlencode([*given, *rest]))
        kept = sum(total <= room for total in accumulate(lengths))
        return [*given, *skips[len(skips) - kept :], *rest]

    def address(self) -> str:
        return "?" + urlencode(self.pairs())

    def answered(self, item: str, value: float | None) -> State:
        kept = tuple(pair for pair in self.answers if pair[0] != item)
        return self._replace(answers=(*kept, (item, value)))

    def without(self, item: str) -> State:
        return self._replace(answers=tuple(pair for pair in self.answers if pair[0] != item))

    def skipping(self, item: str) -> State:
        return self._replace(skipped=(*self.skipped, item))


def clean(text: str) -> str:
    return text.replace("\x00", "")[:200]


def answer_of(text: str) -> tuple[str, float | None] | None:
    """“4:i17” → ("i17", 4.0), “:i17” → ("i17", None); None for nonsense."""
    value, colon, item = clean(text).partition(":")
    if not colon or not item:
        return None
    try:
        found = float(value) if value else None
    except ValueError:
        return None
    return None if found is not None and not math.isfinite(found) else (item, found)


def number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


@require_safe
@page("view")
def cold_start(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    state = State.of(request)
    context = lab_context(request, catalog, state)
    if getattr(request, "htmx", False) and not request.htmx.history_restore_request:  # type: ignore[attr-defined]
        return render(request, "recommender/parts/lab.html", {"catalog": catalog, "fragment": True, **context})
    return show(
        request, "lab", title="Cold start", catalog=catalog, section="cold_start", figures=True,
        **context, **shots_context(request, catalog),
    )  # fmt: skip


def lab_context(request: HttpRequest, catalog: Catalog, state: State) -> dict[str, Any]:
    choice = select.adaptable_runs(catalog)
    there = {run.pk: run for run in choice}
    chosen = [there[pk] for pk in state.runs if pk in there][:AT_ONCE] or choice[:1]
    state = state._replace(runs=tuple(run.pk for run in chosen))
    fields = select.attribute_choices(catalog)
    names = [item for item, _ in state.answers] + list(state.skipped)
    keys = serving_select.keys_of_items(catalog.pk, names)
    person = person_of(catalog, state, fields)
    answered = {item: keys[item] for item, _ in state.answers if item in keys}
    columns = [column(catalog, run, person, answered, state) for run in chosen]
    skipped = [keys[item] for item in state.skipped if item in keys]
    asked, unsure_of = asked_next(catalog, chosen, person, answered, skipped)
    told = titled(catalog, columns, asked, answered)
    levels = select.opinions(catalog).levels.tolist()
    text = clean_text(request)
    return {
        "state": state, "choice": choice, "chosen": [run.pk for run in chosen], "lengths": LENGTHS,
        "fields": [row | {"said": dict(state.said).get(row["name"], "")} for row in fields],
        "columns": [drawn(each, told) for each in columns],
        "asked": [question(row, told, state, levels) for row in asked if row.key in told],
        "found": [found_item(item, state, levels) for item in pages.find_items(catalog, text)[:FOUND]] if text else [],
        "q": text, "unsure_of": unsure_of, "answers": answers_of(state, keys, told), "hidden": state.pairs(),
        "kept": [pair for pair in state.pairs() if pair[0] not in BELOW],
        "toggles": [(words, state._replace(since=since).address(), state.since == since)
                    for since, words in (("last", "Before the last answer"), ("start", "Before any answer"))],
        "start_over": state._replace(answers=(), skipped=(), said=()).address(),
        "undo": state.without(state.answers[-1][0]).address() if state.answers else "",
    }  # fmt: skip


def person_of(catalog: Catalog, state: State, fields: Sequence[Mapping[str, Any]]) -> lab.Person:
    """Answers a second apart, the last one now; attributes in the type that the catalog declares."""
    kinds = {row["name"]: row["type"] for row in fields}
    now, n = time.time(), len(state.answers)
    bare = select.kind_of_answers(catalog)
    answers = [
        Given(item, bare if value is None else RATING, value, now - (n - at))
        for at, (item, value) in enumerate(state.answers)
    ]
    attributes = {name: typed(value, kinds[name]) for name, value in state.said if name in kinds}
    return lab.Person(tuple(answers), {name: value for name, value in attributes.items() if value is not None})


def typed(value: str, kind: str) -> Any:
    if kind == "flag":
        return {"true": True, "false": False}.get(value)
    if kind != "number":
        return value
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def column(catalog: Catalog, run: Run, person: lab.Person, keys: dict[str, int], state: State) -> dict[str, Any]:
    """What one recommender makes of the person, or why it cannot."""
    try:
        return {"run": run, "of": lab.outcome(catalog, run, person, keys, length=state.k, since=state.since)}
    except (BadInput, Conflict, BadCheckpoint) as error:
        return {"run": run, "of": None, "error": f"{error} Choose another run, or train this one again."}


def asked_next(
    catalog: Catalog, chosen: Sequence[Run], person: lab.Person, keys: dict[str, int], skipped: Sequence[int]
) -> tuple[list[lab.Asked], Run | None]:
    """Questions by the first chosen recommender that knows how unsure it is; without one, by what people said alone."""
    for run in chosen:
        try:
            asked = lab.questions(catalog, run, person, keys, skipped=skipped, count=ASKED)
        except (Conflict, BadCheckpoint):
            continue
        if not asked or asked[0].unsure is not None:
            return asked, run if asked else None
    return lab.questions(catalog, None, person, keys, skipped=skipped, count=ASKED), None


def titled(
    catalog: Catalog, columns: Sequence[dict[str, Any]], asked: Sequence[lab.Asked], answered: Mapping[str, int]
) -> dict[int, Item]:
    """Items by key, all that the page names, in one query."""
    wanted = {row.key for row in asked} | set(answered.values())
    for each in columns:
        if of := each["of"]:
            wanted |= {row.key for row in of.after} | set(of.gone) | set(of.before)
            wanted |= {key for left in of.left_out for key in left.lost}
    return pages.items_by_key(catalog, sorted(wanted))


def drawn(each: dict[str, Any], told: Mapping[int, Item]) -> dict[str, Any]:
    """A column of the page: the list after, the list before, what each answer moved, how long it took."""
    of: lab.Outcome | None = each["of"]
    if of is None:
        return each
    places = {row.key for row in of.after}
    answered = {row.key for row in of.left_out}
    shares = bars([row.score for row in of.after])
    after = [
        {
            "rank": rank + 1, "item": told[row.key], "share": share, "score": row.score,
            "move": movement(row.before, rank) if of.before else None,
            "by": told.get(row.by) if row.by is not None else None, "fall": row.fall,
        }
        for rank, (row, share) in enumerate(zip(of.after, shares, strict=True)) if row.key in told
    ]  # fmt: skip
    gone = {key: "answered" if key in answered else "left" for key in of.before if key not in places}
    before = [
        {"rank": rank + 1, "item": told[key], "gone": gone.get(key, "")}
        for rank, key in enumerate(of.before)
        if key in told
    ]
    left = [
        {
            "item": told.get(row.key) if row.key is not None else None, "kept": row.kept, "places": row.places,
            "lost": [told[key] for key in row.lost if key in told],
        }
        for row in of.left_out
    ]  # fmt: skip
    return each | {
        "after": after, "before": before, "left": left, "told": said_of(of),
        "times": [milliseconds(seconds) for seconds in (of.adapted, of.scored, of.without)],
    }  # fmt: skip


def said_of(of: lab.Outcome) -> list[str]:
    return [f"{', '.join(getattr(of.said, name))}: {words}." for name, words in TOLD.items() if getattr(of.said, name)]


def milliseconds(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms" if seconds < 0.1 else f"{1000 * seconds:,.0f} ms"


def question(row: lab.Asked, told: Mapping[int, Item], state: State, levels: Sequence[float]) -> dict[str, Any]:
    """An item to ask about, why, and an address for each answer."""
    why = f"known to {row.people:,}, {plain(row.entropy, 2)} bits"
    if row.unsure is not None:
        why += f", {plain(row.unsure, 2)} times as unsure as on average"
    return found_item(told[row.key], state, levels) | {"why": why}


def found_item(item: Item, state: State, levels: Sequence[float]) -> dict[str, Any]:
    ways = [(number(level), state.answered(item.client_id, level).address()) for level in levels]
    ways = ways or [("Took it", state.answered(item.client_id, None).address())]
    return {"item": item, "ways": ways, "skip": state.skipping(item.client_id).address()}


def answers_of(state: State, keys: Mapping[str, int], told: Mapping[int, Item]) -> list[dict[str, Any]]:
    """What was answered, the last first."""
    return [
        {"id": item, "item": told.get(keys.get(item, 0)), "value": value, "remove": state.without(item).address()}
        for item, value in reversed(state.answers)
    ]
