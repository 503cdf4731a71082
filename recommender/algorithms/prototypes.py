"""A person as the centre of what they liked, or as the set of it: prototypical networks (Snell, Swersky, Zemel, NeurIPS
2017) and matching networks (Vinyals et al., NeurIPS 2016) over items' texts and collaborative factors.

Trained over episodes: what a person did up to some moment is the support, what came next is asked about. A person is
adapted to by one sum over the support; nothing is kept about people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from numpy.typing import NDArray
from torch import Tensor, nn

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, chosen_epochs, hyper, require_data
from recommender.algorithms.epochs import Training, arrays, drawn_items, judge_of, seeded, tensors
from recommender.algorithms.prototype_items import Features, Prefixes
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.preparation import last_of_repeats, rated, rating_scale, recency
from recommender.data.text import normalised
from recommender.exceptions import NotFitted, NotTrainable
from recommender.metalearning.group_objectives import GroupConfig, GroupObjective, objectives_of
from recommender.metalearning.prototypes import (
    EMPTY,
    Liking,
    Support,
    attended,
    centres,
    padded,
    tastes,
    weighted_centres,
)

CELLS = 20_000_000
"""Numbers held at once while a matching network scores."""
WHOLE = 20_000
"""Items up to which the loss compares with all of them; of a larger catalog it compares with so many drawn ones."""
SHRINK = 5.0
"""Ratings' worth of evidence for the mean in the means of items; people's own weight is learned."""
MEAN = 2
"""Place of the mean in the scale."""


@dataclass(frozen=True)
class PrototypesConfig(GroupConfig):
    """What stands for a person, what for an item, and training."""

    form: str = hyper(
        "prototype",
        "prototype: the weighted centre of what a person liked, less what they disliked. matching: attention over all "
        "they met, by cosine.",
        choices=("prototype", "matching"),
    )
    factors: int = hyper(64, "Numbers that describe an item after the learned projection.", low=2, high=1024)
    collaborative: int = hyper(64, "Numbers of the factors (iALS) the projection starts from.", low=2, high=1024)
    use_text: bool = hyper(True, "Whether the projection also reads items' texts, by their vectors.")
    length: int = hyper(50, "Most recent interactions that matching reads, and that training gives.", low=1, high=1000)
    half_life: float = hyper(
        10.0, "Later interactions of the person after which one counts half. 0 counts all alike.", low=0.0, high=1e6
    )
    few: float = hyper(0.9, "Share of episodes with 0 to 20 interactions; the rest have any number.", low=0.0, high=1.0)
    ahead: int = hyper(100, "Interactions after the support that an episode asks about.", low=1, high=1000)
    cuts: int = hyper(16, "Episodes of each person in an epoch.", low=1, high=1000)
    rating_weight: float = hyper(0.3, "How much an error of ratings counts beside one of ranks.", low=0.0, high=100.0)
    epochs: int = hyper(12, "Passes over everyone; the step falls to zero over them.", low=1, high=1000)
    stop_after: int | None = chosen_epochs()
    patience: int = hyper(3, "Epochs without a better validation after which training stops.", low=1, high=1000)
    batch: int = hyper(256, "Episodes in a step.", low=1, high=65_536)
    learning_rate: float = hyper(3e-3, "Largest step of AdamW.", low=1e-6, high=1.0)
    weight_decay: float = hyper(0.01, "Pull of AdamW towards zero.", low=0.0, high=10.0)


class Net(nn.Module):
    """Two spaces of items, one to rank and one to rate in, and what weighs a support in them."""

    def __init__(self, wide: int, n_items: int, factors: int) -> None:
        super().__init__()
        self.rank = nn.Parameter(torch.randn(wide, factors) * max(1, wide) ** -0.5)
        self.rate = nn.Parameter(torch.randn(wide, factors) * 0.1 * max(1, wide) ** -0.5)
        self.prior = nn.Parameter(torch.zeros(factors))
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.mean = nn.Parameter(torch.zeros(n_items))  # of an item's ratings, less the mean of all
        self.numbers = nn.ParameterDict({
            "grade": nn.Parameter(torch.tensor(-1.5)), "against": nn.Parameter(torch.tensor(0.0)),
            "pull": nn.Parameter(torch.tensor(0.5)), "taste_pull": nn.Parameter(torch.tensor(2.0)),
            "level_pull": nn.Parameter(torch.tensor(2.0)), "scale": nn.Parameter(torch.tensor(1.0)),
            "rank_heat": nn.Parameter(torch.tensor(-2.0)), "rank_reserve": nn.Parameter(torch.tensor(0.0)),
            "rate_heat": nn.Parameter(torch.tensor(-1.0)), "rate_reserve": nn.Parameter(torch.tensor(0.3)),
        })  # fmt: skip

    def positive(self, name: str) -> Tensor:
        return F.softplus(self.numbers[name])

    @property
    def liking(self) -> Liking:
        return Liking(self.positive("grade"), self.numbers["against"], self.positive("pull"))


@dataclass(frozen=True)
class Points:
    """Items as they are compared: (n_items, d) to rank and to rate by, (n_items,) biases of both."""

    rank: Tensor
    rate: Tensor
    bias: Tensor
    mean: Tensor


class Prototypes:
    """prototype: score(u, i) = c(u)·z(i) + b(i), rating(u, i) = μ + l(u) + b'(i) + t(u)·z'(i), see
    metalearning.prototypes for c and t. matching: the products become attention over the support.

    z = P [text; factors], P learned; l(u) = Σ (r − μ − b') / (κ + n) over u's ratings. What someone met repeatedly
    counts once, with its latest rating.
    """

    name: ClassVar[str] = "prototypes"
    config_class: ClassVar[type[Config]] = PrototypesConfig
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = True
    ordered: ClassVar[bool] = True

    def __init__(self, config: PrototypesConfig | None = None) -> None:
        self.config: Config = config or PrototypesConfig()
        self._net: Net | None = None
        self._points: Points | None = None
        self._scale: NDArray[np.float64] = np.full(4, np.nan)  # lowest, highest, mean, spread of ratings
        self._text: State = {}  # centre (384,) of texts, and their maps (384, d) into both spaces
        self._best_epoch: int | None = None
        self._groups: dict[str, GroupObjective] = {}  # while training, by what a loss is of

    @classmethod
    def needs_text(cls, config: Config) -> bool:
        return cast(PrototypesConfig, config).use_text

    def fit(
        self,
        train: Dataset,
        *,
        validation: Holdout | None = None,
        parents: Mapping[str, Recommender] | None = None,
        resume: State | None = None,
        rng: np.random.Generator,
        report: Report,
    ) -> Self:
        """With `validation`, the weights of the epoch of best NDCG@10 are kept. Raises NotTrainable, Cancelled."""
        require_data(train)
        config, seed = self._config, int(rng.integers(2**31))
        self._scale = rating_scale(train.histories)
        features = Features(train, config.collaborative, seed, text=config.use_text)
        with seeded(seed, 0):
            net = self._net = Net(features.both.shape[1], train.n_items, config.factors)
        self._begin(net, train)
        episodes = Prefixes(train.histories, config.cuts, config.length, config.ahead, config.few)
        asked = np.minimum(train.histories.lengths, config.ahead)
        self._groups = objectives_of(config, train, {"ranking": asked, "rating": asked})
        training = Training(
            net, config, lambda at, drawn: self._loss(net, features, episodes, at, drawn), episodes.count, seed,
            self._groups,
        )  # fmt: skip
        judge = judge_of(self, validation)

        def judged() -> float:
            self._bake(net, features)
            return judge() if judge else 0.0

        self._best_epoch = training.run(judged if judge else None, "ndcg@10", resume, report)
        self._bake(net, features)
        self._groups = {}
        return self

    def _begin(self, net: Net, train: Dataset) -> None:
        """Biases start where counting puts them."""
        met = train.histories
        counts = torch.from_numpy(np.bincount(met.items, minlength=train.n_items).astype(np.float32))
        with torch.no_grad():
            net.bias.copy_(torch.log(counts + 1) - torch.log(counts + 1).mean())
            if np.isfinite(self._scale).all():
                which = rated(met)
                off = met.values[which] - self._scale[MEAN]
                sums = np.bincount(met.items[which], off, minlength=train.n_items)
                ratings = np.bincount(met.items[which], minlength=train.n_items)
                net.mean.copy_(torch.from_numpy((sums / (ratings + SHRINK)).astype(np.float32)))

    def _loss(self, net: Net, features: Features, episodes: Prefixes, at: Int, drawn: np.random.Generator) -> Tensor:
        """Cross-entropy of what came next over all that was not in the support, and squared errors of ratings."""
        histories, asked = episodes.draw(at, drawn)
        points = self._projected(net, features.seen(drawn))
        adapted = self._adapted(net, points, self._support(net, points, histories))
        candidates = _candidates(len(points.bias), asked.items, drawn)
        barred = _met(histories, candidates)
        logits = self._ranked(net, points, adapted, torch.from_numpy(candidates))
        chances = torch.log_softmax(logits.masked_fill(torch.from_numpy(barred), -1e9), dim=1)
        among = np.searchsorted(candidates, asked.items)
        fresh = np.flatnonzero(~barred[asked.rows, among])
        taken = chances[torch.from_numpy(asked.rows[fresh]), torch.from_numpy(among[fresh])]
        people = episodes.owners(at)[asked.rows]
        loss = -taken.sum() / max(1, len(fresh))
        if self._groups and len(fresh):
            loss = self._groups["ranking"](-taken, people[fresh])
        known = rated(asked)
        if not (self._config.rating_weight and known.any()):
            return loss
        said = self._rated(net, points, adapted, asked.rows[known], asked.items[known])
        given = torch.from_numpy(asked.values[known] - np.float32(self._scale[MEAN]))
        if self._groups:
            error = self._groups["rating"]((said - given) ** 2, people[known])
            return loss + self._config.rating_weight * error
        return loss + self._config.rating_weight * F.mse_loss(said, given)

    def _projected(self, net: Net, features: Tensor) -> Points:
        return Points(features @ net.rank, features @ net.rate, net.bias, net.mean)

    def _bake(self, net: Net, features: Features) -> None:
        """Take the items' places as they now are; of what training read nothing else is needed."""
        with torch.no_grad():
            points = self._projected(net, features.both)
            self._points = Points(*(part.detach().clone() for part in vars(points).values()))
            if features.through is not None:
                both = features.through @ torch.cat([net.rank, net.rate], dim=1)
                self._text = {"centre": features.centre, "map": both.numpy().copy()}

    def _support(self, net: Net, points: Points, histories: Histories) -> Support:
        """What counts of `histories`: ratings are held to the scale, of repeats the latest counts."""
        low, high, mean, spread = self._scale if self.rates else (0.0, 0.0, 0.0, 1.0)
        is_rating = rated(histories) if self.rates else np.zeros(len(histories.items), dtype=np.bool_)
        off = torch.from_numpy(np.where(is_rating, np.clip(histories.values, low, high) - mean, 0).astype(np.float32))
        once = torch.from_numpy((last_of_repeats(histories) & is_rating).astype(np.float32))
        rows, items = torch.from_numpy(histories.rows), torch.from_numpy(histories.items)
        count = net.positive("level_pull") + off.new_zeros(len(histories)).index_add(0, rows, once)
        residuals = off - points.mean[items]
        usual = off.new_zeros(len(histories)).index_add(0, rows, once * off) / count
        level = off.new_zeros(len(histories)).index_add(0, rows, once * residuals) / count
        return Support(
            n=len(histories), rows=rows, items=items, rated=once, level=level,
            weights=torch.from_numpy(recency(histories, self._config.half_life)),
            likes=once * (off - usual[rows]) / spread, residuals=once * (residuals - level[rows]),
        )  # fmt: skip

    def _adapted(self, net: Net, points: Points, support: Support) -> dict[str, Tensor]:
        """All that scoring needs to know of each person."""
        if self._config.form == "matching":
            return {**padded(support, net.liking, self._config.length)._asdict(), "level": support.level}
        return {
            "centre": centres(points.rank, support, net.liking, net.prior),
            "taste": tastes(points.rate, support, net.positive("taste_pull")),
            "level": support.level,
        }

    def _ranked(self, net: Net, points: Points, adapted: Mapping[str, Tensor], items: Tensor) -> Tensor:
        """(n, m) scores of `items` (m,)."""
        z, bias = points.rank[items], points.bias[items]
        if "centre" in adapted:
            return adapted["centre"] @ z.T + bias
        met, counts = adapted["items"], adapted.get("counts")
        heat, reserve = net.positive("rank_heat"), net.numbers["rank_reserve"]
        seen = attended(z, points.rank[met.clamp(min=0)], adapted["weights"], met != EMPTY, heat, reserve, counts)
        return cast(Tensor, net.numbers["scale"] * seen + net.prior @ z.T + bias)

    def _rated(self, net: Net, points: Points, adapted: Mapping[str, Tensor], rows: Int, items: Int) -> Tensor:
        """(m,) ratings less the mean of all."""
        at, of = torch.from_numpy(items), torch.from_numpy(rows)
        z, usual = points.rate[at], points.mean[at] + adapted["level"][of]
        if "taste" in adapted:
            return usual + (adapted["taste"][of] * z).sum(dim=1)
        met = adapted["items"][of]
        there = (met != EMPTY) & (adapted["rated"][of] > 0)
        heat, reserve = net.positive("rate_heat"), net.numbers["rate_reserve"]
        keys, given = points.rate[met.clamp(min=0)], adapted["residuals"][of]
        return usual + attended(z[:, None], keys, given, there, heat, reserve)[:, 0]

    def refit_config(self) -> Config:
        return self.config if self._best_epoch is None else self.config.replace(stop_after=self._best_epoch)

    def adapt(self, support: Histories) -> Adapted:
        """prototype: `centre`, `taste` (n, d) and `level` (n,); matching: the support itself, its last `length`."""
        net, points = self._fitted()
        with torch.inference_mode():
            found = self._adapted(net, points, self._support(net, points, support))
        return {name: _small(part.numpy()) for name, part in found.items()}

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        net, points = self._fitted()
        known = self._given(histories, adapted)
        wanted = torch.arange(len(points.bias)) if items is None else torch.from_numpy(np.asarray(items))
        scores = np.empty((len(histories), len(wanted)), dtype=np.float32)
        width = self._config.length if self._config.form == "matching" else 1
        step = max(1, CELLS // max(1, width * len(wanted)))
        with torch.inference_mode():
            for start in range(0, len(histories), step):
                part = {name: each[start : start + step] for name, each in known.items()}
                scores[start : start + step] = self._ranked(net, points, part, wanted).numpy()
        return scores

    def score_weighted(self, support: Histories, weights: Tensor, items: Int) -> Tensor:
        """Each interaction's part in the centre, or in the attention, times its weight. How far a rating is liked, and
        how long ago it was, stays as it is among all of them."""
        net, points = self._fitted()
        given, wanted = self._support(net, points, support), torch.from_numpy(np.asarray(items))
        if self._config.form != "matching":
            centre = weighted_centres(points.rank, given, net.liking, net.prior, weights)
            return self._ranked(net, points, {"centre": centre}, wanted)
        width, at = self._config.length, torch.nonzero(given.weights > 0)[:, 0]
        own = weights[:, at[-width:]]
        read = padded(given, net.liking, width)._asdict()
        adapted = {name: each.expand(len(weights), -1) for name, each in read.items()}
        return self._ranked(net, points, adapted | {"counts": F.pad(own, (width - own.shape[1], 0))}, wanted)

    def predict(self, histories: Histories, rows: Int, items: Int, *, adapted: Adapted | None = None) -> Float:
        net, points = self._fitted()
        if not self.rates:
            raise NotTrainable("This recommender has learned no ratings, so it predicts none.")
        known, found = self._given(histories, adapted), np.empty(len(items), dtype=np.float32)
        step = max(1, CELLS // (self._config.length * self._config.factors))
        with torch.inference_mode():
            for start in range(0, len(items), step):
                at = slice(start, start + step)
                found[at] = self._rated(net, points, known, np.asarray(rows)[at], np.asarray(items)[at]).numpy()
        low, high, mean = self._scale[:3]
        return cast(Float, np.clip(found + mean, low, high).astype(np.float32))

    def _given(self, histories: Histories, adapted: Adapted | None) -> dict[str, Tensor]:
        given = self.adapt(histories) if adapted is None else adapted
        return {name: torch.from_numpy(np.array(part)).to(torch.int64 if name == "items" else torch.float32)
                for name, part in given.items()}  # fmt: skip

    def extend(self, vectors: Float) -> Self:
        """Columns at the end for items that came after training, placed by their text vectors (n, 384) where it reads
        texts; as popular and as liked as items are on average."""
        _, points = self._fitted()
        told = normalised(np.where(vectors.any(axis=1, keepdims=True), vectors - self._text.get("centre", 0.0), 0.0))
        d = points.rank.shape[1]
        placed = told @ self._text["map"] if self._text else np.zeros((len(vectors), 2 * d), dtype=np.float32)
        more = torch.from_numpy(placed.astype(np.float32))
        bias, mean = (each.mean().expand(len(more)) for each in (points.bias, points.mean))
        parts = (more[:, :d], more[:, d:], bias, mean)
        self._points = Points(*(torch.cat(pair) for pair in zip(vars(points).values(), parts, strict=True)))
        return self

    @property
    def rates(self) -> bool:
        """Whether it has learned ratings."""
        return bool(np.isfinite(self._scale).all()) and self._config.rating_weight > 0

    @property
    def scale(self) -> tuple[float, float] | None:
        """Lowest and highest rating it learned from; others count as the nearer of the two."""
        return (float(self._scale[0]), float(self._scale[1])) if self.rates else None

    def state(self) -> State:
        net, points = self._fitted()
        kept = {name: part for name, part in net.state_dict().items() if name.startswith(("numbers.", "prior"))}
        found = arrays(kept, "net.") | arrays(vars(points), "points.") | {"scale": self._scale}
        return found | {f"text.{name}": part for name, part in self._text.items()}

    def load_state(self, state: State) -> Self:
        self._points = Points(**tensors(state, "points."))
        self._scale = state["scale"]
        self._text = {name.removeprefix("text."): part for name, part in state.items() if name.startswith("text.")}
        net = Net(0, 0, self._points.rank.shape[1])
        net.load_state_dict(tensors(state, "net."), strict=False)
        self._net = net.eval().requires_grad_(False)
        return self

    @property
    def _config(self) -> PrototypesConfig:
        return cast(PrototypesConfig, self.config)

    def _fitted(self) -> tuple[Net, Points]:
        if self._net is None or self._points is None:
            raise NotFitted("This recommender has not been trained.")
        return self._net, self._points


def _candidates(n_items: int, asked: Int, drawn: np.random.Generator) -> Int:
    """Items that the loss compares, ascending: all, or what is asked about and drawn ones."""
    if n_items <= WHOLE:
        return np.arange(n_items)
    return np.unique(np.concatenate([asked, drawn_items(n_items, WHOLE, drawn)]))


def _met(histories: Histories, candidates: Int) -> NDArray[np.bool_]:
    """(n, m) which of `candidates` each person has met."""
    met = np.zeros((len(histories), len(candidates)), dtype=np.bool_)
    places = np.minimum(np.searchsorted(candidates, histories.items), len(candidates) - 1)
    inside = candidates[places] == histories.items
    met[histories.rows[inside], places[inside]] = True
    return met


def _small(part: NDArray[np.generic]) -> NDArray[np.generic]:
    return part.astype(np.int32) if part.dtype == np.int64 else part
