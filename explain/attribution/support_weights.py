"""How much each of a person's few interactions moved a recommendation that was adapted to them: integrated gradients
(Sundararajan, Taly, Yan, ICML 2017) over the weights of the support.

F(w) = score(adapt(w)), where w weighs each interaction's term in what adapting solves, descends or averages. F(0) is
the prior, F(1) the adapted recommender, and φ(j) = ∫₀¹ ∂F/∂wⱼ(t · 1) dt sums to F(1) − F(0): the value of Aumann and
Shapley. Leaving one out sees only the end of the path, where what stands in for each other counts for nothing.

Gradient steps on a network of rectified units make F jump where a unit is switched on or off between two steps, and no
slope sees a jump. There the path is walked in small steps instead, one interaction at a time (`walked`):
that sums up whatever is drawn, so that not the gap but the standard errors say how far it is from the integral.
"""

from __future__ import annotations

import time
from dataclasses import replace
from importlib import import_module
from typing import Any, ClassVar, cast

import numpy as np

from explain.attribution.base import GRADIENT, Attribution, Cost, Values
from explain.attribution.game import MARGIN, PROBABILITY, Game, link_of
from explain.exceptions import CannotExplain
from recommender.algorithms.base import SupportWeighted
from recommender.data.dataset import Int

FEWEST, MOST = 16, 64
"""Points on the path: so many first, twice as many while the gap is above TOLERANCE, at most MOST."""
TOLERANCE = 1e-3
"""Relative gap that is small enough."""
WALKED, WALKS, LEGS = 1000, 4, 8
"""Steps of all walks together, as far as that allows two walks of two legs; walks, and legs of each, at most."""
BLOCK = 256
"""Rows of weights asked at once."""
ROUNDING = 1e-4
"""A move of the target so small is not told from the rounding of scores."""


class SupportWeights:
    """φ(j) by Gauss and Legendre's rule on the path from no support to all of it; where the slopes along it do not sum
    to the difference, by a walk, which always does.

    Fields of the person are known at both ends, so their values are 0.
    """

    name: ClassVar[str] = "support_weights"
    title: ClassVar[str] = "What each rating moved"
    kind: ClassVar[str] = GRADIENT
    quick: ClassVar[bool] = True

    def __init__(self, fewest: int = FEWEST, most: int = MOST) -> None:
        self.fewest, self.most = fewest, most

    def refuses(self, game: Game) -> str:
        of, why = answering(game)
        if why:
            return why
        if not isinstance(of.model, SupportWeighted):
            return f"{of.model.name} does not adapt to a support whose interactions could be weighted."
        if not game.with_history:
            return "The weights are those of the history."
        return "" if len(game.histories.items) else "There is no support: the person has done nothing yet."

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        if why := self.refuses(game):
            raise CannotExplain(why, field="method")
        started, (of, _) = time.perf_counter(), answering(game)
        prediction, prior = _ends(of)
        values, errors, passes = self._values(of, prediction - prior, np.random.default_rng(seed))
        return Attribution(
            self.name, game.target, game.units, _by_unit(game, values), _prior_of(of), prediction, prior,
            Cost(time.perf_counter() - started, passes + 2),
            errors=None if errors is None else np.sqrt(_by_unit(game, errors**2)),
        )  # fmt: skip

    def _values(self, game: Game, moved: float, rng: np.random.Generator) -> tuple[Values, Values | None, int]:
        """(nnz,) of each interaction, their standard errors where they were walked to, and passes."""
        steps, passes = self.fewest, 0
        while steps <= self.most:
            values = integrated(game, steps)
            passes, steps = passes + steps, 2 * steps
            if abs(values.sum() - moved) <= TOLERANCE * max(abs(moved), ROUNDING):
                return values, None, passes
        moving = _moving(game, values)
        n = len(moving)
        count = min(WALKS, max(2, WALKED // (2 * n)))
        legs = min(LEGS, max(2, WALKED // (count * n) // 2 * 2))
        walks = np.stack([walked(game, legs, rng, moving) for _ in range(count)])
        errors = walks.std(axis=0, ddof=1) / np.sqrt(count)
        return walks.mean(axis=0), cast(Values, errors), passes + count * (legs * n + 1)


def integrated(game: Game, steps: int) -> Values:
    """(nnz,) ∫₀¹ ∂F/∂wⱼ(t · 1) dt of each interaction by `steps` points. `game`'s recommender weighs supports."""
    torch = import_module("torch")
    nodes, shares = np.polynomial.legendre.leggauss(steps)
    along = torch.tensor((nodes + 1) / 2, dtype=torch.float32)
    weights = along[:, None].repeat(1, len(game.histories.items)).requires_grad_()
    with torch.enable_grad():
        found = _target(cast(SupportWeighted, game.model), game, weights)
        slopes = torch.autograd.grad(found.sum(), weights)[0]
    return cast(Values, (shares / 2) @ slopes.double().numpy())


def walked(game: Game, legs: int, rng: np.random.Generator, moving: Int | None = None) -> Values:
    """(nnz,) what F gains by each interaction's weight on the path cut into `legs`, in each of which the weights rise
    one after the other, in an order that is drawn and in the next leg reversed. Sums to F(1) − F(0) whatever F is, and
    nears the integral where F is smooth. `moving`: the interactions whose weights rise, where the others do not
    count."""
    every = len(game.histories.items)
    moving = np.arange(every, dtype=np.int64) if moving is None else moving
    n = len(moving)
    half = np.stack([rng.permutation(n) for _ in range((legs + 1) // 2)])
    orders = np.stack([half, half[:, ::-1]], axis=1).reshape(-1, n)[:legs]
    weights = np.zeros((legs * n + 1, n))
    for leg, order in enumerate(orders):
        risen = np.argsort(order)[None, :] < np.arange(1, n + 1)[:, None]
        weights[1 + leg * n : 1 + (leg + 1) * n] = (leg + risen) / legs
    whole = np.zeros((len(weights), every))
    whole[:, moving] = weights
    gains = np.diff(at_weights(game, whole))
    return np.bincount(moving[orders.reshape(-1)], weights=gains, minlength=every).astype(np.float64)


def _moving(game: Game, slopes: Values) -> Int:
    """The interactions that count: all but those without a slope, if these change nothing at either end."""
    idle = slopes == 0
    ends = at_weights(game, np.stack([np.ones_like(slopes), 1.0 - idle, np.zeros_like(slopes), 1.0 * idle]))
    same = ends[0] == ends[1] and ends[2] == ends[3] and not idle.all()
    return np.flatnonzero(~idle | (not same)).astype(np.int64)


def at_weights(game: Game, weights: Values) -> Values:
    """(steps,) F at each row of `weights` (steps, nnz)."""
    torch = import_module("torch")
    with torch.no_grad():
        given = torch.tensor(np.asarray(weights), dtype=torch.float32).split(BLOCK)
        parts = [_target(cast(SupportWeighted, game.model), game, each) for each in given]
        return cast(Values, torch.cat(parts).double().numpy())


def _target(model: SupportWeighted, game: Game, weights: Any) -> Any:
    target, histories = game.target, game.histories
    if target.kind == MARGIN:
        found = model.score_weighted(histories, weights, target.items)
        return found[:, 0] - found[:, 1:].mean(1)
    if target.kind == PROBABILITY and link_of(game.model) == "softmax":
        every: Int = np.arange(game.ranking(np.ones((1, len(game.units)), dtype=np.bool_)).shape[1], dtype=np.int64)
        return model.score_weighted(histories, weights, every).softmax(1)[:, target.item]
    found = model.score_weighted(histories, weights, np.array([target.item]))[:, 0]
    return found.sigmoid() if target.kind == PROBABILITY else found


def answering(game: Game) -> tuple[Game, str]:
    """The game about the recommender that answers this person, of a blend its cold or warm part; and why none of them
    answers alone, "" where one does."""
    ask = getattr(game.model, "answering", None)
    if ask is None:
        return game, ""
    who, members = ask(game.histories)[0], cast(Any, game.model).members()
    if who not in members:
        both = " and ".join(member.name for member in members.values())
        return game, f"{both} answer this person together, by ranks; ranks have no slopes to follow."
    return replace(game, model=members[who]), ""


def _ends(game: Game) -> tuple[float, float]:
    """The target as it is, and without the history, the fields being known at both ends."""
    kept = np.ones((2, len(game.units)), dtype=np.bool_)
    kept[1, np.unique(game.unit_of)] = False
    found = game.values(kept)
    return float(found[0]), float(found[1])


def _by_unit(game: Game, values: Values) -> Values:
    return np.bincount(game.unit_of, weights=values, minlength=len(game.units)).astype(np.float64)


def _prior_of(game: Game) -> str:
    known = ", attributes and context as they are" if game.histories.fields else ""
    return f"the prior of {game.model.name}: no support{known}"
