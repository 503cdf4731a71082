"""What maml, fomaml, anil and reptile share: MeLU's network above a bias model, adapted to a person by gradient steps
on what the person did, how they are asked, and what is kept of a person.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self, cast

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from recommender.algorithms.adaptive import EPISODES, EpisodicConfig, RatingLearner
from recommender.algorithms.base import Adapted, State, hyper
from recommender.data.dataset import Dataset, Float, Histories, Int
from recommender.data.features import ITSELF
from recommender.data.preparation import rated
from recommender.metalearning import factors, maml, melu, meta_sgd
from recommender.metalearning.bias import BiasModel
from recommender.metalearning.episodes import Episodes, padded
from recommender.metalearning.features import ItemFeatures, PeopleFeatures
from recommender.metalearning.maml import Weights

Weigh = Callable[[Tensor], Tensor]
CELLS = 8_000_000
"""Numbers of a hidden layer held at once while scoring."""
DIFFERENCE, USUAL = "difference", "usual"
"""What is kept of a person: how the adapted weights differ from the prior, and the person's part of the bias model."""

BEHAVIOUR = ("behaviour", "known", "popularity", "bias.items")
"""What is known of an item by what people did with it; zeros of one that came after the training."""


@dataclass(frozen=True)
class GradientConfig(EpisodicConfig):
    """Size of the network, what it reads, and how it adapts."""

    epochs: int = hyper(30, "Passes over all people; the step falls to zero over them.", low=1, high=1000)
    patience: int = hyper(8, "Epochs without a better validation after which training stops.", low=1, high=1000)
    learning_rate: float = hyper(0.01, "Largest step of AdamW.", low=1e-6, high=1.0)

    factors: int = hyper(16, "Numbers that describe a field's values, or an item.", low=1, high=512)
    hidden: int = hyper(32, "Width of a decision layer.", low=1, high=1024)
    layers: int = hyper(2, "Decision layers under the head.", low=1, high=6)
    behaviour: int = hyper(
        32,
        "Numbers that describe how people behaved towards an item, per kind, beside what is said of it. 0: none, which "
        "is MeLU.",
        low=0,
        high=512,
    )
    hidden_items: float = hyper(
        0.2,
        "Share of items that training treats as new in a step: only their fields are read, so that new ones are told "
        "by theirs.",
        low=0.0,
        high=0.95,
    )
    residual: bool = hyper(
        True,
        "Whether the network learns what a bias model (mean, person, item) leaves of ratings, or the ratings as they "
        "are, which is MeLU.",
    )
    steps: int = hyper(3, "Gradient steps with which it adapts, in training and later.", low=1, high=50)
    rate: float = hyper(0.2, "Size of these steps; where they are learned, at the start.", low=1e-6, high=10.0)
    longest: float = hyper(
        1.0, "Longest slope of a step; longer ones are shortened, so that no support leads astray.", low=1e-6, high=1e6
    )
    learned_rates: bool = hyper(True, "Whether each weight that adapts learns a step size of its own (Meta-SGD).")
    negatives: int = hyper(200, "Items drawn for each query as not taken.", low=1, high=10_000)
    references: int = hyper(
        64, "Items, the same for everyone, against which adapting tells what was taken.", low=1, high=10_000
    )
    rating_weight: float = hyper(
        0.2, "How much an error of ratings counts beside one of what is taken, with loss both.", low=0.0, high=100.0
    )


class Net(nn.Module):
    """The embeddings, the prior of the decision layers, and the step sizes of those that adapt."""

    def __init__(self, network: melu.MeLU, adapts: Weights, config: GradientConfig) -> None:
        super().__init__()
        self.melu = network
        self.rates = meta_sgd.rates_for(adapts, config.rate, learned=config.learned_rates)


class GradientAdapted(RatingLearner):
    """score = the click head (with loss rating, the rating), rating = μ + b(i) + b(u) + s · the rating head.

    b(u) is closed form from the support. Decision layers are those of `recommender.metalearning.melu`.
    """

    def _adapting(self, prior: Weights) -> tuple[Weights, Weights]:
        """Which of the decision layers' weights adapt, and which do not."""
        return prior, {}

    def _joined(self, adapts: Weights, stays: Weights) -> Weights:
        """All decision layers' weights, of the two parts of them."""
        return adapts

    def _read(self, stays: Weights, episodes: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the weights that adapt read of episodes."""
        return episodes

    @abstractmethod
    def _meta_loss(
        self, prior: Weights, supports: dict[str, Tensor], queries: dict[str, Tensor], weigh: Weigh | None
    ) -> Tensor:
        """What the training lowers: the mean loss of the queries after adapting to the supports; `weigh` says of the
        losses (n,) of the episodes what each counts (n,), None where all count alike."""

    def steps(self, adapts: Weights, supports: dict[str, Tensor], *, second: bool) -> Weights:
        """The weights that adapt after doing so to each support; first axis the person."""
        config, rates = cast(GradientConfig, self.config), meta_sgd.by_name(cast(Net, self._fitted()).rates)
        return maml.adapt_all(
            melu.loss, adapts, supports, rates, steps=config.steps, second=second, longest=config.longest
        )

    def _alone(self, adapts: Weights, supports: dict[str, Tensor]) -> Weights:
        """`steps` of a single person, sooner."""
        config, rates = cast(GradientConfig, self.config), meta_sgd.by_name(cast(Net, self._fitted()).rates)
        one = {name: each[0] for name, each in supports.items()}
        found = maml.adapt_alone(melu.loss, adapts, one, rates, steps=config.steps, longest=config.longest)
        return {name: each.unsqueeze(0) for name, each in found.items()}

    # The network and what it is made of.

    def _prepared(self, train: Dataset, seed: int) -> State:
        config = cast(GradientConfig, self.config)
        items = ItemFeatures.of(train, text=config.use_text, fields=config.use_fields)
        fields = train.item_fields if config.use_fields else train.item_fields[[]]
        people = PeopleFeatures.of(train, fields=config.use_fields)
        ratings = train.histories.keep(rated(train.histories))
        bias = BiasModel.fit(ratings, train.n_items)
        if not config.residual:
            bias = replace(bias, items=np.zeros_like(bias.items), spread=float(ratings.values.std()) or 1.0)
        met = np.bincount(train.histories.items, minlength=train.n_items)
        rng = np.random.default_rng([seed, 0])
        behaviour = [factors.of_taking(train.histories, train.n_items, config.behaviour, seed)]
        behaviour.append(factors.of_ratings(ratings, bias, train.n_items, config.behaviour, seed))
        found: State = {
            "behaviour": np.hstack(behaviour),
            "features": items.encode(fields, train.item_vectors, train.n_items),
            "known": (met > 0).astype(np.float32),
            "popularity": np.log((met + 1) / (met + 1).mean()).astype(np.float32),
            "references": rng.permutation(train.n_items)[: config.references],
        }
        return found | items.packed() | people.packed() | bias.packed()

    def extend(self, vectors: Float) -> Self:
        """Columns for items of which only the text is known; see `extend_with`."""
        return self.extend_with(pd.DataFrame(index=range(len(vectors))), vectors)

    def extend_with(self, fields: pd.DataFrame, vectors: Float) -> Self:
        """New items are told by their fields and texts alone, as those are that training hides the behaviour of."""
        net, n, fixed = cast(Net, self._fitted()), len(vectors), self._fixed
        fields = fields if cast(GradientConfig, self.config).use_fields else fields[[]]
        more = {name: np.zeros((n, *fixed[name].shape[1:]), dtype=np.float32) for name in BEHAVIOUR}
        more["features"] = ItemFeatures.unpacked(fixed).encode(fields, vectors, n)
        self._fixed = fixed | {name: np.concatenate([fixed[name], part]) for name, part in more.items()}
        self._n_items += n
        taken = torch.cat([net.melu.taken.detach(), torch.zeros(n)])
        net.melu.taken = nn.Parameter(taken, requires_grad=False)
        self._derive()
        return self

    def _derive(self) -> None:
        fixed = self._fixed
        self._people, self._bias = PeopleFeatures.unpacked(fixed), BiasModel.unpacked(fixed)
        self._content, self._behaviour = (torch.from_numpy(np.array(fixed[name])) for name in ("features", "behaviour"))

    def _made(self) -> Net:
        self._derive()
        config, fixed = cast(GradientConfig, self.config), self._fixed
        of_items = ItemFeatures.unpacked(fixed)
        item = [field.width for field in of_items.vocabulary.fields]
        item.append(of_items.width - sum(item) - len(of_items.centre))
        item += [len(of_items.centre)] if len(of_items.centre) else []
        person = [field.width for field in self._people.vocabulary.fields]
        behaviour, hidden = [config.behaviour] * 2 if config.behaviour else [], [config.hidden] * config.layers
        popularity = torch.from_numpy(np.array(fixed["popularity"]))
        network = melu.MeLU(person, item, behaviour, popularity, factors=config.factors, hidden=hidden)
        return Net(network, self._adapting(network.prior())[0], config)

    # Episodes as tensors.

    def _loss(self, episodes: Episodes, rng: np.random.Generator) -> Tensor:
        net, config = cast(Net, self._fitted()), cast(GradientConfig, self.config)
        hidden = rng.random(self._n_items) < config.hidden_items
        known = np.where(hidden, 0.0, self._fixed["known"]).astype(np.float32)
        usual = self._usual(episodes.support, known)
        others = rng.integers(self._n_items, size=(len(episodes), config.negatives))
        supports = self._examples(episodes.support, self._references(len(episodes)), usual, known)
        queries = self._examples(episodes.query, others, usual, known)
        groups = self._groups.get(EPISODES)
        weigh = None if groups is None else lambda losses: groups.weights(losses, episodes.owners)
        return self._meta_loss(net.melu.prior(), supports, queries, weigh)

    def _references(self, n: int) -> Int:
        return np.broadcast_to(self._fixed["references"], (n, len(self._fixed["references"])))

    def _usual(self, support: Histories, known: Float) -> Float:
        """(n,) the person's part b(u) of the bias model, 0 where the network does without one."""
        if not (self._rates and cast(GradientConfig, self.config).residual):
            return np.zeros(len(support), dtype=np.float32)
        return replace(self._bias, items=self._bias.items * known).adapt(support.keep(rated(support)))

    def usual_parts(self, histories: Histories) -> tuple[Histories, Float]:
        """See `UsuallyRating`."""
        self._fitted()
        support = self._taken(histories)
        ratings = support.keep(rated(support) & (self._rates and cast(GradientConfig, self.config).residual))
        known = replace(self._bias, items=self._bias.items * self._fixed["known"])
        return ratings, known.contributions(ratings)

    def _examples(self, histories: Histories, others: Int, usual: Float, known: Float) -> dict[str, Tensor]:
        """The interactions of n people as an episode of `melu.loss` each, padded; `others` (n, m) were not taken,
        unless they are among the interactions; `known` (n_items,) 0 for items to be told by their fields alone."""
        cells, weigh = padded(histories), self._weighed()
        others = others[:, : others.shape[1] if weigh[1] else 0]
        table, offsets, place = self._items(np.concatenate([cells.items, others], axis=1), known)
        width, bias = cells.items.shape[1], self._bias
        values = cells.values - bias.mean - bias.items[cells.items] * known[cells.items] - usual[:, None]
        is_rated = cells.mask & (rated(histories)[cells.at] if len(histories.items) else False)
        taken_too = _among(others, cells.items, cells.mask, self._n_items)
        return {
            "person": self._person(histories),
            "items": table[place[:, :width]],
            "ratings": torch.from_numpy(np.where(is_rated, values / bias.spread, 0.0).astype(np.float32)),
            "rated": torch.from_numpy(is_rated.astype(np.float32)),
            "taken": torch.from_numpy(cells.mask.astype(np.float32)),
            "offset": offsets[place[:, :width]],
            "others": table[place[:, width:]],
            "others_offset": offsets[place[:, width:]],
            "others_mask": torch.from_numpy((~taken_too).astype(np.float32)),
            "weigh": torch.tensor(weigh).expand(len(histories), 2),
        }

    def _weighed(self) -> tuple[float, float]:
        """How much ratings and what is taken count."""
        if not self._ranks:
            return 1.0, 0.0
        return cast(GradientConfig, self.config).rating_weight if self._rates else 0.0, 1.0

    def _items(self, wanted: Int, known: Float) -> tuple[Tensor, Tensor, Tensor]:
        """The items' parts (m, q) and offsets (m,) of the m distinct ones in `wanted`, and where each is."""
        among, place = np.unique(wanted, return_inverse=True)
        return *self._table(among, known), torch.from_numpy(place.reshape(wanted.shape))

    def _table(self, items: Int, known: Float) -> tuple[Tensor, Tensor]:
        """The parts (m, q) and offsets (m,) of `items` (m,)."""
        at, some = torch.from_numpy(items), torch.from_numpy(known[items])
        return cast(Net, self._fitted()).melu.items(self._content[at], self._behaviour[at], at, some)

    def _person(self, histories: Histories) -> Tensor:
        features = torch.from_numpy(self._people.encode(histories))
        return cast(Net, self._fitted()).melu.people(features)

    def supports(self, given: Histories, usual: Float) -> tuple[Weights, dict[str, Tensor]]:
        """The prior of the weights that adapt, and supports of people as episodes that those read. `usual` (n,): what
        the bias model says of each person."""
        adapts, stays = self._adapting(cast(Net, self._fitted()).melu.prior())
        examples = self._examples(given, self._references(len(given)), usual, self._fixed["known"])
        return adapts, self._read(stays, examples)

    # What is kept of a person, and scoring with it.

    def _adapted(self, support: Histories) -> Adapted:
        net = cast(Net, self._fitted())
        known, prior = self._fixed["known"], net.melu.prior()
        usual = self._usual(support, known)
        if not len(support):
            size = sum(each.numel() for each in self._adapting(prior)[0].values())
            return {DIFFERENCE: np.empty((0, size), dtype=np.float16), USUAL: usual}
        adapts, supports = self.supports(support, usual)
        found = self._alone(adapts, supports) if len(support) == 1 else self.steps(adapts, supports, second=False)
        parts = [(found[name] - each).flatten(1) for name, each in adapts.items()]
        return {DIFFERENCE: torch.cat(parts, dim=1).half().numpy(), USUAL: usual}

    def score_weighted(self, support: Histories, weights: Tensor, items: Int) -> Tensor:
        """Each interaction's part of the support's loss times its weight (the mean stays over all of them: else half
        of every weight would be no less), and its part in b(u)."""
        given, counts = self._weighted(support, weights)
        usual, n, bias = self._usual_weighted(given, counts), len(counts), self._bias
        nothing = np.zeros(1, dtype=np.float32)
        examples = self._examples(given, self._references(1), nothing, self._fixed["known"])
        many = {name: each.expand(n, *each.shape[1:]) for name, each in examples.items()}
        many["ratings"] = many["ratings"] - many["rated"] * usual[:, None] / bias.spread
        adapts, stays = self._adapting(cast(Net, self._fitted()).melu.prior())
        found = self.steps(adapts, self._read(stays, {**many, "counts": counts}), second=True)
        adapted = {name: each + _as_kept(found[name] - each) for name, each in adapts.items()}
        joined = self._joined(adapted, {name: each.expand(n, *each.shape) for name, each in stays.items()})
        wanted = np.asarray(items)
        table, offsets = self._table(wanted, self._fixed["known"])
        said = melu.decide(joined, self._person(given).expand(n, -1), table)
        if self._ranks:
            return said[..., melu.CLICK] + offsets
        known = torch.from_numpy(bias.items[wanted] * self._fixed["known"][wanted])
        return bias.mean + usual[:, None] + known + bias.spread * said[..., melu.RATING]

    def _usual_weighted(self, given: Histories, counts: Tensor) -> Tensor:
        """(steps,) b(u) = Σ ω (r − μ − b(i)) / (λ + Σ ω) over the ratings, ω their weights `counts` (steps, L)."""
        if not (self._rates and cast(GradientConfig, self.config).residual and len(given.items)):
            return counts.new_zeros(len(counts))
        bias, which = self._bias, torch.from_numpy(rated(given).astype(np.float32))
        left = given.values - bias.mean - bias.items[given.items] * self._fixed["known"][given.items]
        own = counts * which
        found: Tensor = (own * torch.from_numpy(left.astype(np.float32))).sum(1) / (bias.of_people + own.sum(1))
        return found

    def _weights(self, adapted: Adapted, at: slice) -> Weights:
        """The decision layers of the people `at`, first axis the person: the prior plus their differences."""
        adapts, stays = self._adapting(cast(Net, self._fitted()).melu.prior())
        flat = torch.from_numpy(np.asarray(adapted[DIFFERENCE][at], dtype=np.float32))
        parts = torch.split(flat, [each.numel() for each in adapts.values()], dim=1)
        n = len(flat)
        found = {
            name: each + part.view(n, *each.shape) for (name, each), part in zip(adapts.items(), parts, strict=True)
        }
        return self._joined(found, {name: each.expand(n, *each.shape) for name, each in stays.items()})

    def _scored(self, adapted: Adapted, histories: Histories, items: Int | None) -> Float:
        wanted = np.arange(self._n_items) if items is None else np.asarray(items)
        table, offsets = self._table(wanted, self._fixed["known"])
        scores = np.empty((len(histories), len(wanted)), dtype=np.float32)
        people, config = self._person(histories), cast(GradientConfig, self.config)
        block = max(1, CELLS // max(1, len(wanted) * config.hidden))
        for start in range(0, len(histories), block):
            some = slice(start, start + block)
            said = melu.decide(self._weights(adapted, some), people[some], table)
            if self._ranks:
                scores[some] = (said[..., melu.CLICK] + offsets).numpy()
            else:
                scores[some] = self._in_stars(said[..., melu.RATING].numpy(), adapted[USUAL][some][:, None], wanted)
        return scores

    def item_field_names(self, item: int) -> tuple[str, ...]:
        """See `ItemFieldsMaskable`; "itself" is what people did with the item."""
        told = ItemFeatures.unpacked(self._fixed).told(self._fixed["features"][item])
        return (*told, *([ITSELF] if self._fixed["known"][item] else []))

    def score_item(self, histories: Histories, item: int, known: NDArray[np.bool_]) -> Float:
        names, adapted, net = self.item_field_names(item), self.adapt(histories), cast(Net, self._fitted())
        said = ItemFeatures.unpacked(self._fixed).known(self._fixed["features"][item], known)
        met = known[:, -1] if ITSELF in names else np.zeros(len(known), dtype=np.bool_)
        at, some = torch.full((len(known),), item), torch.from_numpy(met.astype(np.float32))
        with torch.no_grad():
            table, offsets = net.melu.items(torch.from_numpy(said), self._behaviour[at], at, some)
            found = melu.decide(self._weights(adapted, slice(None)), self._person(histories), table[:, None])[:, 0]
        if self._ranks:
            return cast(Float, (found[:, melu.CLICK] + offsets).numpy())
        usual = self._bias.mean + adapted[USUAL] + self._bias.items[item] * met
        return cast(Float, (usual + self._bias.spread * found[:, melu.RATING].numpy()).astype(np.float32))

    def _rated(self, adapted: Adapted, histories: Histories, rows: Int, items: Int) -> Float:
        found, order = np.empty(len(rows), dtype=np.float32), np.argsort(rows, kind="stable")
        table, _, place = self._items(items, self._fixed["known"])
        people, config = self._person(histories), cast(GradientConfig, self.config)
        starts = np.searchsorted(rows[order], np.arange(len(histories) + 1))
        for row in np.unique(rows):
            at = order[starts[row] : starts[row + 1]]
            one = {name: each[0] for name, each in self._weights(adapted, slice(row, row + 1)).items()}
            block = max(1, CELLS // config.hidden)
            for start in range(0, len(at), block):
                some = at[start : start + block]
                said = melu.decide(one, people[row], table[place[some]])[:, melu.RATING].numpy()
                found[some] = self._in_stars(said, adapted[USUAL][row], items[some])
        return found

    def _in_stars(self, said: NDArray[Any], usual: Any, items: Int) -> Float:
        """Outputs of the rating head (…, n) of `items` (n,) as ratings."""
        known = np.asarray(self._fixed["known"])[items]
        return cast(Float, self._bias.mean + usual + self._bias.items[items] * known + self._bias.spread * said)


def _as_kept(difference: Tensor) -> Tensor:
    """Rounded as DIFFERENCE is, with the slope of what is not."""
    fixed = difference.detach()
    return difference + (fixed.half().float() - fixed)


def _among(others: Int, items: Int, mask: NDArray[np.bool_], n_items: int) -> NDArray[np.bool_]:
    """(n, m) which of the `others` (n, m) are among the same row's `items` (n, k) where `mask`."""
    row = np.arange(len(items))[:, None] * n_items
    return np.isin(others + row, (items + row)[mask])
