"""Training of networks that read sequences: every position predicts what came next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommender.algorithms.base import Recommender, State, chosen_epochs, hyper, ndcg
from recommender.algorithms.ials import IALS, IALSConfig
from recommender.algorithms.sequence_items import Items, SequenceNet
from recommender.algorithms.sequences import (
    arithmetic,
    arrays,
    device,
    each_softmax,
    following,
    lowered,
    sampled_losses,
    seeded,
    tensors,
    whole_softmax,
    windows,
)  # fmt: skip
from recommender.data.dataset import Dataset, Float, Holdout, Int
from recommender.exceptions import NotTrainable
from recommender.metalearning.group_objectives import GroupConfig, averaged, objectives_of, packed, unpack

VALIDATED = 2000
"""People at most whom early stopping looks at after each epoch."""
WARM_UP = 0.1
"""Share of all steps in which the learning rate climbs."""
PLACES = "places"
"""What a loss is of: a place of a history."""


@dataclass(frozen=True)
class SequenceConfig(GroupConfig):
    """What all that read sequences have in common: what items are told by, the loss, and the training."""

    factors: int = hyper(128, "Width of the network; numbers that describe an item.", low=4, high=1024)
    length: int = hyper(100, "Most recent interactions that are read.", low=2, high=1000)
    items: str = hyper(
        "id",
        "What tells an item: its id, its text (then items that came after training are scored too), or both.",
        choices=("id", "text", "both"),
    )
    dropout: float = hyper(0.05, "Share of numbers hidden while training.", low=0.0, high=0.9)
    hidden_items: float = hyper(0.1, "Share of a history's items hidden while training.", low=0.0, high=0.9)
    ahead: int = hyper(
        3,
        "softmax: how many of the following items each position predicts, each with half the weight of the one before "
        "it (1: only the next). The order of what happened at once says little.",
        low=1,
        high=20,
    )
    loss: str = hyper(
        "softmax",
        "softmax compares with the whole catalog, sampled_softmax, bce and gbce with drawn items.",
        choices=("softmax", "sampled_softmax", "bce", "gbce"),
    )
    negatives: int = hyper(256, "Items drawn for each batch by the sampled losses.", low=1, high=10_000)
    calibration: float = hyper(
        0.75, "gbce: 0 is bce, 1 corrects the overconfidence of sampling fully (t of gSASRec).", low=0.0, high=1.0
    )
    epochs: int = hyper(12, "Passes over everyone; the learning rate falls to zero over them.", low=1, high=1000)
    stop_after: int | None = chosen_epochs()
    patience: int = hyper(4, "Epochs without a better validation NDCG@10 after which training stops.", low=1, high=1000)
    batch: int = hyper(32, "People in a step.", low=1, high=4096)
    learning_rate: float = hyper(1e-3, "Largest step of AdamW.", low=1e-6, high=1.0)
    weight_decay: float = hyper(0.3, "Pull of AdamW towards zero.", low=0.0, high=10.0)
    precision: str = hyper(
        "auto",
        "Arithmetic while training; auto takes bfloat16 where the processor has it.",
        choices=("auto", "float32", "bfloat16"),
    )
    initial: str = hyper(
        "ials",
        "What items' embeddings start from: ials factorises the same interactions first (a second's work that saves "
        "most of the epochs), random knows nothing.",
        choices=("ials", "random"),
    )


Build = Callable[[Items], SequenceNet]
"""A network, not yet trained, around what represents items."""


class Training:
    """One training: the network, its optimiser, how far it is and what was best."""

    def __init__(
        self, build: Build, config: SequenceConfig, train: Dataset, validation: Holdout | None, seed: int
    ) -> None:
        self.config, self.seed, self.validation = config, seed, spread(validation, VALIDATED)
        self.device, self.kind = device(), arithmetic(config.precision)
        with seeded(seed, 0, self.device):
            items = Items(train.n_items, config.factors, config.items, _vectors(config, train))
            self.net = build(items).to(self.device)
        if items.vectors is not None:
            items.read_from(items.vectors.to(self.device))
        if config.initial == "ials":
            self.net.start_from(_ials_factors(config.factors, train, seed))
        self.optimizer = torch.optim.AdamW(self.net.parameters(), weight_decay=config.weight_decay, fused=True)
        self.people = np.flatnonzero(train.histories.lengths)
        met = train.histories.select(self.people)
        self.read = windows(met, train.n_items, config.length + 1)
        self.steps = math.ceil(len(met) / config.batch)
        examples = np.zeros(train.n_users)
        examples[self.people] = self.read.lengths - 1
        self.objectives = objectives_of(config, train, {PLACES: examples})
        for each in self.objectives.values():
            each.pace(self.steps)
        self.done, self.best, self.best_epoch = 0, -1.0, cast(int | None, None)
        self.best_weights: dict[str, Tensor] = {}

    @property
    def last(self) -> int:
        return min(self.config.epochs, self.config.stop_after or self.config.epochs)

    @property
    def over(self) -> bool:
        waited = self.best_epoch is not None and self.done - self.best_epoch >= self.config.patience
        return self.done >= self.last or waited

    def epoch(self) -> float:
        """Everyone once, in an order and with a dropout that only seed and epoch decide. Returns the mean loss."""
        self.done += 1
        total = 0.0
        self.net.train()
        with seeded(self.seed, self.done, self.device):
            self.net.draw()
            for step, rows in enumerate(self._batches(np.random.default_rng([self.seed, self.done]))):
                for group in self.optimizer.param_groups:
                    group["lr"] = self._rate((self.done - 1) * self.steps + step)
                loss = self._loss(rows)
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                total += loss.item()
        return total / self.steps

    def _batches(self, rng: np.random.Generator) -> Iterator[Int]:
        """Rows of people, alike in length within a batch, so that little is spent on padding."""
        order, batch = rng.permutation(len(self.read.lengths)), self.config.batch
        pools = [order[start : start + 8 * batch] for start in range(0, len(order), 8 * batch)]
        order = np.concatenate([pool[np.argsort(self.read.lengths[pool], kind="stable")] for pool in pools])
        for place in rng.permutation(self.steps):
            yield order[place * batch : (place + 1) * batch]

    def _rate(self, step: int) -> float:
        """The learning rate climbs for a tenth of all steps, then falls to zero in a straight line."""
        share = (step + 1) / (self.config.epochs * self.steps)
        return self.config.learning_rate * min(share / WARM_UP, (1 - share) / (1 - WARM_UP) + 1e-3, 1.0)

    def _loss(self, rows: Int) -> Tensor:
        lengths = self.read.lengths[rows] - 1  # the last token is only a target
        ids = self.read.ids[rows, : lengths.max() + 1]
        real = np.arange(lengths.max()) < lengths[:, None]
        before, sizes = self._there(ids[:, :-1].copy()), self._there(lengths)
        table = self.net.items()
        with torch.autocast(self.device.type, self.kind, enabled=self.kind != torch.float32):
            tokens = lowered(self._hidden(self.net.tokens(before, table)))
            hidden = self.net(tokens, sizes, only_last=False)
        hidden = hidden[self._there(real)].float()
        candidates, config = table[: self.net.n_items], self.config
        if config.loss == "softmax":
            wanted, shares = following(ids, lengths, config.ahead, self.net.n_items)
            return self._softmax(hidden, candidates, wanted, shares, np.repeat(self.people[rows], lengths))
        losses = sampled_losses(
            config.loss, hidden, candidates, self._there(ids[:, 1:][real]),
            negatives=config.negatives, calibration=config.calibration,
        )  # fmt: skip
        return averaged(losses, np.repeat(self.people[rows], lengths), self.objectives.get(PLACES))

    def _softmax(self, hidden: Tensor, candidates: Tensor, wanted: Int, shares: Float, people: Int) -> Tensor:
        """Of places (n, d) of `people` (n,), what is to be predicted at each (n, k) with its weights (n, k)."""
        targets, weights, objective = self._there(wanted), self._there(shares), self.objectives.get(PLACES)
        if objective is None:
            return whole_softmax(hidden, candidates, targets, weights, self.kind)
        return objective(each_softmax(hidden, candidates, targets, weights, self.kind), people)

    def _there(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def _hidden(self, tokens: Tensor) -> Tensor:
        """`tokens` (people, w, d) with whole items hidden at random, so that none is relied on too much."""
        share = self.config.hidden_items
        if not share:
            return tokens
        return tokens * (torch.rand(tokens.shape[:2], device=self.device) >= share)[:, :, None]

    def validate(self, score: Callable[[SequenceNet], Recommender]) -> float:
        """NDCG@10 on (at most VALIDATED of) the validation people; remembers the best weights."""
        assert self.validation is not None
        with torch.autocast(self.device.type, self.kind, enabled=self.kind != torch.float32):
            value = ndcg(score(self.net.eval()), self.validation)
        if value > self.best:
            self.best, self.best_epoch = value, self.done
            self.best_weights = {name: tensor.clone() for name, tensor in self.net.state_dict().items()}
        return value

    def best_net(self) -> SequenceNet:
        """The network at its best epoch, its items' rows baked."""
        if self.best_weights:
            self.net.load_state_dict(self.best_weights)
        self.net.zero_grad()
        self.net.items.bake()
        return self.net.eval().requires_grad_(False)  # from here on only what it reads is differentiated by

    def state(self) -> State:
        """All that resuming needs; copies, so that it stays as it is while training goes on."""
        counters = np.array([self.seed, self.done, self.best_epoch or 0])
        found = {"counters": counters, "best": np.array([self.best])}
        found |= arrays(self.net.state_dict(), "net.") | arrays(self.best_weights, "best.")
        for name, parameter in self.net.named_parameters():
            found |= arrays(self.optimizer.state[parameter], f"optimizer.{name}.")
        return found | packed(self.objectives)

    def load(self, state: State) -> None:
        self.seed, self.done, best_epoch = (int(number) for number in state["counters"])
        self.best, self.best_epoch = float(state["best"][0]), best_epoch or None
        self.net.load_state_dict(tensors(state, "net."))
        self.best_weights = tensors(state, "best.")
        for name, parameter in self.net.named_parameters():
            self.optimizer.state[parameter] = tensors(state, f"optimizer.{name}.")
        unpack(self.objectives, state)


def spread(holdout: Holdout | None, most: int) -> Holdout | None:
    """At most so many of the people, evenly spread."""
    if holdout is None or len(holdout.people) == 0:
        return None
    at = np.unique(np.linspace(0, len(holdout.people) - 1, min(most, len(holdout.people))).astype(np.int64))
    return Holdout(holdout.people[at], holdout.histories.select(at), holdout.targets.select(at))


def _vectors(config: SequenceConfig, train: Dataset) -> Float | None:
    """The items' text vectors where they are asked for. Raises NotTrainable where no item has any."""
    if config.items == "id":
        return None
    if train.item_vectors is None or not train.item_vectors.any():
        raise NotTrainable("No item of the catalog has a text. Train with items=id, or import titles or descriptions.")
    return train.item_vectors


def _ials_factors(factors: int, train: Dataset, seed: int) -> Float:
    model = IALS(IALSConfig(factors=factors))
    model.fit(train, rng=np.random.default_rng(seed), report=lambda progress, metrics, state: None)
    return model.state()["factors"]
