"""One recommender's explanations for many people: every figure of every method, beside random order and greedy removal.

A method is asked about what it is meant to explain: the item the recommender puts first for a person.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from explain.attribution import faithfulness, registry, robustness
from explain.attribution.base import EXACT, GRADIENT, REMOVAL, SAMPLING, SURROGATE, Attribution, Values, rank_agreement
from explain.attribution.faithfulness import FIGURES, Curves, Order
from explain.attribution.game import MARGIN, MOST_UNITS, Game, Kept, Target
from explain.exceptions import CannotExplain
from recommender.algorithms.base import Recommender, top_k
from recommender.data.dataset import Histories, Int

RANDOM, GREEDY = "random order", "greedy removal"
RIVALS = 10
"""Items ranked next, whose mean score a margin is over."""
SLOWER = 5
CURVES = ("deletion_by_count", "insertion_by_count", "deletion_by_share", "insertion_by_share")
Tell = Callable[[int], None]


@dataclass(frozen=True)
class Way:
    """A method and what it explains: the score, or (`margin`) its margin over the mean of the items ranked next."""

    method: str
    margin: bool = False

    @property
    def key(self) -> str:
        return f"{self.method}, margin" if self.margin else self.method

    @property
    def slow(self) -> bool:
        """Whether it asks for many coalitions, or may only be worked out by a worker."""
        return self.method in registry.TASKS_ONLY or registry.get(self.method).kind in (SAMPLING, SURROGATE)


@dataclass(frozen=True)
class Plan:
    """How closely to look. People are taken in the order they are given in, so give them in random order.

    `slow_people`: how many slow ways are tried with (None: all); `close`: how many the figures are found with that ask
    for explanations anew (sensitivity, shuffled weights, another seed), a fifth of them where a way is slow; `draws`:
    random orders of a person, `subsets` of units taken away together, `changes`: small changes of a history. After
    `seconds` in all nobody more is taken up, and after a way's even share of them nobody more for that way, but not
    before `fewest` (None: no limit).
    """

    ways: tuple[Way, ...]
    slow_people: int | None = None
    removed: int = faithfulness.REMOVED
    close: int = 50
    draws: int = 5
    subsets: int = 32
    changes: int = 2
    most_units: int = MOST_UNITS
    seed: int = 0
    seconds: float | None = None
    fewest: int = 20

    def tried(self, way: Way, at: int) -> bool:
        """Whether a way is tried with the person in place `at`."""
        return self.slow_people is None or at < self.slow_people or not way.slow

    def looked_at_closely(self, way: Way, at: int) -> bool:
        return at < (self.close // SLOWER if way.slow else self.close)


@dataclass
class Examined:
    """`rows`: one per person and way, random order and greedy removal among them; `curves`: (way, the four curves) per
    person; `agreement`: (way, other way, rank correlation) per person; `skipped`: people of whom nothing can be
    explained; `cannot`: why a way explained nobody."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    curves: list[tuple[str, Curves]] = field(default_factory=list)
    agreement: list[tuple[str, str, float]] = field(default_factory=list)
    skipped: int = 0
    cannot: dict[str, str] = field(default_factory=dict)


@dataclass
class Clock:
    """How long everything, and each way, took so far, and how many people each way explained."""

    plan: Plan
    began: float = field(default_factory=time.monotonic)
    spent: dict[Way, float] = field(default_factory=dict)
    explained: dict[Way, int] = field(default_factory=dict)

    @contextmanager
    def of(self, way: Way) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.spent[way] = self.spent.get(way, 0.0) + time.monotonic() - began

    def over(self, way: Way) -> bool:
        """Whether the way's share of the time is used up."""
        plan, enough = self.plan, self.explained.get(way, 0) >= self.plan.fewest
        return enough and plan.seconds is not None and self.spent[way] > plan.seconds / len(plan.ways)

    def ended(self, people: int) -> bool:
        """Whether, `people` being examined, nobody more is."""
        plan = self.plan
        return plan.seconds is not None and people >= plan.fewest and time.monotonic() - self.began > plan.seconds


def default_ways() -> tuple[Way, ...]:
    """Every registered method on the score, and on the margin those that answer within a request without drawing."""
    methods = {name: registry.get(name) for name in registry.METHODS}
    plain = tuple(Way(name) for name in methods)
    kinds = (EXACT, GRADIENT, REMOVAL)
    return plain + tuple(Way(name, margin=True) for name, each in methods.items() if each.quick and each.kind in kinds)


def examine(
    model: Recommender,
    histories: Histories,
    people: Int,
    plan: Plan,
    *,
    hidden: Int | None = None,
    again: Recommender | None = None,
    tell: Tell = lambda done: None,
) -> Examined:
    """Explain the first item of every row of `histories` in all the `plan`'s ways and measure what was said.

    `people` (n,) keys that name the rows; `again`: the same recommender trained with another seed; `tell(done)` after
    each person, may raise.
    """
    shuffled = robustness.randomised(model, np.random.default_rng(plan.seed)) if plan.close else None
    told, clock, hidden = Examined(), Clock(plan), np.empty(0, dtype=np.int64) if hidden is None else hidden
    for at in range(len(histories)):
        if clock.ended(at - told.skipped):
            break
        person = _Person(model, histories.select(np.array([at])), hidden, clock, at)
        if person.item < 0 or not person.game.units:
            told.skipped += 1
        else:
            others = {"retrained": again, "randomised": shuffled}
            _one(person, int(people[at]), {name: each for name, each in others.items() if each is not None}, told)
        tell(at + 1)
    answered = {row["way"] for row in told.rows}
    told.cannot = {way: why for way, why in told.cannot.items() if way not in answered}
    return told


class _Person:
    """One person's games: of the score, and of the margin over what is ranked next."""

    def __init__(self, model: Recommender, history: Histories, hidden: Int, clock: Clock, at: int) -> None:
        plan = clock.plan
        self.plan, self.clock, self.at, self.rng = plan, clock, at, np.random.default_rng((plan.seed, at))
        scores = np.array(model.score(history), dtype=np.float32)
        scores[:, np.concatenate([history.items, hidden])] = -np.inf
        best = top_k(scores, 1 + RIVALS)[0][0]
        self.item = int(best[0]) if len(best) else -1
        self.rivals = tuple(best[1:][best[1:] >= 0].tolist())
        self.game = Game(model, history, Target(max(0, self.item)), hidden, most_units=plan.most_units)

    def asked(self, way: Way) -> Game:
        if not way.margin:
            return self.game
        return replace(self.game, target=Target(self.item, MARGIN, self.rivals))


def _one(person: _Person, key: int, others: dict[str, Recommender], told: Examined) -> None:
    plan, game = person.plan, person.game
    games, found = _explained(person, told)
    chance = person.rng.standard_normal((plan.draws, len(game.units)))
    taken = faithfulness.subsets(len(game.units), plan.subsets, person.rng)
    orders = [*(each.order for each in found.values()), *np.argsort(-chance, axis=1)]
    measured, drawn = _measured(game, orders, plan), faithfulness.curves(game, orders)
    told.curves += [(way.key, each) for way, each in zip(found, drawn, strict=False)]
    told.curves += [(RANDOM, each) for each in drawn[len(found) :]]
    told.rows += _baselines(game, measured[len(found) :], drawn[len(found) :], key, plan)
    told.rows[-1] |= _of_chance(game, chance, taken)
    for way, figures, curve in zip(found, measured, drawn, strict=False):
        row = {"person": key, "way": way.key, **_figures(figures), **_areas([curve]), **_said(found[way])}
        row["infidelity"] = _infidelity(games[way], found[way].values, taken)
        with person.clock.of(way):
            told.rows.append(row | _closer(way, games[way], found[way], person, others))
    pairs = combinations(found, 2)
    told.agreement += [(a.key, b.key, rank_agreement(found[a].values, found[b].values)) for a, b in pairs]


def _explained(person: _Person, told: Examined) -> tuple[dict[Way, Game], dict[Way, Attribution]]:
    """What every way that is tried with this person asked, and said."""
    games, found, plan, clock = {}, {}, person.plan, person.clock
    for way in plan.ways:
        if not plan.tried(way, person.at) or clock.over(way):
            continue
        try:
            games[way] = person.asked(way)
            with clock.of(way):
                found[way] = registry.get(way.method).explain(games[way], seed=plan.seed)
        except CannotExplain as error:
            told.cannot[way.key] = str(error)
        else:
            clock.explained[way] = clock.explained.get(way, 0) + 1
    return games, found


def _measured(game: Game, orders: Sequence[Order], plan: Plan) -> Values:
    return faithfulness.after_removal(game, orders, removed=plan.removed)


def _baselines(game: Game, chance: Values, drawn: Sequence[Curves], key: int, plan: Plan) -> Iterator[dict[str, Any]]:
    """Greedy removal, and random order: the mean over its draws."""
    greedy = _measured(game, [faithfulness.greedy_order(game, plan.removed)], plan)[0]
    about = {"person": key, "units": len(game.units)}
    yield {**about, "way": GREEDY, **_figures(greedy)}
    yield {**about, "way": RANDOM, **_figures(chance.mean(axis=0)), **_areas(drawn)}


def _of_chance(game: Game, chance: Values, taken: Kept) -> dict[str, float]:
    """What values drawn from a normal distribution say: the floor of figures that read values, not their order."""
    return {
        "infidelity": float(np.mean([_infidelity(game, values, taken) for values in chance])),
        "sparsity": float(np.mean([faithfulness.sparsity(values) for values in chance])),
    }


def _figures(values: Values) -> dict[str, float]:
    return dict(zip(FIGURES, values.tolist(), strict=True))


def _areas(curves: Sequence[Curves]) -> dict[str, float]:
    return {
        "deletion_area": float(np.mean([each.deletion_area for each in curves])),
        "insertion_area": float(np.mean([each.insertion_area for each in curves])),
    }


def _said(found: Attribution) -> dict[str, float]:
    """What an attribution says of itself; a gap only where its values are meant to sum to the difference."""
    return {
        "units": len(found.units),
        "sparsity": faithfulness.sparsity(found.values),
        "gap": found.relative_gap if found.additive else float("nan"),
        "seconds": found.cost.seconds,
        "evaluations": found.cost.evaluations,
    }


def _infidelity(game: Game, values: Values, taken: Kept) -> float:
    changes = game.whole - game.values(~taken)
    return faithfulness.infidelity(values, taken, changes)


def _closer(
    way: Way, game: Game, found: Attribution, person: _Person, others: dict[str, Recommender]
) -> dict[str, float]:
    """The figures that ask for explanations anew; nothing beyond the people looked at closely."""
    if not person.plan.looked_at_closely(way, person.at):
        return {}

    def explain(changed: Game) -> Attribution:
        return registry.get(way.method).explain(changed, seed=person.plan.seed)

    said: dict[str, float] = {}
    smaller = robustness.without_one(game, person.plan.changes, np.random.default_rng((person.plan.seed, person.item)))
    try:
        said["sensitivity"] = robustness.max_sensitivity(explain, game, found, smaller)
        for name, other in others.items():
            said[name] = robustness.agreement_with(explain, game, found, other)
    except CannotExplain:  # with one interaction less there is perhaps nothing left
        pass
    return said
