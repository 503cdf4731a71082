"""A small network that learns from a large recommender: knowledge distillation (Hinton, Vinyals, Dean, 2015), ranking
distillation (Tang, Wang, KDD 2018) and, of a teacher that reads sequences, hints (Romero et al., ICLR 2015).

The student reads histories by one layer of attention; what it is to predict at each place is what came next, and what
the teacher holds or would have recommended there. It serves without the teacher.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from torch import Tensor

from recommender.algorithms import registry
from recommender.algorithms.alone import Alone
from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, hyper, ndcg, require_data
from recommender.algorithms.lessons import held, taught
from recommender.algorithms.sasrec import Block, Net, SASRecConfig
from recommender.algorithms.sequence_items import Items, SequenceNet
from recommender.algorithms.sequence_recommender import SequenceRecommender
from recommender.algorithms.sequence_training import PLACES, Build, Training, spread
from recommender.algorithms.sequences import TINY, each_softmax, following, lowered
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import BadConfig, NotTrainable

TIMED, ROUNDS = 256, 3
"""People whose scoring is timed, and how often; the quickest counts."""


@dataclass(frozen=True)
class StudentConfig(SASRecConfig):
    """Its teacher, what it learns from it, and its own size."""

    teacher: str = hyper("sasrec", "The recommender it learns from, such as sasrec or ensemble.")
    hidden: float = hyper(
        1.0,
        "Weight of being like the teacher inside, at each place of a history, where the teacher reads sequences. With "
        "0 it is asked for lists, as every other teacher is.",
        low=0.0,
        high=100.0,
    )
    soft: float = hyper(
        0.7, "Share of the teacher’s lists in what it learns; the rest is what came next.", low=0.0, high=1.0
    )
    ranking: float = hyper(
        0.3, "Of the teacher’s part, the share of its ranks; the rest is of its scores.", low=0.0, high=1.0
    )
    temperature: float = hyper(
        1.0, "Divides the teacher’s scores: more makes its best items more alike.", low=0.01, high=100
    )
    decay: float = hyper(10.0, "Ranks after which a rank weighs 1/e of the first.", low=0.1, high=1000.0)
    best: int = hyper(40, "Items of the teacher’s list that it learns from.", low=1, high=1000)
    places: int = hyper(
        8, "Places of each person that a teacher which reads no sequences is asked about.", low=1, high=1000
    )
    blocks: int = hyper(1, "Layers of attention.", low=1, high=12)
    hidden_items: float = hyper(0.0, "Share of a history's items hidden while training.", low=0.0, high=0.9)
    epochs: int = hyper(8, "Passes over everyone; the learning rate falls to zero over them.", low=1, high=1000)
    patience: int = hyper(8, "Epochs without a better validation NDCG@10 after which training stops.", low=1, high=1000)
    initial: str = hyper(
        "teacher",
        "What the network starts from: teacher takes over what fits of one that reads sequences (its items, and where "
        "width and heads are the same its first layers), else as ials; ials and random as in sasrec.",
        choices=("teacher", "ials", "random"),
    )
    loss: str = hyper("softmax", "It compares with the whole catalog.", choices=("softmax",), tune=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        barred = {Student.name} | registry.REMEMBERING
        if self.teacher not in registry.ALGORITHMS or self.teacher in barred or not registry.ranks(self.teacher):
            message = "teacher names another recommender that makes lists and keeps no rows about people."
            raise BadConfig(message, field="teacher")


class Student(SequenceRecommender):
    """score(u, i) = h(u)ᵀ e(i) as in sasrec, of one layer.

    Loss at each place: −Σᵢ q(i) log softmax(h Eᵀ)ᵢ, q what came next; and of a teacher that reads sequences, h′ what it
    holds there, + hidden · Σ ‖h − h′P‖² / Σ ‖h′P‖² (P: see `onto`); of another, q = (1 − soft) · what came next
    + soft · what the teacher says (see lessons.Lessons.weights).
    """

    name: ClassVar[str] = "student"
    config_class: ClassVar[type[Config]] = StudentConfig

    def __init__(self, config: StudentConfig | None = None) -> None:
        super().__init__(config)
        self._alone: Alone | None = None

    @classmethod
    def parents(cls, config: Config) -> tuple[str, ...]:
        return (cast(StudentConfig, config).teacher,)

    @classmethod
    def settings_for(cls, names: tuple[str, ...]) -> Mapping[str, Any]:
        return {"teacher": names[0]} if names else {}

    def build(self, items: Items) -> SequenceNet:
        return Net(items, cast(StudentConfig, self.config))

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
        """As sequence recommenders train. With `validation`, which the teacher must not have learned from, the last
        report holds NDCG@10, milliseconds a person and bytes of teacher and student. Raises NotTrainable, Cancelled."""
        require_data(train)
        config, seed = cast(StudentConfig, self.config), int(rng.integers(2**31))
        teacher = (parents or {}).get(config.teacher)
        if teacher is None:
            raise NotTrainable(f"The student lacks its trained teacher {config.teacher}.")
        if resume:
            seed = int(resume["counters"][0])
        training = Distilling(self.build, config, train, validation, seed, teacher, lambda _: report(0.0, {}, None))
        if resume:
            training.load(resume)
        while not training.over:
            metrics = {"epoch": float(training.done + 1), "loss": training.epoch()}
            if training.validation is not None:
                metrics["ndcg@10"] = training.validate(self._with)
            report(0.99 * training.done / training.last, metrics, training.state())
        self._best_epoch = training.best_epoch
        self._with(training.best_net())
        report(1.0, _beside(teacher, self, training.validation), None)
        return self

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        net = self._fitted()
        if len(histories) != 1 or net.items.known is not None or not Alone.can_read(net):
            return super().score(histories, items=items, adapted=adapted)
        self._alone = self._alone or Alone(cast(Net, net))
        rows = self._alone.rows[:-1] if items is None else self._alone.rows[items]
        return cast(Float, (rows @ self._alone.hidden(histories.items_of(0)))[None])

    def _with(self, net: SequenceNet) -> Self:
        self._alone = None
        return super()._with(net)


class Distilling(Training):
    """The training of sequence recommenders, with a teacher's lessons: what it holds, or else lists, at each place."""

    def __init__(
        self, build: Build, config: StudentConfig, train: Dataset, validation: Holdout | None, seed: int,
        teacher: Recommender, tell: Callable[[float], None],
    ) -> None:  # fmt: skip
        reads = isinstance(teacher, SequenceRecommender)
        if config.initial == "teacher" and not reads:
            config = config.replace(initial="ials")
        super().__init__(build, config, train, validation, seed)
        self.weight, self.soft = config.hidden if reads else 0.0, config.soft
        met = train.histories.select(np.flatnonzero(train.histories.lengths))
        self.first, self.lengths = met.indptr[:-1], met.lengths
        if isinstance(teacher, SequenceRecommender):
            its = teacher._fitted()
            to = onto(its.candidates.float(), config.factors)
            if config.initial == "teacher":
                take_over(cast(Net, self.net), its, to)
            if self.weight:
                self.held, self.soft = held(teacher, met, to, tell), 0.0
        if self.soft:
            chance = np.random.default_rng([seed, 0])
            self.lessons = taught(teacher, met, config.best, config.places, chance, tell)
            self.weights = self.lessons.weights(config.temperature, config.decay, config.ranking)

    def _loss(self, rows: Int) -> Tensor:
        lengths = self.read.lengths[rows] - 1  # the last token is only a target
        ids = self.read.ids[rows, : lengths.max() + 1]
        real = np.arange(lengths.max()) < lengths[:, None]
        table = self.net.items()
        with torch.autocast(self.device.type, self.kind, enabled=self.kind != torch.float32):
            tokens = lowered(self._hidden(self.net.tokens(self._there(ids[:, :-1].copy()), table)))
            hidden = self.net(tokens, self._there(lengths), only_last=False)
        hidden = hidden[self._there(real)].float()
        ends = self.first[rows] + self.lengths[rows]
        at = np.concatenate([np.arange(end - length, end) for end, length in zip(ends, lengths, strict=True)])
        wanted, shares = self._targets(at, *following(ids, lengths, self.config.ahead, self.net.n_items))
        people, candidates = np.repeat(self.people[rows], lengths), table[: self.net.n_items]
        if self.objectives and self.weight:
            told = each_softmax(hidden, candidates, self._there(wanted), self._there(shares), self.kind)
            return self.objectives[PLACES](told + self.weight * self._each_apart(hidden, at), people)
        loss = self._softmax(hidden, candidates, wanted, shares, people)
        return loss + self.weight * self._apart(hidden, at) if self.weight else loss

    def _targets(self, at: Int, hard: Int, hard_shares: Float) -> tuple[Int, Float]:
        """(places, ahead + k) items and their weights, which sum to 1: what came next, then what the teacher says."""
        if not self.soft:
            return hard, hard_shares
        part = np.where(self.lessons.taught[at], self.soft, 0.0)[:, None].astype(np.float32)
        shares = np.concatenate([(1 - part) * hard_shares, part * self.weights[at]], axis=1)
        return np.concatenate([hard, self.lessons.items[at].astype(np.int64)], axis=1), shares

    def _apart(self, hidden: Tensor, at: Int) -> Tensor:
        """Σ ‖h − h′‖² / Σ ‖h′‖² over the places `at` that the teacher has read: 0 where nothing tells them apart."""
        read = self.held.read[at]
        wanted = self._there(self.held.hidden[at[read]].astype(np.float32))
        return (hidden[self._there(read)] - wanted).square().sum() / wanted.square().sum().clamp(min=TINY)

    def _each_apart(self, hidden: Tensor, at: Int) -> Tensor:
        """(n,) what `_apart` is the mean of: n ‖h − h′‖² / Σ ‖h′‖², 0 at places that the teacher has not read."""
        read = self.held.read[at]
        wanted = self._there(self.held.hidden[at[read]].astype(np.float32))
        apart = (hidden[self._there(read)] - wanted).square().sum(dim=1) / wanted.square().sum().clamp(min=TINY)
        return hidden.new_zeros(len(at)).index_put((self._there(np.flatnonzero(read)),), len(at) * apart)


def onto(rows: Tensor, d: int) -> Tensor:
    """P (d′, d), by which the vectors of a teacher become as wide as the student's. Where d is less, the first right
    singular vectors of its items' rows (n, d′), which keep the products with them best; else the identity, with zeros
    behind it."""
    if d >= rows.shape[1]:
        return torch.eye(rows.shape[1], d, device=rows.device)
    found = torch.linalg.eigh(rows.T @ rows)[1].flip(1)[:, :d]
    signs = found.gather(0, found.abs().argmax(0, keepdim=True)).sign()  # the same on every machine
    return cast(Tensor, (found * signs).contiguous())


@torch.no_grad()
def take_over(net: Net, its: SequenceNet, to: Tensor) -> None:
    """`net` begins with the items of the teacher's network `its`, and where both are built alike with its places (the
    newest), its norm and its first layers."""
    net.items.begin_as(its.items() @ to)
    if not isinstance(its, Net) or to.shape[0] != to.shape[1]:
        return
    most = min(net.length, its.length)
    net.places.weight[-most:] = its.places.weight[-most:]
    net.norm.load_state_dict(its.norm.state_dict())
    for own, block in zip(cast(list[Block], net.blocks), cast(list[Block], its.blocks), strict=False):
        if own.heads == block.heads and own.wide.weight.shape == block.wide.weight.shape:
            own.load_state_dict(block.state_dict())


def _beside(teacher: Recommender, student: Recommender, validation: Holdout | None) -> dict[str, float]:
    """What teacher and student reach, need and hold; nothing without validation."""
    asked = spread(validation, TIMED)
    if asked is None or validation is None:
        return {}
    found: dict[str, float] = {}
    for name, model in (("teacher", teacher), ("student", student)):
        found[f"{name} quality"] = ndcg(model, validation)
        found[f"{name} ms"] = 1000 * seconds(model, asked.histories) / len(asked.people)
        found[f"{name} bytes"] = float(sum(array.nbytes for array in model.state().values()))
    return found


def seconds(model: Recommender, histories: Histories) -> float:
    """The least time of scoring `histories`, of ROUNDS."""
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        model.score(histories)
        taken.append(time.perf_counter() - started)
    return min(taken)
