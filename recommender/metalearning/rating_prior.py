"""Ratings of anyone from few: what is expected of items by content and behaviour, of people by attributes, and how
people differ, all in closed form.

Every item has two sides: as it is known by what people did with it, and as it would be were it new. Learners train on
both; asked are known items by the first, items that came later by the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Float, Histories
from recommender.metalearning.bias import BiasModel
from recommender.metalearning.factors import alternating
from recommender.metalearning.item_priors import ContentProcess, Expected, means_of, reduced
from recommender.metalearning.item_trees import ENOUGH, ItemTrees, held_out, shares
from recommender.metalearning.mixed import Mixed

DIRECTIONS = 48
"""Main directions of each block of content that people may differ in."""
READ = 16
"""Main directions of each block of content that trees read."""
PREFIX = "prior."


@dataclass(frozen=True)
class Side:
    """What is said of each item: `x` (n, d) features, `offset` (n,) of a rating, `weight` (n,) how much a rating of it
    says beside one of an item that is well known, `factors` (n, f), `popularity` (n,)."""

    x: Float
    offset: Float
    weight: Float
    factors: Float
    popularity: Float

    def mixed(self, other: Side, mask: NDArray[np.bool_]) -> Side:
        """This where `mask` (n,), else the other."""
        return Side(*(_where(mask, getattr(self, f.name), getattr(other, f.name)) for f in fields(self)))


@dataclass(frozen=True)
class RatingPrior:
    """r(u, i) = offset(i) + x(i)·w(u), w(u) ~ N(W (1, a(u)), 1) with noise `noise` / weight(i)."""

    known: Side
    new: Side
    met: NDArray[np.bool_]
    expected: Float
    """W (1 + attributes, d)."""
    noise: float
    maps: Mapping[str, NDArray[Any]]
    """How content becomes the side of a new item."""

    @property
    def side(self) -> Side:
        return self.known.mixed(self.new, self.met)

    @classmethod
    def fit(
        cls, ratings: Histories, content: Float, blocks: list[slice], attributes: Float, *, factors: int, features: int,
        seed: int,
    ) -> RatingPrior:  # fmt: skip
        """From nothing but ratings (a row per person), content (n_items, w) in blocks, and people's attributes."""
        n = len(content)
        bias = BiasModel.fit(ratings, n)
        left = ratings.values.astype(np.float64) - bias.mean - bias.adapt(ratings)[ratings.rows]
        y, counts = means_of(left, ratings.items, n)
        q = alternating(left - bias.items[ratings.items], ratings, n, factors)
        process = ContentProcess.learned(content, blocks, y, counts, seed)
        expected = process.expected(content, np.column_stack([y, np.log1p(counts), q]), counts)
        slopes = _calibrated(expected.values, np.column_stack([y, np.log1p(counts), q]), counts)
        said = expected.values * slopes[0] + slopes[1]
        said[:, 0], trees = _with_trees(said[:, 0], content, blocks, y, counts, seed)
        share = counts / (counts + process.noise / np.maximum(expected.variance, 1e-6))
        offsets = [bias.mean + said[:, 0] + share * (y - said[:, 0]), bias.mean + said[:, 0]]
        popularity = [np.log1p(counts), said[:, 1]]
        behaviour = [q * (counts / (counts + 5.0))[:, None], said[:, 2:]]
        directions, turn = reduced(content, blocks, DIRECTIONS, seed)
        scale = np.array([popularity[0].mean(), popularity[0].std() or 1.0])
        raw = [_features(directions, behaviour[at], (popularity[at] - scale[0]) / scale[1]) for at in (0, 1)]
        mixed = Mixed.fit(ratings, (ratings.values - offsets[0][ratings.items]).astype(np.float32), raw[0], attributes)
        main, start = mixed.main(raw[0][counts > 0], features)
        weights = [np.ones(n), mixed.noise / (mixed.noise + expected.variance)]
        sides = [
            Side(*(np.asarray(part, dtype=np.float32) for part in parts))
            for parts in zip([x @ main for x in raw], offsets, weights, behaviour,
                             [(each - scale[0]) / scale[1] for each in popularity], strict=True)
        ]  # fmt: skip
        maps: dict[str, NDArray[Any]] = {
            "turn": turn,
            "main": main,
            "slopes": slopes,
            "scale": scale,
            "weights": expected.weights,
        }
        maps |= trees
        maps |= {"mean": expected.mean, "global": np.array([bias.mean, float(np.mean(weights[1]))])}
        return cls(sides[0], sides[1], counts > 0, start, mixed.noise, maps)

    def extended(self, content: Float) -> RatingPrior:
        """With new items at the end, told by their content."""
        maps = self.maps
        said = Expected(np.zeros(0), np.zeros(0), maps["mean"], maps["weights"]).of(content)
        said = said * maps["slopes"][0] + maps["slopes"][1]
        trees = ItemTrees.unpacked(maps)
        if trees is not None:
            both = np.column_stack([said[:, 0], trees.of(content @ maps["trees.turn"]), np.ones(len(said))])
            said[:, 0] = both @ maps["trees.shares"]
        popularity = (said[:, 1] - maps["scale"][0]) / maps["scale"][1]
        x = _features(content @ maps["turn"], said[:, 2:], popularity) @ maps["main"]
        weight = np.full(len(content), maps["global"][1])
        more = [
            np.asarray(each, dtype=np.float32)
            for each in (x, maps["global"][0] + said[:, 0], weight, said[:, 2:], popularity)
        ]
        sides = [
            Side(*(np.concatenate([getattr(side, f.name), part]) for f, part in zip(fields(side), more, strict=True)))
            for side in (self.known, self.new)
        ]
        met = np.concatenate([self.met, np.zeros(len(content), dtype=np.bool_)])
        return replace(self, known=sides[0], new=sides[1], met=met)

    def packed(self) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {f"{PREFIX}map.{name}": array for name, array in self.maps.items()}
        for name, side in (("known", self.known), ("new", self.new)):
            found |= {f"{PREFIX}{name}.{f.name}": getattr(side, f.name) for f in fields(side)}
        met = self.met.astype(np.float32)
        return found | {
            PREFIX + "met": met,
            PREFIX + "expected": self.expected,
            PREFIX + "noise": np.array([self.noise]),
        }

    @classmethod
    def unpacked(cls, state: Mapping[str, NDArray[Any]]) -> RatingPrior:
        sides = [
            Side(*(state[f"{PREFIX}{name}.{f.name}"] for f in fields(Side))) for name in ("known", "new")
        ]  # fmt: skip
        start = f"{PREFIX}map."
        maps = {name.removeprefix(start): array for name, array in state.items() if name.startswith(start)}
        met, noise = state[PREFIX + "met"] > 0, float(state[PREFIX + "noise"][0])
        return cls(sides[0], sides[1], met, state[PREFIX + "expected"], noise, maps)


def _features(directions: Float, behaviour: NDArray[Any], popularity: NDArray[Any]) -> Float:
    parts: list[NDArray[Any]] = [np.ones((len(directions), 1)), directions, behaviour, popularity[:, None]]
    return cast(Float, np.hstack(parts).astype(np.float32))


def _calibrated(found: NDArray[np.float64], y: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(2, m) slope and shift with which `found` fits `y` best, each item weighing by its ratings: what is rated much is
    what will be asked about."""
    if (counts > 0).sum() < 3:
        return np.stack([np.ones(y.shape[1]), np.zeros(y.shape[1])])
    weight = (counts / counts.sum())[:, None]
    x_mean, y_mean = (weight * found).sum(axis=0), (weight * y).sum(axis=0)
    above = (weight * (found - x_mean) * (y - y_mean)).sum(axis=0)
    below = (weight * (found - x_mean) ** 2).sum(axis=0)
    slope = np.clip(np.divide(above, below, out=np.zeros_like(above), where=below > 1e-9), 0.0, 2.0)
    return np.stack([slope, y_mean - slope * x_mean])


def _with_trees(
    said: NDArray[np.float64], content: Float, blocks: list[slice], y: NDArray[np.float64], counts: NDArray[np.int64],
    seed: int,
) -> tuple[NDArray[np.float64], dict[str, NDArray[Any]]]:  # fmt: skip
    """(n,) what is expected of items' ratings by the process (`said`) and by trees together, and what trees need to say
    so of new items; `said` alone where few items were rated or content says nothing."""
    directions, turn = reduced(content, blocks, READ, seed)
    if (counts > 0).sum() < ENOUGH or not turn.shape[1]:
        return said, {}
    trees = ItemTrees.grown(directions, y, counts, seed)
    both = np.column_stack([said, held_out(directions, y, counts, trees, seed)])
    part = shares(both, y, counts)
    found: NDArray[np.float64] = both @ part[:-1] + part[-1]
    return found, trees.packed() | {"trees.turn": turn, "trees.shares": part}


def _where(mask: NDArray[np.bool_], first: Float, second: Float) -> Float:
    return cast(Float, np.where(mask if first.ndim == 1 else mask[:, None], first, second))
