"""What all recommenders that read a history in order share: training, scoring, gradients, checkpoints, new items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, require_data
from recommender.algorithms.sequence_items import Items, SequenceNet
from recommender.algorithms.sequence_training import SequenceConfig, Training
from recommender.algorithms.sequences import arrays, device, lowered, tensors, windows
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import NotFitted

CELLS = {"cpu": 4_096, "cuda": 25_600}
"""Tokens, padding included, that are read in one forward pass of scoring: on a CPU so few that what lies between two
layers stays in its caches."""
OWN, MAP = "items.weight", "items.map.weight"


class SequenceRecommender:
    """score(u, i) = h(u)ᵀ e(i), h the network's reading of the history, e what stands for the items.

    A subclass names itself, its configuration, and `build`s its network.
    """

    name: ClassVar[str]
    config_class: ClassVar[type[Config]]
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = True

    def __init__(self, config: SequenceConfig | None = None) -> None:
        self.config: Config = config or self.config_class()
        self._net: SequenceNet | None = None
        self._best_epoch: int | None = None

    def build(self, items: Items) -> SequenceNet:
        """The network, not yet trained."""
        raise NotImplementedError

    @classmethod
    def needs_text(cls, config: Config) -> bool:
        """Whether training reads `Dataset.item_vectors`."""
        return cast(SequenceConfig, config).items != "id"

    @classmethod
    def places_new_items(cls, config: Config) -> bool:
        """Whether items that came after training have a place of their own: those told by id alone all come last."""
        return cast(SequenceConfig, config).items != "id"

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
        """Train. Every epoch draws from a seed of its own, so that a resumed training repeats nothing and misses
        nothing. With `validation`, the weights of the best epoch are kept. Raises NotTrainable, Cancelled."""
        require_data(train)
        seed = int(rng.integers(2**31))
        training = Training(self.build, cast(SequenceConfig, self.config), train, validation, seed)
        if resume:
            training.load(resume)
        while not training.over:
            loss = training.epoch()
            metrics = {"epoch": float(training.done), "loss": loss}
            if training.validation is not None:
                metrics["ndcg@10"] = training.validate(self._with)
            report(1.0 if training.over else training.done / training.last, metrics, training.state())
        self._best_epoch = training.best_epoch
        return self._with(training.best_net())

    def refit_config(self) -> Config:
        return self.config if self._best_epoch is None else self.config.replace(stop_after=self._best_epoch)

    @torch.inference_mode()
    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        net = self._fitted()
        rows, known = net.items(), net.items.known
        at = None if items is None else torch.from_numpy(np.asarray(items)).to(rows.device)
        table = rows[: net.n_items] if at is None else rows[at]
        hidden = self._hidden(net, rows, histories)
        with torch.autocast(rows.device.type, enabled=False):  # in bfloat16 many scores would be equal
            found = hidden @ table.T
        if known is not None:
            found = torch.where(known if at is None else known[at], found, _least(hidden, rows))
        scores: Float = found.cpu().numpy()
        return scores

    def _hidden(self, net: SequenceNet, rows: Tensor, histories: Histories) -> Tensor:
        """(n_people, d) float32: what the network reads out of each history. Those of like length go together."""
        if len(histories) == 1:
            return self._read(net, rows, histories)
        lengths = np.minimum(histories.lengths + 1, net.length)
        order = np.argsort(-lengths, kind="stable")
        hidden = torch.empty(len(lengths), rows.shape[1], device=rows.device)
        start, cells = 0, CELLS[rows.device.type]
        while start < len(order):
            batch = order[start : start + max(1, cells // int(lengths[order[start]]))]
            start += len(batch)
            hidden[torch.from_numpy(batch)] = self._read(net, rows, histories.select(batch))
        return hidden

    def _read(self, net: SequenceNet, rows: Tensor, histories: Histories) -> Tensor:
        read = windows(histories, net.n_items, net.length)
        ids, sizes = torch.from_numpy(read.ids).to(rows.device), torch.from_numpy(read.lengths).to(rows.device)
        found: Tensor = net(lowered(net.tokens(ids, rows)), sizes, only_last=True)
        return found.float()

    def embed(self, histories: Histories) -> dict[str, Any]:
        """`tokens` (n_people, w, d): what the network reads, a leaf to differentiate by; `places` (n_people, w): where
        in `histories.items` each token is, −1 for the start token and padding (whose gradient is exactly 0)."""
        net = self._fitted()
        read = windows(histories, net.n_items, net.length)
        ids = torch.from_numpy(read.ids).to(net.items.own.device)
        return {"tokens": net.tokens(ids).detach().requires_grad_(), "places": torch.from_numpy(read.at)}

    def score_embedded(self, embedded: Mapping[str, Any], histories: Histories, items: Int) -> Any:
        """(n_people, k) scores of each person's k `items` (n_people, k), or of the same (k,) for all; differentiable by
        `embedded["tokens"]`."""
        net = self._fitted()
        lengths = torch.from_numpy(np.minimum(histories.lengths + 1, net.length)).to(embedded["tokens"].device)
        hidden = net(embedded["tokens"], lengths, only_last=True)
        at = torch.from_numpy(np.asarray(items)).to(hidden.device)
        wanted = F.embedding(at, net.candidates)
        found = hidden @ wanted.T if at.ndim == 1 else (hidden[:, None] * wanted).sum(dim=2)
        return (
            found if net.items.known is None else torch.where(net.items.known[at], found, _least(hidden, net.items()))
        )

    @property
    def link(self) -> str:
        """How scores become probabilities: "softmax" over the catalog, or "sigmoid" of one (trained by bce or gbce)."""
        return "softmax" if "softmax" in cast(SequenceConfig, self.config).loss else "sigmoid"

    def extend(self, vectors: Float) -> Self:
        """Add columns for new items by their text vectors (n, v). Those without a text (zeros), and all where items are
        told by id alone, come last in every ranking. Changes this recommender and returns it."""
        self._fitted().items.extend(vectors)
        return self

    def state(self) -> State:
        return {_renamed(name): array for name, array in arrays(self._fitted().state_dict()).items()}

    def load_state(self, state: State) -> Self:
        config = cast(SequenceConfig, self.config)
        items = Items(len(state[OWN]) - 1, config.factors, config.items, None)
        if MAP in state:
            items.map = nn.Linear(state[MAP].shape[1], config.factors, bias=False)
        net = self.build(items)
        net.load_state_dict({_named(name): tensor for name, tensor in tensors(state).items()})
        return self._with(net.to(device()).eval().requires_grad_(False))

    def _with(self, net: SequenceNet) -> Self:
        self._net = net
        return self

    def _fitted(self) -> SequenceNet:
        if self._net is None:
            raise NotFitted("This recommender has not been trained.")
        return self._net


def _least(hidden: Tensor, rows: Tensor) -> Tensor:
    """(n_people, 1) lower than any item can score: no score is below −‖h‖ max ‖e‖."""
    least: Tensor = -hidden.norm(dim=1, keepdim=True) * rows.norm(dim=1).max() - 1
    return least


def _renamed(name: str) -> str:
    return OWN if name == "items.own" else name


def _named(name: str) -> str:
    return "items.own" if name == OWN else name
