"""What the address of an explanation page says: the question, and what is switched off or changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from explain.attribution.game import MARGIN, SCORE
from explain.services.asking import ABOUT, HISTORY, LONGEST, TARGETS, Question
from recommender.models import Catalog
from recommender.views.lab import clean, typed
from recommender.views.paging import whole

LENGTHS = (5, 10, 20, 50)
SET, CONTEXT = "set.", "context."
UNKNOWN = "?"
"""Stands in the address for an attribute that is not known."""
LONGEST_ADDRESS = 6000
"""Characters; of more, what was switched off last is left out. gunicorn takes 8190 with the path."""


class State(NamedTuple):
    """`without`: items of the history that are switched off; `said`: (attribute, value), `moment`: (name, value)."""

    person: str
    item: str
    run: int | None = None
    method: str = ""
    target: str = SCORE
    other: str = ""
    k: int = 10
    units: str = HISTORY
    without: tuple[str, ...] = ()
    said: tuple[tuple[str, str], ...] = ()
    moment: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, request: HttpRequest, person: str, item: str) -> State:
        given = request.GET
        other = clean(given.get("other", ""))
        target = given.get("target") or (MARGIN if other else SCORE)
        run, units = whole(given.get("run"), 0), given.get("units", HISTORY)
        return cls(
            person, item,
            run=run if 0 < run < 2**63 else None,
            method=clean(given.get("method", ""))[:50],
            target=target if target in TARGETS else SCORE,
            other=other if target == MARGIN else "",
            k=min(LONGEST, max(1, whole(given.get("k"), 10))),
            units=units if units in ABOUT else HISTORY,
            without=tuple(dict.fromkeys(filter(None, map(clean, given.getlist("without"))))),
            said=_named(given, SET), moment=_named(given, CONTEXT),
        )  # fmt: skip

    def pairs(self) -> list[tuple[str, str]]:
        """As parameters, without what is as it is anyway."""
        plain = [("run", str(self.run or "")), ("method", self.method), ("other", self.other)]
        plain += [("target", self.target if self.target != (MARGIN if self.other else SCORE) else "")]
        plain += [("k", str(self.k) if self.k != 10 else ""), ("units", self.units if self.units != HISTORY else "")]
        given = [pair for pair in plain if pair[1]]
        given += [(SET + name, value) for name, value in self.said]
        given += [(CONTEXT + name, value) for name, value in self.moment]
        room = LONGEST_ADDRESS - len(urlencode(given))
        off = [("without", item) for item in self.without]
        fits = sum(total <= room for total in accumulate(1 + len(urlencode([pair])) for pair in off))
        return given + off[:fits]

    def query(self) -> str:
        pairs = self.pairs()
        return "?" + urlencode(pairs) if pairs else ""

    def address(self, catalog: Catalog, name: str = "explanation") -> str:
        return reverse(name, args=[catalog.name, self.person, self.item]) + self.query()

    @property
    def changed(self) -> bool:
        """Whether anything is other than it is stored."""
        return bool(self.without or self.said or self.moment)

    def as_it_is(self) -> State:
        return self._replace(without=(), said=(), moment=())

    def question(self, catalog: Catalog, kinds: Mapping[str, str], *, searched: bool = False) -> Question:
        """`kinds`: type by name of the attributes that may be said; others are not asked about."""
        said = {name: typed(value, kinds[name]) for name, value in self.said if name in kinds and value != UNKNOWN}
        unknown = {name: None for name, value in self.said if value == UNKNOWN}
        return Question(
            catalog.pk, self.person, self.item, run=self.run, method=self.method, target=self.target, other=self.other,
            k=self.k, context=dict(self.moment), without=frozenset(self.without), attributes=said | unknown,
            searched=searched, about=self.units,
        )  # fmt: skip


def _named(given: Any, prefix: str) -> tuple[tuple[str, str], ...]:
    found = [(clean(name.removeprefix(prefix)), clean(given[name])) for name in given if name.startswith(prefix)]
    return tuple((name, value) for name, value in found if name and value)[:20]


def hidden(pairs: Sequence[tuple[str, str]], *but: str) -> list[tuple[str, str]]:
    """What a form must carry on, without the fields that it has itself (by name or by prefix)."""
    return [pair for pair in pairs if not pair[0].startswith(but)] if but else list(pairs)
