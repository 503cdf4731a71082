"""A network that finds features of items on which a ridge regression per person does best: adaptation is closed form,
and training differentiates through it (Bertinetto et al., ICLR 2019), as a residual on the bias model.

A person is two small vectors: one that ranks, on features learned by gradients through the solution, and one that
predicts ratings, on features and a prior learned in closed form (`metalearning.rating_prior`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Self, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommender.algorithms.adaptive import FIXED, NET, RANKING, RatingLearner, clean
from recommender.algorithms.base import START, Adapted, Config, Recommender, State
from recommender.algorithms.epochs import drawn_items
from recommender.algorithms.ridge_cells import Cells, posterior
from recommender.algorithms.ridge_network import Net, RidgeHeadConfig
from recommender.data.dataset import Dataset, Float, Histories, Int
from recommender.data.features import ITSELF
from recommender.data.preparation import rated
from recommender.exceptions import NotTrainable
from recommender.metalearning import factors, ridge, transfer
from recommender.metalearning.bias import BiasModel
from recommender.metalearning.contexts import ContextCounts, ContextSupport, shares
from recommender.metalearning.episodes import Episodes, Pool, latest, padded
from recommender.metalearning.features import ItemFeatures, PeopleFeatures
from recommender.metalearning.item_priors import blocks_of
from recommender.metalearning.rating_prior import RatingPrior, Side

DRAWN = 2000
"""Items that a step's ranking loss compares with."""
BEHAVIOUR = ("behaviour", "beside", "known", "bias.items")
"""What is known of an item by what people did with it; zeros of one that came after the training."""
OWN = ("encoder.behaviour.", "person_rank.attributes")
"""Weights that read what no other catalog has: who took what, and attributes of people."""


class RidgeHead(RatingLearner):
    """rating(u, i) = offset(i) + x(i)·w(u), score(u, i) = log-popularity(i) + prior(i) + ψ(i)·v(u) + what the context
    of the moment adds (ContextHead)."""

    name: ClassVar[str] = "ridge_head"
    config_class: ClassVar[type[Config]] = RidgeHeadConfig

    def fit(self, train: Dataset, **options: Any) -> Self:
        self._support: ContextSupport | None = None
        self._repeated = train.histories  # of an item met repeatedly each time has its own context
        try:
            return super().fit(train, **options)
        finally:
            del self._repeated
            self._support = None

    def in_context(self, support: Histories) -> Self:
        """A copy that also knows what other people did in the contexts of `support`, whose values may be new to it."""
        self._fitted()
        known = {FIXED + name: array for name, array in self._contexts.met(support).packed().items()}
        return type(self)(self.config).load_state(self.state() | known)

    def _begin(self, parents: Mapping[str, Recommender]) -> None:
        """Take over what reads texts. Raises NotTrainable where the start is missing or does not fit."""
        start = parents.get(START)
        if start is None:
            if cast(RidgeHeadConfig, self.config).start is not None:
                raise NotTrainable("The run to start from is not there.")
            return
        if not isinstance(start, RidgeHead) or not self._text or self._text != start._text:
            raise NotTrainable(
                "The run to start from must be a ridge_head; it and this one must read texts (use_text)."
            )
        try:
            reading = {"encoder.first.weight": self._text, "encoder.straight.weight": self._text}
            transfer.begin(
                self._fitted(), start._fitted().state_dict(), reading=reading, own=OWN, left=("contexts.", "decoder.")
            )
        except ValueError:
            raise NotTrainable("The run to start from has other sizes; give this one its width and features.") from None

    @property
    def _text(self) -> int:
        """Columns of content that read texts, the last ones."""
        return len(self._fixed["items.centre"])

    def _prepared(self, train: Dataset, seed: int) -> State:
        config = cast(RidgeHeadConfig, self.config)
        about = ItemFeatures.of(train, text=config.use_text, fields=config.use_fields)
        people = PeopleFeatures.of(train, fields=config.use_fields)
        histories, n = train.histories, train.n_items
        ratings = histories.keep(rated(histories))
        bias = BiasModel.fit(ratings, n)
        behaviour = [factors.of_taking(histories, n, config.factors, seed)]
        behaviour.append(factors.of_ratings(ratings, bias, n, config.factors, seed))
        counts = np.bincount(histories.items, minlength=n)
        popularity = np.log1p(counts) - np.log1p(counts).mean()
        beside = popularity[:, None].astype(np.float32)
        found: State = {"content": about.encode(train.item_fields, train.item_vectors if config.use_text else None, n)}
        found |= {"behaviour": np.hstack(behaviour), "beside": beside, "known": (counts > 0).astype(np.float32)}
        contexts = ContextCounts.none(n)
        if config.use_context and config.loss != "rating":
            contexts = ContextCounts.of(self._repeated, n)
        if contexts.vocabulary.width:
            self._support = ContextSupport(contexts, self._repeated, histories)
        found |= contexts.packed() | {"share": shares(counts)}
        if self._rates:
            attributes = people.encode(histories)
            found |= self._rating_prior(ratings, found["content"], blocks_of(about), attributes, seed).packed()
        return found | about.packed() | people.packed() | bias.packed()

    def _rating_prior(
        self, ratings: Histories, content: Float, blocks: list[slice], attributes: Float, seed: int
    ) -> RatingPrior:
        config = cast(RidgeHeadConfig, self.config)
        sizes = {"factors": config.rating_factors, "features": config.rating_features}
        return RatingPrior.fit(ratings, content, blocks, attributes, seed=seed, **sizes)

    @property
    def _solved(self) -> bool:
        return not self._ranks

    def load_state(self, state: State) -> Self:  # also of a time when ratings did not count in rankings
        return super().load_state({NET + "liking": np.zeros((), dtype=np.float32)} | state)

    def extend(self, vectors: Float) -> Self:
        """Columns for items of which only the text is known; see `extend_with`."""
        return self.extend_with(pd.DataFrame(index=range(len(vectors))), vectors)

    def extend_with(self, fields: pd.DataFrame, vectors: Float) -> Self:
        """New items are told by content alone, as those are that training hides the behaviour of."""
        self._fitted()
        n, fixed = len(vectors), self._fixed
        content = ItemFeatures.unpacked(fixed).encode(fields, vectors, n)
        more = {name: np.zeros((n, *fixed[name].shape[1:]), dtype=np.float32) for name in BEHAVIOUR} | {
            "content": content
        }
        self._fixed = {"trained": np.array([self._n_items])} | fixed
        self._fixed |= {name: np.concatenate([fixed[name], part]) for name, part in more.items()}
        share, (values, items) = fixed["share"], fixed["contexts.shape"]
        self._fixed["share"] = np.concatenate([share, np.full(n, share.min(), dtype=np.float32)])
        self._fixed["contexts.shape"] = np.array([values, items + n])
        self._n_items += n
        if self._rates:
            self._fixed |= self._prior.extended(content).packed()
        self._derive()
        return self

    def _derive(self) -> None:
        self._people = PeopleFeatures.unpacked(self._fixed)
        self._bias = BiasModel.unpacked(self._fixed)
        self._inputs = [torch.from_numpy(self._fixed[name]) for name in ("content", "behaviour", "known", "beside")]
        self._table: dict[str, Tensor] | None = None
        if self._rates:
            self._prior = RatingPrior.unpacked(self._fixed)
            self._side = {f.name: torch.from_numpy(getattr(self._prior.side, f.name)) for f in fields(Side)}
        self._contexts, self._share = ContextCounts.unpacked(self._fixed), torch.from_numpy(self._fixed["share"])

    def _made(self) -> Net:
        self._derive()
        content, behaviour = (self._fixed[name].shape[1] for name in ("content", "behaviour"))
        pieces = len(self._contexts.vocabulary.fields)
        return Net(content, behaviour, self._people.width, pieces, cast(RidgeHeadConfig, self.config))

    def _items(self) -> dict[str, Tensor]:
        """Features of all items, kept once training is over."""
        net: Net = self._fitted()
        if self._table is not None:
            return self._table
        table = net.items(*self._inputs)
        others = table["rank"][: int(self._fixed.get("trained", [len(table["rank"])])[0])]  # as it was trained
        table["others"] = others.T @ others / max(1, len(others))
        if not net.sharpness.requires_grad:
            self._table = table
        return table

    def _loss(self, episodes: Episodes, rng: np.random.Generator) -> Tensor:
        net: Net = self._fitted()
        drawn = drawn_items(self._n_items, DRAWN, rng)
        met = np.concatenate([episodes.support.items, episodes.query.items])
        among, inverse = np.unique(np.concatenate([met, drawn]), return_inverse=True)
        items = net.items(*(each[torch.from_numpy(among)] for each in self._inputs))
        split = len(episodes.support.items)
        place = torch.from_numpy(inverse)
        person = torch.from_numpy(self._people.encode(episodes.support))
        support, asked = (
            self._cells(episodes.support, place[:split]),
            self._cells(episodes.query, place[split : len(met)]),
        )
        context = self._context_asked(items, episodes, among, rng)
        losses, mask = self._ranking_losses(items, support, asked, place[len(met) :], person, context)
        if RANKING in self._groups:
            return self._groups[RANKING](losses[mask > 0], episodes.owners[episodes.query.rows])
        return (losses * mask).sum() / mask.sum().clamp(min=1)

    def _asked(self, train: Dataset, pool: Pool) -> Mapping[str, NDArray[Any]]:
        """Questions about what someone took next, nearly."""
        return {RANKING: np.minimum(pool.grouped.lengths, cast(RidgeHeadConfig, self.config).queries)}

    def _ranking_losses(
        self, items: dict[str, Tensor], support: Cells, asked: Cells, drawn: Tensor, person: Tensor,
        context: Tensor | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Cross-entropy of each asked item among the drawn ones that the person did not meet, and a mask of the same
        shape: those with a 1 are the questions in their order. `context` (nnz, items) is what that of each adds."""
        net: Net = self._fitted()
        others = items["rank"][drawn].T @ items["rank"][drawn] / len(drawn)
        v = net.adapt_ranking(items, support, person, others)
        scores = items["rank_prior"] + v @ items["rank"].T
        barred = torch.ones_like(scores)
        barred[:, drawn] = 0.0
        row = torch.arange(len(v))[:, None]
        for cells in (support, asked):  # neither what is known nor what is asked stands among the others
            rows, columns = row.expand_as(cells.at)[cells.mask > 0], cells.at[cells.mask > 0]
            barred[rows, columns] = 1.0
        barred = barred * torch.finfo(scores.dtype).min
        if context is None:
            rest, own = (scores + barred).logsumexp(1, keepdim=True), scores.gather(1, asked.at)
            beaten, mask = torch.logaddexp(rest, own) - own, asked.mask
        else:
            inside = asked.mask > 0
            whose, at = row.expand_as(asked.at)[inside], asked.at[inside]
            each = scores[whose] + context
            own = each.gather(1, at[:, None])[:, 0]
            beaten, mask = torch.logaddexp((each + barred[whose]).logsumexp(1), own) - own, torch.ones(len(at))
        return beaten, mask

    def _context_asked(
        self, items: dict[str, Tensor], episodes: Episodes, among: Int, rng: np.random.Generator
    ) -> Tensor | None:
        """(nnz, items) what the context of each question adds, by what others did in it; None without contexts."""
        if self._support is None:
            return None
        codes = self._support.codes[episodes.query_at]
        values, places = np.unique(codes, return_inverse=True)
        counts = self._support.draw(episodes.owners, rng)
        table = self._of_values(items["rank"], counts, values[values >= 0], among)
        local = torch.from_numpy(places.reshape(codes.shape) - int((values < 0).any()))
        known = torch.from_numpy(episodes.support.lengths[episodes.query.rows].astype(np.float32))
        found: Tensor = self._fitted().contexts(table, local, known)
        return found

    def _of_values(self, features: Tensor, counts: Any, values: Int, among: Int | slice) -> Tensor:
        """(V, n) what the contexts' `values` add to each item `among` all, of which `features` (n, d) are known."""
        of_these, field = counts[values], torch.from_numpy(self._contexts.field_of[values])
        total = torch.from_numpy(np.asarray(of_these.sum(1), dtype=np.float32)[:, 0])
        there = torch.from_numpy(of_these[:, among].toarray())
        share = self._share[among if isinstance(among, slice) else torch.from_numpy(among)]
        found: Tensor = self._fitted().contexts.values(features, there, share, field, total)
        return found

    def _in_context(self, known: Tensor, histories: Histories, items: Tensor | slice) -> Tensor | float:
        """(n_people, n) what the moment of asking adds; `known` (n_people,) interactions known of each."""
        if not self._contexts.vocabulary.width:
            return 0.0
        codes = self._contexts.asked(histories)
        values, places = np.unique(codes, return_inverse=True)
        if not (values >= 0).any():
            return 0.0
        table = self._of_values(self._items()["rank"], self._contexts.counts, values[values >= 0], slice(None))
        local = torch.from_numpy(places.reshape(codes.shape) - int((values < 0).any()))
        found: Tensor = self._fitted().contexts(table[:, items], local, known)
        return found

    def _cells(self, given: Histories, place: Tensor) -> Cells:
        """`given` as rectangles; `place` (nnz,) where each item stands among those encoded."""
        cut = padded(given)
        known = rated(given)[cut.at] & cut.mask if len(given.items) else cut.mask
        y = np.where(known, cut.values, 0.0).astype(np.float32)
        at = place[torch.from_numpy(cut.at)] if len(place) else torch.zeros(cut.at.shape, dtype=torch.int64)
        usual = self._bias.mean + self._bias.items[cut.items]
        liked = (np.where(known, y - usual, 0.0) / self._bias.spread).astype(np.float32)
        mask, is_rated = (torch.from_numpy(each.astype(np.float32)) for each in (cut.mask, known))
        return Cells(at, torch.from_numpy(y), mask, is_rated, torch.from_numpy(liked), mask)

    def _adapted(self, support: Histories) -> Adapted:
        net, items = self._fitted(), self._items()
        person = torch.from_numpy(self._people.encode(support))
        cells = self._cells(support, torch.from_numpy(support.items))
        found = {}
        if self._ranks:
            found["known"] = support.lengths.astype(np.float32)
            found["ranking"] = net.adapt_ranking(items, cells, person, items["others"]).numpy()
        if self._rates:
            found["rating"] = posterior(self._prior, self._side, cells, person)[0].numpy()
        return found

    def _scored(self, adapted: Adapted, histories: Histories, items: Int | None) -> Float:
        at = slice(None) if items is None else torch.from_numpy(np.asarray(items))
        if not self._ranks:
            w = torch.from_numpy(np.asarray(adapted["rating"]))
            return cast(Float, (self._side["offset"][at] + w @ self._side["x"][at].T).numpy())
        v, known = (torch.from_numpy(np.asarray(adapted[name])) for name in ("ranking", "known"))
        return cast(Float, self._listed(v, known, histories, at).numpy())

    def _listed(self, v: Tensor, known: Tensor, histories: Histories, at: Tensor | slice) -> Tensor:
        table, context = self._items(), self._in_context(known, histories, at)
        return table["rank_prior"][at] + v @ table["rank"][at].T + context

    def score_weighted(self, support: Histories, weights: Tensor, items: Int) -> Tensor:
        """Each interaction's term of the regression times its weight, whose sum is how many are known."""
        net: Net = self._fitted()
        given, counts = self._weighted(support, weights)
        cells = self._cells(given, torch.from_numpy(given.items)).weighted(counts)
        person = torch.from_numpy(self._people.encode(given)).expand(len(counts), -1)
        at, table = torch.from_numpy(np.asarray(items)), self._items()
        if not self._ranks:
            w = posterior(self._prior, self._side, cells, person)[0]
            return self._side["offset"][at] + w @ self._side["x"][at].T
        v = net.adapt_ranking(table, cells, person, table["others"])
        many = given.select(np.zeros(len(counts), dtype=np.int64))
        return self._listed(v, counts.sum(1), many, at)

    def item_field_names(self, item: int) -> tuple[str, ...]:
        """See `ItemFieldsMaskable`; "itself" is what people did with the item, and how many. None where it only rates:
        what ratings read of an item was learned of each as a whole."""
        self._fitted()
        told = ItemFeatures.unpacked(self._fixed).told(self._fixed["content"][item])
        return (*told, ITSELF) if self._ranks else ()

    def score_item(self, histories: Histories, item: int, known: NDArray[np.bool_]) -> Float:
        """What the context adds stays, as it tells of the moment."""
        net, adapted, at = self._fitted(), self.adapt(histories), torch.full((len(known),), item)
        said = ItemFeatures.unpacked(self._fixed).known(self._fixed["content"][item], known)
        _, behaviour, met, beside = (each[at] for each in self._inputs)
        own = torch.from_numpy(known[:, -1])
        v, known_of = (torch.from_numpy(np.asarray(adapted[name])) for name in ("ranking", "known"))
        with torch.no_grad():
            table = net.items(torch.from_numpy(said), behaviour, met * own, beside * own[:, None])
            liked = (v * table["rank"]).sum(dim=1, keepdim=True)
            found = table["rank_prior"][:, None] + liked + self._in_context(known_of, histories, at[:1])
            return cast(Float, found[:, 0].numpy())

    def _rated(self, adapted: Adapted, histories: Histories, rows: Int, items: Int) -> Float:
        at, w = torch.from_numpy(items), torch.from_numpy(np.asarray(adapted["rating"])[rows])
        return cast(Float, (self._side["offset"][at] + (self._side["x"][at] * w).sum(-1)).numpy())

    def uncertainty(self, support: Histories) -> Float:
        """x(i)ᵀ A⁻¹ x(i), A the matrix of the person's regression on ratings (on what was met, without ratings)."""
        net, items = self._fitted(), self._items()
        support = latest(self._within(clean(support)), cast(RidgeHeadConfig, self.config).most)
        cells = self._cells(support, torch.from_numpy(support.items))
        with torch.no_grad():
            if self._rates:
                person = torch.from_numpy(self._people.encode(support))
                every, (_, lower, _) = self._side["x"], posterior(self._prior, self._side, cells, person)
            else:
                every = items["rank"]
                precision = torch.diag(net.log_rank_precision.exp()) + net.log_others.exp() * items["others"]
                _, lower = ridge.solve(every[cells.at], torch.zeros_like(cells.mask), cells.mask, precision)
            return cast(Float, ridge.variance(every.expand(len(support), -1, -1), lower).numpy())
