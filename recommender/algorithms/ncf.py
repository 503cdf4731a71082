"""Neural collaborative filtering (He et al., WWW 2017) and a deep click network over all fields: attributes of the
person, context, history, the item, its fields and its text. Nothing is kept about people.

Two heads share the network: one for what will be taken (clicks), one for ratings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, chosen_epochs, hyper, require_data
from recommender.algorithms.epochs import Training, arrays, judge_of, pooled, seeded, tensors
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.features import TEXT, Fields, before, beside, recent
from recommender.data.preparation import rated, rating_scale
from recommender.exceptions import NotFitted, NotTrainable
from recommender.metalearning.group_objectives import GroupConfig, GroupObjective, objectives_of

SPREAD = 0.05
"""Standard deviation of embeddings at the start."""
CELLS = 4_000_000
"""Numbers of hidden layers held at once while scoring."""
CLICK, RATING = 0, 1
"""Columns of the two heads."""


@dataclass(frozen=True)
class NCFConfig(GroupConfig):
    """Size of the two branches, what is read and what is learned, and training."""

    factors: int = hyper(64, "Numbers that describe a value of a field, in either branch.", low=2, high=1024)
    hidden: int = hyper(64, "Width of the feed-forward branch; its second layer is half as wide.", low=2, high=4096)
    dropout: float = hyper(0.2, "Share of numbers hidden while training.", low=0.0, high=0.9)
    loss: str = hyper(
        "both",
        "click learns what is taken, rating how it is rated; both learns both where there are ratings.",
        choices=("both", "click", "rating"),
    )
    rating_weight: float = hyper(
        0.1, "How much an error of ratings counts beside one of clicks, with loss both.", low=0.0, high=100.0
    )
    negatives: int = hyper(8, "Items drawn for each interaction as not taken.", low=1, high=1000)
    length: int = hyper(50, "Most recent interactions that are read.", low=1, high=1000)
    half_life: float = hyper(
        5.0, "Later interactions of the person after which one counts half. 0 counts all alike.", low=0.0, high=1e6
    )
    use_fields: bool = hyper(True, "Whether attributes, context and items' fields are read, or histories alone.")
    use_context: bool = hyper(True, "Whether the context is among the fields that are read.")
    use_text: bool = hyper(False, "Whether texts of items are read, by their vectors from the sentence encoder.")
    epochs: int = hyper(10, "Passes over the interactions; the step falls to zero over them.", low=1, high=1000)
    stop_after: int | None = chosen_epochs()
    patience: int = hyper(3, "Epochs without a better validation after which training stops.", low=1, high=1000)
    batch: int = hyper(512, "Interactions in a step.", low=1, high=65_536)
    learning_rate: float = hyper(2e-3, "Largest step of AdamW.", low=1e-6, high=1.0)
    weight_decay: float = hyper(0.1, "Pull of AdamW towards zero.", low=0.0, high=10.0)


class Net(nn.Module):
    """Two branches over the same fields, each with its own embeddings, and two heads over both.

    GMF: p ⊙ q. Feed-forward: z = ReLU(W₂ ReLU(W_p p' + W_q q' + b₁) + b₂). Heads: aᵀ [p ⊙ q; z] + an item's own bias.
    """

    def __init__(self, person: int, item: int, text: int, config: NCFConfig) -> None:
        super().__init__()
        d, h = config.factors, config.hidden
        self.person = nn.Parameter(torch.randn(person, 2 * d) * SPREAD)
        self.item = nn.Parameter(torch.randn(item, 2 * d) * SPREAD)
        self.bias = nn.Parameter(torch.zeros(item, 2))
        self.text = nn.Linear(text, 2 * d, bias=False) if text else None
        self.from_person, self.from_item = nn.Linear(d, h), nn.Linear(d, h, bias=False)
        self.second = nn.Linear(h, max(1, h // 2))
        self.heads = nn.Linear(d + max(1, h // 2), 2)
        self.dropout = nn.Dropout(config.dropout)

    def people(self, bags: sparse.csr_matrix) -> tuple[Tensor, Tensor]:
        """(n, d) p and (n, h) W_p p' + b₁."""
        gmf, deep = self.dropout(pooled(bags, self.person)).chunk(2, dim=1)
        return gmf, self.from_person(deep)

    def items(self, bags: sparse.csr_matrix, texts: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """(n, d) q, (n, h) W_q q' and (n, 2) biases."""
        summed = pooled(bags, self.item)
        if self.text is not None and texts is not None:
            summed = summed + self.text(texts)
        gmf, deep = self.dropout(summed).chunk(2, dim=1)
        return gmf, self.from_item(deep), pooled(bags, self.bias)

    def forward(self, person: tuple[Tensor, Tensor], item: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """(…, 2) click logit and standardised rating of people and items that go together by broadcasting."""
        product, first = person[0] * item[0], F.relu(person[1] + item[1])
        deep = F.relu(self.second(self.dropout(first)))
        both = torch.cat([product, deep], dim=-1)
        heads: Tensor = self.heads(both) + item[2]
        return heads


class NCF:
    """score = the click head (the rating head where only ratings were learned), rating = the rating head.

    Losses: binary cross-entropy of what was taken against drawn items, and the squared error of standardised ratings.
    """

    name: ClassVar[str] = "ncf"
    config_class: ClassVar[type[Config]] = NCFConfig
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = True
    reads_fields: ClassVar[bool] = True

    def __init__(self, config: NCFConfig | None = None) -> None:
        self.config: Config = config or NCFConfig()
        self._net: Net | None = None
        self._fields = Fields.none()
        self._bags = sparse.csr_matrix((0, 0), dtype=np.float32)  # (n_items, columns of the item's side)
        self._texts: Float | None = None  # (n_items, 384)
        self._scale: NDArray[np.float64] = np.full(4, np.nan)  # lowest, highest, mean, spread of ratings
        self._best_epoch: int | None = None

    @classmethod
    def needs_text(cls, config: Config) -> bool:
        return cast(NCFConfig, config).use_text

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
        """With `validation`, the weights of the best epoch are kept: by NDCG@10, with loss rating by RMSE. Raises
        NotTrainable, Cancelled."""
        require_data(train)
        config, seed = cast(NCFConfig, self.config), int(rng.integers(2**31))
        self._fields = Fields.of(train, contexts=config.use_context) if config.use_fields else Fields.none()
        self._bags, self._texts = self._fields.item_side(train), train.item_vectors if config.use_text else None
        self._scale = self._scale_of(train.histories)
        with seeded(seed, 0):
            self._net = self._made(self._fields.person_width + train.n_items, self._bags.shape[1])
        samples = Samples(train, self._fields, config)
        count = len(samples.places)
        groups = objectives_of(config, train, samples.asked())
        training = Training(
            self._net, config, lambda at, drawn: self._loss(samples, at, drawn, groups), count, seed, groups
        )
        judge, metric = judge_of(self, validation), "ndcg@10"
        if config.loss == "rating" and judge is not None:
            judge, metric = self._judge_ratings(cast(Holdout, validation)), "rmse"
        self._best_epoch = training.run(judge, metric, resume, report)
        return self

    def _made(self, person: int, item: int) -> Net:
        text = 0 if self._texts is None else self._texts.shape[1]
        return Net(person, item, text, cast(NCFConfig, self.config))

    def _scale_of(self, histories: Histories) -> NDArray[np.float64]:
        """nan where no ratings are learned. Raises NotTrainable where only ratings would be and there are none."""
        loss, scale = cast(NCFConfig, self.config).loss, rating_scale(histories)
        if loss == "rating" and np.isnan(scale).any():
            raise NotTrainable("The catalog has no ratings to learn from; choose the loss click.")
        return np.full(4, np.nan) if loss == "click" else scale

    def _loss(
        self, samples: Samples, at: Int, drawn: np.random.Generator, groups: Mapping[str, GroupObjective]
    ) -> Tensor:
        """The sum of both heads' losses, each weighed by `groups` where those are looked at."""
        net, config, places = self._fitted(), cast(NCFConfig, self.config), samples.places[at]
        histories = samples.histories
        count = 0 if config.loss == "rating" else config.negatives
        others = drawn.integers(samples.n_items, size=(len(at), count))
        wanted = np.column_stack([histories.items[places], others])
        among, inverse = np.unique(wanted, return_inverse=True)
        rows = torch.from_numpy(inverse.reshape(wanted.shape))
        gmf, deep, bias = self._items(among)
        p, first = net.people(samples.person(places))
        heads = net((p[:, None], first[:, None]), (gmf[rows], deep[rows], bias[rows]))
        losses, people = [], histories.rows[places]
        if config.loss != "rating":
            taken = torch.zeros(wanted.shape)
            taken[:, 0] = 1.0
            losses.append(
                _mean(F.binary_cross_entropy_with_logits, heads[:, :, CLICK], taken, groups.get("click"), people)
            )
        known = samples.rated[places] & (config.loss != "click")
        if known.any():
            standard = (histories.values[places][known] - self._scale[2]) / self._scale[3]
            said = heads[:, 0, RATING][torch.from_numpy(known)]
            wanted_ratings = torch.from_numpy(standard.astype(np.float32))
            error = _mean(F.mse_loss, said, wanted_ratings, groups.get("rating"), people[known])
            losses.append(error * (1.0 if config.loss == "rating" else config.rating_weight))
        return torch.stack(losses).sum()

    @property
    def link(self) -> str:
        """The click head is a logit of its own; ratings are none."""
        return "" if cast(NCFConfig, self.config).loss == "rating" else "sigmoid"

    def refit_config(self) -> Config:
        return self.config if self._best_epoch is None else self.config.replace(stop_after=self._best_epoch)

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        net, head = self._fitted(), RATING if cast(NCFConfig, self.config).loss == "rating" else CLICK
        wanted = np.arange(self._bags.shape[0]) if items is None else np.asarray(items)
        scores = np.empty((len(histories), len(wanted)), dtype=np.float32)
        with torch.inference_mode():
            gmf, deep, bias = self._items(wanted)
            product, after = net.heads.weight[head, : gmf.shape[1]], net.heads.weight[head, gmf.shape[1] :]
            block = max(1, CELLS // max(1, deep.numel()))
            people = net.people(self._asked(histories))
            for start in range(0, len(histories), block):
                p, first = (part[start : start + block] for part in people)
                z = F.relu(net.second(F.relu(first[:, None] + deep)))
                found = (p * product) @ gmf.T + z @ after + net.heads.bias[head] + bias[:, head]
                scores[start : start + block] = found.numpy()
        return scores

    @property
    def field_names(self) -> frozenset[str]:
        """Attributes and context that are read, as in `Histories.fields`."""
        return self._fields.names

    def item_field_names(self, item: int) -> tuple[str, ...]:
        """See `ItemFieldsMaskable`; "itself" is the item's own embedding and bias."""
        self._fitted()
        text = self._texts is not None and self._texts[item].any()
        return (*self._fields.told(self._bags[[item]]), *([TEXT] if text else []))

    def score_item(self, histories: Histories, item: int, known: NDArray[np.bool_]) -> Float:
        net, head = self._fitted(), RATING if cast(NCFConfig, self.config).loss == "rating" else CLICK
        bag, texts = self._bags[[item]], None
        width = len(self._fields.told(bag))
        if self._texts is not None:
            told = known[:, width:].any(axis=1, keepdims=True)
            texts = torch.from_numpy(np.where(told, self._texts[[item]], 0.0).astype(np.float32))
        with torch.inference_mode():
            said = net.items(self._fields.known(bag, known[:, :width]), texts)
            found = net(net.people(self._asked(histories)), said)[:, head]
        return cast(Float, found.numpy())

    def predict(self, histories: Histories, rows: Int, items: Int, *, adapted: Adapted | None = None) -> Float:
        net = self._fitted()
        if not np.isfinite(self._scale).all():
            raise NotTrainable("This recommender has learned no ratings, so it predicts none.")
        among, inverse = np.unique(items, return_inverse=True)
        asked, whose = np.unique(rows, return_inverse=True)
        with torch.inference_mode():
            people, table = net.people(self._asked(histories.select(asked))), self._items(among)
            at, of = torch.from_numpy(inverse.reshape(-1)), torch.from_numpy(whose.reshape(-1))
            heads = net((people[0][of], people[1][of]), (table[0][at], table[1][at], table[2][at]))
        found = self._scale[2] + self._scale[3] * heads[:, RATING].numpy()
        return cast(Float, np.clip(found, self._scale[0], self._scale[1]).astype(np.float32))

    def _judge_ratings(self, validation: Holdout) -> Callable[[], float]:
        targets = validation.targets.keep(rated(validation.targets))

        def judge() -> float:
            errors = self.predict(validation.histories, targets.rows, targets.items) - targets.values
            return -float(np.sqrt((errors.astype(np.float64) ** 2).mean())) if len(errors) else 0.0

        return judge

    def _asked(self, histories: Histories) -> sparse.csr_matrix:
        config = cast(NCFConfig, self.config)
        met = recent(histories, self._bags.shape[0], config.length, config.half_life)
        return beside(self._fields.person_side(histories), met)

    def _items(self, at: Int) -> tuple[Tensor, Tensor, Tensor]:
        texts = None if self._texts is None else torch.from_numpy(self._texts[at])
        return self._fitted().items(self._bags[at], texts)

    def state(self) -> State:
        found = arrays(self._fitted().state_dict(), "net.") | self._fields.packed()
        found |= {f"bags.{part}": getattr(self._bags, part) for part in ("data", "indices", "indptr")}
        if self._texts is not None:
            found["texts"] = self._texts
        return found | {"shape": np.array(self._bags.shape, dtype=np.int64), "scale": self._scale}

    def load_state(self, state: State) -> Self:
        self._fields, parts = Fields.unpacked(state), ("data", "indices", "indptr")
        self._bags = sparse.csr_matrix(
            tuple(state[f"bags.{part}"] for part in parts), shape=tuple(state["shape"].tolist())
        )
        self._texts, self._scale = state.get("texts"), state["scale"]
        net = self._made(len(state["net.person"]), len(state["net.item"]))
        net.load_state_dict(tensors(state, "net."))
        self._net = net.eval().requires_grad_(False)
        return self

    def _fitted(self) -> Net:
        if self._net is None:
            raise NotFitted("This recommender has not been trained.")
        return self._net


def _mean(
    loss: Callable[..., Tensor], said: Tensor, wanted: Tensor, objective: GroupObjective | None, people: Int
) -> Tensor:
    """The mean of `loss`, or what `objective` makes of that of each of `people` (n,), the first axis."""
    if objective is None:
        return loss(said, wanted)
    each = loss(said, wanted, reduction="none")
    return objective(each.mean(dim=1) if each.ndim > 1 else each, people)


class Samples:
    """The interactions of a training (with loss rating, the ratings), each with the person's side just before.

    `places` (n,) of them in the histories; `rated` (nnz,).
    """

    def __init__(self, train: Dataset, fields: Fields, config: NCFConfig) -> None:
        self.histories, self.n_items, self.config = train.histories, train.n_items, config
        self.people = fields.people.encode(train.histories.fields, len(train.histories))
        self.contexts = fields.contexts.encode(train.histories.contexts, len(train.histories.items))
        self.rated = rated(train.histories)
        self.places = np.flatnonzero(self.rated) if config.loss == "rating" else np.arange(len(self.rated))

    def person(self, at: Int) -> sparse.csr_matrix:
        """(n, columns of the person's side) of the interactions `at`."""
        rows, config = self.histories.rows[at], self.config
        met = before(self.histories, rows, at, self.n_items, config.length, config.half_life)
        return beside(self.people[rows], self.contexts[at], met)

    def asked(self) -> dict[str, Int]:
        """By head, (n_users,) how many examples an epoch has of each person."""
        ratings = self.histories.keep(self.rated).lengths
        both = {"click": self.histories.lengths, "rating": ratings}
        return both if self.config.loss == "both" else {self.config.loss: both[self.config.loss]}
