"""Self-attentive sequential recommendation (Kang, McAuley, ICDM 2018), trained with a softmax over the whole catalog.

Network and losses are in sasrec_network.py; these two files are the only ones that import torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, ndcg, require_data
from recommender.algorithms.ials import IALS, IALSConfig
from recommender.algorithms.sasrec_network import Net, SASRecConfig, WholeSoftmax, sampled_loss
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import NotFitted

ROWS = 256
"""People scored in one forward pass."""
VALIDATED = 2000
"""People at most whom early stopping looks at after each epoch."""
WARM_UP = 0.1
"""Share of all steps in which the learning rate climbs."""


@dataclass(frozen=True)
class Windows:
    """The newest tokens of people, padded on the right.

    `ids` (n, w), n_items where there is no item; `lengths` (n,) real tokens; `at` (n, w) place in `Histories.items`,
    −1 for the start token and padding.
    """

    ids: Int
    lengths: Int
    at: Int


def windows(histories: Histories, n_items: int, length: int) -> Windows:
    """The start token and the history, of which the last `length` tokens."""
    everything = histories.lengths + 1
    lengths = np.minimum(everything, length)
    steps = np.arange(lengths.max(initial=1))
    token = (everything - lengths)[:, None] + steps  # 0 = start token, t = the t-th interaction
    real = (steps < lengths[:, None]) & (token > 0)
    at = np.where(real, histories.indptr[:-1, None] + token - 1, -1)
    ids = np.full(at.shape, n_items, dtype=np.int64)
    ids[real] = histories.items[at[real]]
    return Windows(ids, lengths, at)


class SASRec:
    """score(u, i) = h(u)ᵀ e(i), h the network's reading of the history, e the items' embeddings."""

    name: ClassVar[str] = "sasrec"
    config_class: ClassVar[type[Config]] = SASRecConfig
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = True

    def __init__(self, config: SASRecConfig | None = None) -> None:
        self.config: Config = config or SASRecConfig()
        self._net: Net | None = None
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
        """Train. Every epoch draws from a seed of its own, so that a resumed training repeats nothing and misses
        nothing. With `validation`, the weights of the best epoch are kept. Raises NotTrainable, Cancelled."""
        require_data(train)
        seed = int(rng.integers(2**31))
        training = Training(cast(SASRecConfig, self.config), train, validation, seed)
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

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        net = self._fitted()
        table = net.candidates if items is None else net.candidates[torch.from_numpy(np.asarray(items))]
        scores = np.empty((len(histories), len(table)), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(histories), ROWS):
                rows = np.arange(start, min(start + ROWS, len(histories)))
                ids, lengths = self._read(histories.select(rows))
                hidden = net(net.tokens(ids), lengths, only_last=True)
                with torch.autocast(hidden.device.type, enabled=False):  # in bfloat16 many scores would be equal
                    scores[rows] = (hidden.float() @ table.T).cpu().numpy()
        return scores

    def embed(self, histories: Histories) -> dict[str, Any]:
        """`tokens` (n_people, w, d): what the network reads, a leaf to differentiate by; `places` (n_people, w): where
        in `histories.items` each token is, −1 for the start token and padding (whose gradient is exactly 0)."""
        net = self._fitted()
        read = windows(histories, net.n_items, net.length)
        ids = torch.from_numpy(read.ids).to(net.items.weight.device)
        return {"tokens": net.tokens(ids).detach().requires_grad_(), "places": torch.from_numpy(read.at)}

    def score_embedded(self, embedded: Mapping[str, Any], histories: Histories, items: Int) -> Any:
        """(n_people, k) scores of each person's k `items` (n_people, k), differentiable by `embedded["tokens"]`."""
        net = self._fitted()
        lengths = torch.from_numpy(np.minimum(histories.lengths + 1, net.length)).to(embedded["tokens"].device)
        hidden = net(embedded["tokens"], lengths, only_last=True)
        wanted = F.embedding(torch.from_numpy(np.asarray(items)).to(hidden.device), net.items.weight.detach())
        return (hidden[:, None] * wanted).sum(dim=2)

    def state(self) -> State:
        return _arrays(self._fitted().state_dict())

    def load_state(self, state: State) -> Self:
        net = Net(len(state["items.weight"]) - 1, cast(SASRecConfig, self.config)).to(_device())
        net.load_state_dict(_tensors(state))
        self._net = net.eval().requires_grad_(False)
        return self

    def _with(self, net: Net) -> Self:
        self._net = net
        return self

    def _read(self, histories: Histories) -> tuple[Tensor, Tensor]:
        net = self._fitted()
        read, device = windows(histories, net.n_items, net.length), net.items.weight.device
        return torch.from_numpy(read.ids).to(device), torch.from_numpy(read.lengths).to(device)

    def _fitted(self) -> Net:
        if self._net is None:
            raise NotFitted("This recommender has not been trained.")
        return self._net


class Training:
    """One training: the network, its optimiser, how far it is and what was best."""

    def __init__(self, config: SASRecConfig, train: Dataset, validation: Holdout | None, seed: int) -> None:
        self.config, self.seed, self.validation = config, seed, _spread(validation, VALIDATED)
        self.device, self.kind = _device(), _kind(config.precision)
        with _seeded(seed, 0, self.device):
            self.net = Net(train.n_items, config).to(self.device)
        if config.initial == "ials":
            self.net.start_from(_ials_factors(config.factors, train, seed))
        self.optimizer = torch.optim.AdamW(self.net.parameters(), weight_decay=config.weight_decay, fused=True)
        met = train.histories.select(np.flatnonzero(train.histories.lengths))
        self.read = windows(met, train.n_items, config.length + 1)
        self.steps = math.ceil(len(met) / config.batch)
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
        with _seeded(self.seed, self.done, self.device):
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
        targets = torch.from_numpy(ids[:, 1:][real]).to(self.device)
        tokens, sizes = torch.from_numpy(ids[:, :-1].copy()).to(self.device), torch.from_numpy(lengths).to(self.device)
        with torch.autocast(self.device.type, self.kind, enabled=self.kind != torch.float32):
            hidden = self.net(self.net.tokens(tokens), sizes, only_last=False)
        hidden = hidden[torch.from_numpy(real).to(self.device)].float()
        if self.config.loss != "softmax":
            return sampled_loss(self.config, hidden, self.net.candidates, targets)
        loss: Tensor = WholeSoftmax.apply(hidden, self.net.candidates, targets, self.kind)  # type: ignore[no-untyped-call]
        return loss

    def validate(self, score: Callable[[Net], Recommender]) -> float:
        """NDCG@10 on (at most VALIDATED of) the validation people; remembers the best weights."""
        assert self.validation is not None
        with torch.autocast(self.device.type, self.kind, enabled=self.kind != torch.float32):
            value = ndcg(score(self.net.eval()), self.validation)
        if value > self.best:
            self.best, self.best_epoch = value, self.done
            self.best_weights = {name: tensor.clone() for name, tensor in self.net.state_dict().items()}
        return value

    def best_net(self) -> Net:
        if self.best_weights:
            self.net.load_state_dict(self.best_weights)
        self.net.zero_grad()
        return self.net.eval().requires_grad_(False)  # from here on only what it reads is differentiated by

    def state(self) -> State:
        """All that resuming needs; copies, so that it stays as it is while training goes on."""
        counters = np.array([self.seed, self.done, self.best_epoch or 0])
        found = {"counters": counters, "best": np.array([self.best])}
        found |= _arrays(self.net.state_dict(), "net.") | _arrays(self.best_weights, "best.")
        for name, parameter in self.net.named_parameters():
            found |= _arrays(self.optimizer.state[parameter], f"optimizer.{name}.")
        return found

    def load(self, state: State) -> None:
        self.seed, self.done, best_epoch = (int(number) for number in state["counters"])
        self.best, self.best_epoch = float(state["best"][0]), best_epoch or None
        self.net.load_state_dict(_tensors(state, "net."))
        self.best_weights = _tensors(state, "best.")
        for name, parameter in self.net.named_parameters():
            self.optimizer.state[parameter] = _tensors(state, f"optimizer.{name}.")


def _spread(holdout: Holdout | None, most: int) -> Holdout | None:
    """At most so many of the people, evenly spread."""
    if holdout is None or len(holdout.people) == 0:
        return None
    at = np.unique(np.linspace(0, len(holdout.people) - 1, min(most, len(holdout.people))).astype(np.int64))
    return Holdout(holdout.people[at], holdout.histories.select(at), holdout.targets.select(at))


def _ials_factors(factors: int, train: Dataset, seed: int) -> Float:
    model = IALS(IALSConfig(factors=factors))
    model.fit(train, rng=np.random.default_rng(seed), report=lambda progress, metrics, state: None)
    return model.state()["factors"]


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _kind(precision: str) -> torch.dtype:
    """bfloat16 where asked for, or where the processor multiplies it natively; elsewhere it would be emulated."""
    if precision != "auto":
        return torch.bfloat16 if precision == "bfloat16" else torch.float32
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    can = torch.cpu.get_capabilities()
    return torch.bfloat16 if can.get("avx512_bf16") or can.get("amx_bf16") else torch.float32


@contextmanager
def _seeded(seed: int, epoch: int, device: torch.device) -> Iterator[None]:
    """Torch's random numbers from this seed and epoch; everyone else's are put back afterwards."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int(np.random.default_rng([seed, epoch]).integers(2**62)))
        yield


def _arrays(tensors: Mapping[str, Tensor], prefix: str = "") -> State:
    return {prefix + name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}


def _tensors(state: State, prefix: str = "") -> dict[str, Tensor]:
    """The tensors whose names start with `prefix`, without it; copies, as a checkpoint's arrays may be read-only."""
    chosen = {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}
    return {name: torch.from_numpy(array.copy()) for name, array in chosen.items()}
