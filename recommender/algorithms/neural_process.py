"""A neural process over a person's interactions (Garnelo et al., 2018; attention as of Kim et al., ICLR 2019): a set is
encoded into what is known of the person, and decoded at each item into a distribution over ratings.

The encoder is that of `ridge_head` (a linear model's posterior, which no order can change), the decoder a small network
that also looks at how like items were rated. Lists are those of `ridge_head`. Adapting is one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from numpy.typing import NDArray
from torch import Tensor

from recommender.algorithms.adaptive import RATING
from recommender.algorithms.base import Adapted, Config, State, hyper
from recommender.algorithms.ridge_cells import Cells, posterior
from recommender.algorithms.ridge_head import RidgeHead
from recommender.algorithms.ridge_network import Net as Ranking
from recommender.algorithms.ridge_network import RidgeHeadConfig
from recommender.data.dataset import Dataset, Float, Histories, Int
from recommender.data.preparation import rated
from recommender.metalearning import ridge
from recommender.metalearning.attention import Asked, Decoder, least_error, median
from recommender.metalearning.episodes import Episodes, Pool, padded
from recommender.metalearning.features import ItemFeatures
from recommender.metalearning.item_priors import blocks_of
from recommender.metalearning.rating_prior import RatingPrior, Side

APART, FEWEST = 0.2, 50
"""Share of people whose ratings the decoder learns from, and the linear model then does not; of fewer people both
learn from all."""
HIDDEN = 0.2
"""Share of items that a step takes to be new."""
LEVELS = 12
"""Levels of a scale; a finer one is cut into so many, equally frequent."""
KINDS = (0.4, 0.35, 0.25)
"""Shares of questions: known items of a new person, new items of a known one, new items of a new one."""


@dataclass(frozen=True)
class NeuralProcessConfig(RidgeHeadConfig):
    """The decoder, and which number stands for a distribution."""

    hidden: int = hyper(48, "Width of the decoder.", low=2, high=1024)
    decision: str = hyper(
        "mean",
        "What is predicted of a distribution: its mean, its median between levels, or the level of least expected "
        "absolute error.",
        choices=("mean", "median", "level"),
    )
    queries: int = hyper(20, "Most interactions that an episode then asks about.", low=1, high=500)
    epochs: int = hyper(10, "Passes over all people; the step falls to zero over them.", low=1, high=1000)
    learning_rate: float = hyper(3e-3, "Largest step of AdamW.", low=1e-6, high=1.0)
    decoder_weight: float = hyper(1.0, "How much ratings count beside rankings, with loss both.", low=0.0, high=100.0)


class Net(Ranking):
    """That of ridge_head, and the decoder of ratings where any are learned."""

    decoder: Decoder


@dataclass(frozen=True)
class Learning:
    """What the decoder is trained by: a prior that has not seen `ratings` (a row per person, empty for all who are in
    the prior), and which `owners` have enough of them."""

    prior: RatingPrior
    ratings: Histories
    owners: NDArray[np.bool_]


class NeuralProcess(RidgeHead):
    """P(r | u, i) by a decoder on the posterior of ridge_head's linear model and attention over the support."""

    name: ClassVar[str] = "neural_process"
    config_class: ClassVar[type[Config]] = NeuralProcessConfig

    _blind: Learning | None = None
    """While training."""

    @property
    def _solved(self) -> bool:
        return False

    def _prepared(self, train: Dataset, seed: int) -> State:
        found = super()._prepared(train, seed)
        if self._rates:
            ratings = train.histories.keep(rated(train.histories))
            levels, frequencies = levels_of(ratings.values)
            found |= {"levels": levels, "frequencies": frequencies}
        return found

    def _rating_prior(
        self, ratings: Histories, content: Float, blocks: list[slice], attributes: Float, seed: int
    ) -> RatingPrior:
        """Also one of most people, whose ratings the decoder then does not learn from."""
        whole = super()._rating_prior(ratings, content, blocks, attributes, seed)
        people, prior = np.flatnonzero(ratings.lengths > 0), whole
        apart = np.zeros(len(ratings), dtype=np.bool_)
        apart[np.random.default_rng([seed, 1]).permutation(people)[: max(1, round(APART * len(people)))]] = True
        if len(people) >= FEWEST:
            rest = ratings.keep(~apart[ratings.rows])
            prior = super()._rating_prior(rest, content, blocks, attributes, seed)
            ratings = ratings.keep(apart[ratings.rows])
        self._blind = Learning(prior, ratings, ratings.lengths >= 2)
        return whole

    def fit(self, train: Dataset, **options: Any) -> Self:
        try:
            return super().fit(train, **options)
        finally:
            self._blind = None

    def _derive(self) -> None:
        super()._derive()
        if self._rates:
            blocks = blocks_of(ItemFeatures.unpacked(self._fixed))
            self._kinds = likenesses(
                self._fixed["content"] @ self._prior.maps["turn"], self._prior.maps["turn"], blocks
            )
            self._whole = seen(self._prior, self._prior.met)

    def _made(self) -> Net:
        self._derive()
        content, behaviour = (self._fixed[name].shape[1] for name in ("content", "behaviour"))
        pieces, config = len(self._contexts.vocabulary.fields), cast(NeuralProcessConfig, self.config)
        net = Net(content, behaviour, self._people.width, pieces, config)
        if self._rates:
            levels, frequencies = (torch.from_numpy(self._fixed[name]) for name in ("levels", "frequencies"))
            net.decoder = Decoder(["factors", *self._kinds], levels, frequencies, ABOUT, config.hidden)
        return net

    def _pool(self, train: Dataset) -> Pool:
        """Without lists to learn, only those whose ratings the decoder learns from."""
        pool = super()._pool(train)
        if not self._ranks and self._blind is not None:
            pool.owners = np.flatnonzero(self._blind.owners)
        return pool

    def _asked(self, train: Dataset, pool: Pool) -> Mapping[str, NDArray[Any]]:
        """Also ratings, of those whose ratings the decoder learns from."""
        found = dict(super()._asked(train, pool)) if self._ranks else {}
        if self._blind is not None:
            lengths = np.where(self._blind.owners, self._blind.ratings.lengths, 0)
            found[RATING] = np.minimum(lengths, cast(NeuralProcessConfig, self.config).queries)
        return found

    def _loss(self, episodes: Episodes, rng: np.random.Generator) -> Tensor:
        parts = [super()._loss(episodes, rng)] if self._ranks else []
        if self._blind is not None and self._rates:
            owners = episodes.owners[self._blind.owners[episodes.owners]]
            if len(owners):
                weight = cast(NeuralProcessConfig, self.config).decoder_weight if self._ranks else 1.0
                parts.append(weight * self._decoding_loss(self._blind, owners, rng))
        return cast(Tensor, torch.stack(parts).sum() if parts else self._fitted().decoder.spread * 0.0)

    def _decoding_loss(self, learning: Learning, owners: Int, rng: np.random.Generator) -> Tensor:
        """Cross-entropy and half the squared error of the mean, over questions of each kind."""
        config, prior = cast(NeuralProcessConfig, self.config), learning.prior
        hidden = rng.random(self._n_items) < HIDDEN
        support, query = questions(learning.ratings, owners, hidden, config.shots, config.queries, rng)
        side = seen(prior, prior.met & ~hidden)
        person = torch.from_numpy(self._people.encode(support))
        asked = self._cells(query, torch.from_numpy(query.items))
        found = self._decoded(prior, side, self._cells(support, torch.from_numpy(support.items)), asked.at, person)
        levels = self._fitted().decoder.levels
        own = found.gather(-1, nearest(asked.y, levels)[..., None])[..., 0]
        error = ((found * levels).sum(-1) - asked.y) ** 2 / levels.var()
        each: Tensor = (0.5 * error - own.log()) * asked.rated
        if RATING in self._groups:
            return self._groups[RATING](each[asked.rated > 0], owners[query.rows])
        return each.sum() / asked.rated.sum().clamp(min=1)

    def _decoded(
        self, prior: RatingPrior, side: Mapping[str, Tensor], cells: Cells, asked: Tensor, person: Tensor
    ) -> Tensor:
        """(n, Q, levels) of items `asked` (n, Q) by people with `cells` given."""
        decoder: Decoder = self._fitted().decoder
        w, lower, left = posterior(prior, side, cells, person)
        x = side["x"][asked]
        near = {kind: (each[asked], each[cells.at]) for kind, each in self._kinds.items()}
        near["factors"] = (side["near"][asked], side["near"][cells.at])
        mean = side["offset"][asked] + (x * w[:, None]).sum(-1)
        counted = cells.rated * cells.counts
        weight, level = side["weight"][cells.at] * counted, nearest(cells.y, decoder.levels)
        given = Asked(near, left, level, weight, counted, mean, ridge.variance(x, lower), side["about"][asked])
        found: Tensor = decoder(given)
        return found

    def _adapted(self, support: Histories) -> Adapted:
        """What ranks, and the ratings themselves, the newest `most` of them (−1 where there are fewer)."""
        found = super()._adapted(support) if self._ranks else {}
        if self._rates:
            most = cast(NeuralProcessConfig, self.config).most
            given = padded(support.keep(rated(support)), most)
            items = np.full((len(support), most), -1, dtype=np.int32)
            values = np.zeros((len(support), most), dtype=np.float32)
            width = given.mask.shape[1]
            items[:, :width], values[:, :width] = np.where(given.mask, given.items, -1), given.values
            found |= {"items": items, "values": values, "person": self._people.encode(support)}
        return found

    def distribution(self, adapted: Adapted, rows: Int, items: Int) -> Float:
        """(n, levels) the probability of each level of the scale, of `items[j]` for person `rows[j]`."""
        people, place = np.unique(rows, return_inverse=True)
        order = np.argsort(place, kind="stable")
        counts = np.bincount(place, minlength=len(people))
        found = np.empty((len(rows), len(self._fixed["levels"])), dtype=np.float32)
        for start in range(0, len(people), DECODED):
            part = slice(start, start + DECODED)
            at = order[counts[:start].sum() : counts[: start + DECODED].sum()]
            asked = rectangle(items[at], counts[part])
            found[at] = self._of_people(adapted, people[part], asked)[asked >= 0]
        return found

    def _of_people(self, adapted: Adapted, people: Int, asked: Int) -> Float:
        items = np.asarray(adapted["items"])[people]
        items = items[:, : max(1, int((items >= 0).sum(axis=1).max(initial=0)))].astype(np.int64)
        mask = torch.from_numpy((items >= 0).astype(np.float32))
        values = torch.from_numpy(np.asarray(adapted["values"])[people, : items.shape[1]])
        cells = Cells(torch.from_numpy(np.maximum(items, 0)), values, mask, mask, torch.zeros_like(mask), mask)
        person = torch.from_numpy(np.asarray(adapted["person"])[people])
        found = self._decoded(self._prior, self._whole, cells, torch.from_numpy(np.maximum(asked, 0)), person)
        return cast(Float, found.numpy())

    @property
    def levels(self) -> Tensor:
        """(levels,) of the scale, ascending."""
        return torch.from_numpy(self._fixed["levels"])

    def _rated(self, adapted: Adapted, histories: Histories, rows: Int, items: Int) -> Float:
        found = torch.from_numpy(self.distribution(adapted, rows, items))
        levels, decision = self.levels, cast(NeuralProcessConfig, self.config).decision
        if decision == "mean":
            return cast(Float, (found @ levels).numpy())
        return cast(Float, (median if decision == "median" else least_error)(found, levels).numpy())

    def _scored(self, adapted: Adapted, histories: Histories, items: Int | None) -> Float:
        if self._ranks:
            return super()._scored(adapted, histories, items)
        wanted = np.arange(self._n_items) if items is None else np.asarray(items)
        rows = np.repeat(np.arange(len(histories)), len(wanted))
        found = self.distribution(adapted, rows, np.tile(wanted, len(histories))) @ self._fixed["levels"]
        return cast(Float, found.reshape(len(histories), len(wanted)))

    def score_weighted(self, support: Histories, weights: Tensor, items: Int) -> Tensor:
        """As ridge_head's; of a learner of ratings alone, the mean of what is decoded from them so weighted."""
        if self._ranks:
            return super().score_weighted(support, weights, items)
        given, counts = self._weighted(support, weights)
        cells = self._cells(given, torch.from_numpy(given.items)).weighted(counts)
        person = torch.from_numpy(self._people.encode(given)).expand(len(counts), -1)
        asked = torch.from_numpy(np.asarray(items)).expand(len(counts), -1)
        return self._decoded(self._prior, self._whole, cells, asked, person) @ self.levels


ABOUT, DECODED = 4, 64
"""Numbers of an item that the decoder reads; people decoded at once."""


def seen(prior: RatingPrior, known: NDArray[np.bool_]) -> dict[str, Tensor]:
    """The items as they are where only `known` (n_items,) ones are known."""
    side = prior.known.mixed(prior.new, known)
    found = {f.name: torch.from_numpy(getattr(side, f.name)) for f in fields(Side)}
    found["near"] = F.normalize(found["factors"] + 1e-6, dim=1)
    centre = found["offset"].mean()
    flags = torch.from_numpy(known.astype(np.float32))
    numbers = [flags, found["offset"] - centre, torch.from_numpy(prior.new.offset) - centre, found["popularity"]]
    return found | {"about": torch.stack(numbers, dim=1)}


def likenesses(directions: Float, turn: Float, blocks: list[slice]) -> dict[str, Tensor]:
    """Embeddings of items, of length 1, for each block of content: cosines of them are how like two items are."""
    found = {}
    for at, block in enumerate(blocks):
        own = np.flatnonzero(turn[block].any(axis=0))
        if len(own):
            found[f"block{at}"] = F.normalize(torch.from_numpy(np.ascontiguousarray(directions[:, own])) + 1e-6, dim=1)
    return found


def levels_of(values: Float) -> tuple[Float, Float]:
    """The levels of a scale, ascending and at least two, and how frequent each is."""
    levels = np.unique(values)
    if len(levels) > LEVELS:
        levels = np.unique(np.quantile(values, (np.arange(LEVELS) + 0.5) / LEVELS))
    if len(levels) < 2:
        levels = np.append(levels, levels[-1] + 1)
    counts = np.bincount(np.abs(values[:, None] - levels).argmin(axis=1), minlength=len(levels))
    return levels.astype(np.float32), ((counts + 1) / (counts + 1).sum()).astype(np.float32)


def nearest(values: Tensor, levels: Tensor) -> Tensor:
    return (values[..., None] - levels).abs().argmin(-1)


def rectangle(items: Int, counts: Int) -> Int:
    """(n, most) `items` in rows of `counts`, −1 where there is none."""
    found = np.full((len(counts), max(1, int(counts.max(initial=0)))), -1, dtype=np.int64)
    found[np.arange(found.shape[1]) < counts[:, None]] = items
    return found


def questions(
    ratings: Histories, owners: Int, hidden: NDArray[np.bool_], shots: int, queries: int, rng: np.random.Generator
) -> tuple[Histories, Histories]:
    """Support and query of an episode per owner, of a kind drawn by KINDS. Of new items a known person's other ratings
    are all given beside; half the episodes give at most three ratings, the others up to `shots`."""
    own = ratings.select(owners)
    kind = rng.choice(3, size=len(owners), p=KINDS)[own.rows]
    new = hidden[own.items]
    among = np.where(kind == 0, ~new, new)
    order = np.lexsort((rng.random(len(own.items)), ~among, own.rows))
    turn = np.empty(len(order), dtype=np.int64)
    turn[order] = np.arange(len(order)) - np.repeat(own.indptr[:-1], own.lengths)
    there = np.bincount(own.rows[among], minlength=len(owners))
    most = np.where(rng.random(len(owners)) < 0.5, 3, shots)
    few = np.minimum(np.maximum(there - 2, 0), 1 + (rng.random(len(owners)) * most).astype(np.int64))[own.rows]
    given = (among & (turn < few)) | ((kind == 1) & ~new)
    asked = among & (turn >= few) & (turn < few + queries)
    return own.keep(given), own.keep(asked)
