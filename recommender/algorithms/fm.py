"""A factorisation machine (Rendle, ICDM 2010) over all fields: attributes of the person, the context of the moment,
the person's history, the item and its fields. Nothing is kept about people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, chosen_epochs, hyper, require_data
from recommender.algorithms.epochs import Training, arrays, drawn_items, judge_of, pooled, seeded, tensors
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.features import Fields, before, beside, recent
from recommender.exceptions import NotFitted
from recommender.metalearning.group_objectives import GroupConfig, objectives_of

SPREAD = 0.05
"""Standard deviation of factors at the start."""
TAKEN = "taken"
"""What a loss is of: what someone took."""


@dataclass(frozen=True)
class FMConfig(GroupConfig):
    """Size, what is read of a history, and training."""

    factors: int = hyper(128, "Numbers that describe a value of a field.", low=2, high=1024)
    length: int = hyper(50, "Most recent interactions that are read.", low=1, high=1000)
    half_life: float = hyper(
        5.0, "Later interactions of the person after which one counts half. 0 counts all alike.", low=0.0, high=1e6
    )
    use_fields: bool = hyper(True, "Whether attributes, context and items' fields are read, or histories alone.")
    use_context: bool = hyper(True, "Whether the context is among the fields that are read.")
    negatives: int = hyper(
        1000, "Items drawn for each batch that the one taken is compared with; of a smaller catalog all.",
        low=1, high=100_000,
    )  # fmt: skip
    dropout: float = hyper(0.4, "Share of numbers hidden while training.", low=0.0, high=0.9)
    epochs: int = hyper(8, "Passes over the interactions; the step falls to zero over them.", low=1, high=1000)
    stop_after: int | None = chosen_epochs()
    patience: int = hyper(3, "Epochs without a better validation NDCG@10 after which training stops.", low=1, high=1000)
    batch: int = hyper(512, "Interactions in a step.", low=1, high=65_536)
    learning_rate: float = hyper(3e-3, "Largest step of AdamW.", low=1e-6, high=1.0)
    weight_decay: float = hyper(0.1, "Pull of AdamW towards zero.", low=0.0, high=10.0)


class Net(nn.Module):
    """Weights w and factors v of every column. `person`: attributes, contexts, then items as history; `item`: items,
    then their fields."""

    def __init__(self, person: int, item: int, config: FMConfig) -> None:
        super().__init__()
        self.person = nn.Parameter(torch.randn(person, config.factors) * SPREAD)
        self.item = nn.Parameter(torch.randn(item, config.factors) * SPREAD)
        self.weight = nn.Parameter(torch.zeros(item, 1))
        self.dropout = nn.Dropout(config.dropout)

    def items(self, bags: sparse.csr_matrix) -> tuple[Tensor, Tensor]:
        """(n, factors) Σ v x and (n, 1) Σ w x + ½ (|Σ v x|² − Σ |v|² x²): what an item brings by itself."""
        summed = pooled(bags, self.item)
        squares = pooled(bags.multiply(bags).tocsr(), self.item**2)
        own = pooled(bags, self.weight) + 0.5 * (summed**2 - squares).sum(1, keepdim=True)
        return summed, own


class FM:
    """score(x) = Σ w_j x_j + Σ_{j<l} v_jᵀ v_l x_j x_l over all columns j, l of the person's and the item's side.

    Pairs within the person's side are left out: they raise all items alike. Learned by a softmax of what was taken
    among drawn items.
    """

    name: ClassVar[str] = "fm"
    config_class: ClassVar[type[Config]] = FMConfig
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = True
    reads_fields: ClassVar[bool] = True

    def __init__(self, config: FMConfig | None = None) -> None:
        self.config: Config = config or FMConfig()
        self._net: Net | None = None
        self._fields = Fields.none()
        self._bags = sparse.csr_matrix((0, 0), dtype=np.float32)  # (n_items, columns of the item's side)
        self._items: tuple[Float, Float] | None = None  # what scoring multiplies with
        self._best_epoch: int | None = None

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
        """With `validation`, the weights of the best epoch are kept. Raises NotTrainable, Cancelled."""
        require_data(train)
        config, seed = cast(FMConfig, self.config), int(rng.integers(2**31))
        self._fields = Fields.of(train, contexts=config.use_context) if config.use_fields else Fields.none()
        self._bags = self._fields.item_side(train)
        with seeded(seed, 0):
            self._net = Net(self._fields.person_width + train.n_items, self._bags.shape[1], config)
        samples = Samples(train, self._fields, config)
        objectives = objectives_of(config, train, {TAKEN: train.histories.lengths})

        def loss(at: Int, drawn: np.random.Generator) -> Tensor:
            if TAKEN not in objectives:
                return self._loss(samples, at, drawn)
            return objectives[TAKEN](self._loss(samples, at, drawn, "none"), train.histories.rows[at])

        training = Training(self._net, config, loss, len(train.histories.items), seed, objectives)
        judge = judge_of(self, validation)
        self._best_epoch = training.run(judge, "ndcg@10", resume, report)
        self._items = None
        return self

    def _loss(self, samples: Samples, at: Int, drawn: np.random.Generator, reduction: str = "mean") -> Tensor:
        """−log softmax of the taken item among it and the drawn ones; (n,) with the `reduction` none."""
        self._items = None  # the weights are about to change
        net, config = self._fitted(), cast(FMConfig, self.config)
        taken = samples.histories.items[at]
        rest = drawn_items(self._bags.shape[0], config.negatives, drawn)
        among, places = np.unique(np.concatenate([taken, rest]), return_inverse=True)
        vectors, own = net.items(self._bags[among])
        person = net.dropout(pooled(samples.person(at), net.person))
        logits = person @ net.dropout(vectors).T + own.T
        wanted = torch.from_numpy(places[: len(taken)])
        loss: Tensor = nn.functional.cross_entropy(logits, wanted, reduction=reduction)
        return loss

    def refit_config(self) -> Config:
        return self.config if self._best_epoch is None else self.config.replace(stop_after=self._best_epoch)

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        net, config = self._fitted(), cast(FMConfig, self.config)
        vectors, own = self._table()
        met = recent(histories, len(vectors), config.length, config.half_life)
        asked = beside(self._fields.person_side(histories), met)
        person = asked @ net.person.detach().numpy()
        if items is not None:
            vectors, own = vectors[items], own[items]
        return cast(Float, np.asarray(person @ vectors.T + own, dtype=np.float32))

    @property
    def field_names(self) -> frozenset[str]:
        """Attributes and context that are read, as in `Histories.fields`."""
        return self._fields.names

    def item_field_names(self, item: int) -> tuple[str, ...]:
        """See `ItemFieldsMaskable`; "itself" is the item's own weight and vector."""
        self._fitted()
        return self._fields.told(self._bags[[item]])

    def score_item(self, histories: Histories, item: int, known: NDArray[np.bool_]) -> Float:
        net, config = self._fitted(), cast(FMConfig, self.config)
        met = recent(histories, self._bags.shape[0], config.length, config.half_life)
        person = beside(self._fields.person_side(histories), met) @ net.person.detach().numpy()
        with torch.no_grad():
            vectors, own = net.items(self._fields.known(self._bags[[item]], known))
        return cast(Float, np.asarray((person * vectors.numpy()).sum(axis=1) + own[:, 0].numpy(), dtype=np.float32))

    def state(self) -> State:
        found = arrays(self._fitted().state_dict()) | self._fields.packed()
        bags = self._bags
        shape = np.array(bags.shape, dtype=np.int64)
        return found | {
            "bags.data": bags.data,
            "bags.indices": bags.indices,
            "bags.indptr": bags.indptr,
            "shape": shape,
        }

    def load_state(self, state: State) -> Self:
        self._fields, parts = Fields.unpacked(state), ("data", "indices", "indptr")
        self._bags = sparse.csr_matrix(
            tuple(state[f"bags.{part}"] for part in parts), shape=tuple(state["shape"].tolist())
        )
        net = Net(len(state["person"]), len(state["item"]), cast(FMConfig, self.config))
        net.load_state_dict(tensors({name: state[name] for name in ("person", "item", "weight")}))
        self._net, self._items = net.eval().requires_grad_(False), None
        return self

    def _table(self) -> tuple[Float, Float]:
        """(n_items, factors) and (n_items,): each item's vector and what it brings by itself."""
        if self._items is None:
            with torch.no_grad():
                vectors, own = self._fitted().items(self._bags)
            self._items = vectors.numpy(), own[:, 0].numpy()
        return self._items

    def _fitted(self) -> Net:
        if self._net is None:
            raise NotFitted("This recommender has not been trained.")
        return self._net


class Samples:
    """The interactions of a training, each with the person's side as it was just before."""

    def __init__(self, train: Dataset, fields: Fields, config: FMConfig) -> None:
        self.histories, self.n_items, self.config = train.histories, train.n_items, config
        self.people = fields.people.encode(train.histories.fields, len(train.histories))
        self.contexts = fields.contexts.encode(train.histories.contexts, len(train.histories.items))

    def person(self, at: Int) -> sparse.csr_matrix:
        """(n, columns of the person's side) of the interactions `at`."""
        rows, config = self.histories.rows[at], self.config
        met = before(self.histories, rows, at, self.n_items, config.length, config.half_life)
        return beside(self.people[rows], self.contexts[at], met)
