"""The training that fm, ncf and what learns over episodes share: AdamW, an epoch at a time, stopped by validation.

Every epoch draws from a seed of its own, so that a resumed training repeats nothing and misses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Protocol, cast

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from recommender.algorithms.base import Recommender, Report, State, ndcg
from recommender.data.dataset import Holdout, Int
from recommender.metalearning.group_objectives import GroupObjective, packed, unpack

VALIDATED = 2000
"""People at most whom early stopping looks at after each epoch."""
WARM_UP = 0.05
"""Share of all steps in which the learning rate climbs."""


class Settings(Protocol):
    """What a configuration must have for this training."""

    @property
    def epochs(self) -> int: ...
    @property
    def stop_after(self) -> int | None: ...
    @property
    def patience(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...


Loss = Callable[[Int, np.random.Generator], Tensor]
"""The mean loss of the interactions at these positions; chance comes from the generator and torch's."""


class Training:
    """One training: the network, its optimiser, how far it is and what was best."""

    def __init__(
        self, net: nn.Module, config: Settings, loss: Loss, n_samples: int, seed: int,
        objectives: Mapping[str, GroupObjective] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        """`objectives`: those that `loss` asks, by name; their state is this training's."""
        self.objectives = objectives
        self.net, self.config, self.loss, self.seed, self.n_samples = net, config, loss, seed, n_samples
        self.optimizer = torch.optim.AdamW(net.parameters(), weight_decay=config.weight_decay)
        self.steps = math.ceil(n_samples / config.batch)
        for each in objectives.values():
            each.pace(self.steps)
        self.done, self.best, self.best_epoch = 0, -math.inf, cast(int | None, None)
        self.best_weights: dict[str, Tensor] = {}

    def run(self, judge: Callable[[], float] | None, metric: str, resume: State | None, report: Report) -> int | None:
        """Train to the end, or until `judge` (higher is better) has not risen for `patience` epochs; the net then has
        the best weights. Returns the best epoch, None without a judge. May raise Cancelled."""
        if resume:
            self.load(resume)
        last = min(self.config.epochs, self.config.stop_after or self.config.epochs)
        while self.done < last and not self._waited():
            metrics = {"loss": self.epoch(), "epoch": float(self.done)}
            if judge is not None:
                metrics[metric] = abs(value := judge())
                self._remember(value)
            report(1.0 if self.done >= last or self._waited() else self.done / last, metrics, self.state())
        if self.best_weights:
            self.net.load_state_dict(self.best_weights)
        self.net.eval().requires_grad_(False)
        return self.best_epoch

    def epoch(self) -> float:
        """Every sample once, in an order that only seed and epoch decide. Returns the mean loss."""
        self.done += 1
        rng, total = np.random.default_rng([self.seed, self.done]), 0.0
        order = rng.permutation(self.n_samples)
        self.net.train()
        with seeded(self.seed, self.done):
            for step in range(self.steps):
                for group in self.optimizer.param_groups:
                    group["lr"] = self._rate((self.done - 1) * self.steps + step)
                loss = self.loss(order[step * self.config.batch : (step + 1) * self.config.batch], rng)
                self.optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                self.optimizer.step()
                total += loss.item()
        self.net.eval()
        return total / self.steps

    def _waited(self) -> bool:
        return self.best_epoch is not None and self.done - self.best_epoch >= self.config.patience

    def _remember(self, value: float) -> None:
        if value > self.best:
            self.best, self.best_epoch = value, self.done
            self.best_weights = {name: tensor.clone() for name, tensor in self.net.state_dict().items()}

    def _rate(self, step: int) -> float:
        share = (step + 1) / (self.config.epochs * self.steps)
        return self.config.learning_rate * min(share / WARM_UP, (1 - share) / (1 - WARM_UP) + 1e-3, 1.0)

    def state(self) -> State:
        """All that resuming needs; copies, so that it stays as it is while training goes on."""
        found: State = {"counters": np.array([self.seed, self.done, self.best_epoch or 0])}
        found["best"] = np.array([self.best])
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


def judge_of(model: Recommender, validation: Holdout | None) -> Callable[[], float] | None:
    """NDCG@10 on at most VALIDATED of the people, evenly spread; None where there is nobody."""
    if validation is None or len(validation.people) == 0:
        return None
    at = np.unique(np.linspace(0, len(validation.people) - 1, min(VALIDATED, len(validation.people))).astype(np.int64))
    some = Holdout(validation.people[at], validation.histories.select(at), validation.targets.select(at))
    return lambda: ndcg(model, some)


@contextmanager
def seeded(seed: int, epoch: int) -> Iterator[None]:
    """Torch's random numbers from this seed and epoch; everyone else's are put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(np.random.default_rng([seed, epoch]).integers(2**62)))
        yield


def arrays(given: Mapping[str, Tensor], prefix: str = "") -> State:
    return {prefix + name: tensor.detach().numpy().copy() for name, tensor in given.items()}


def tensors(state: State, prefix: str = "") -> dict[str, Tensor]:
    """The tensors whose names start with `prefix`, without it; copies, as a checkpoint's arrays may be read-only."""
    chosen = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
    return {name: torch.from_numpy(array.copy()) for name, array in chosen.items()}


def drawn_items(n_items: int, most: int, rng: np.random.Generator) -> Int:
    """Up to `most` items, all alike likely: each at most once of a small catalog, perhaps repeated of a large one."""
    return rng.permutation(n_items)[:most] if n_items <= 10 * most else rng.integers(n_items, size=most)


def pooled(bags: sparse.csr_matrix, table: Tensor) -> Tensor:
    """(n, d) Σ weight · row of `table` (m, d) over the entries of each row of `bags` (n, m)."""
    ids, starts = torch.from_numpy(bags.indices.astype(np.int64)), torch.from_numpy(bags.indptr[:-1].astype(np.int64))
    if not len(ids):
        return table.new_zeros(bags.shape[0], table.shape[1])
    return nn.functional.embedding_bag(
        ids, table, starts, mode="sum", per_sample_weights=torch.from_numpy(bags.data)
    )  # fmt: skip
