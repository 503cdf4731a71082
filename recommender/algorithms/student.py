"""A small network that learns from a large recommender: knowledge distillation (Hinton, Vinyals, Dean, 2015) and
ranking distillation (Tang, Wang, KDD 2018).

The student reads histories by one layer of attention; what it is to predict at each place is what came next and what
the teacher would have recommended there. It serves without the teacher.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from torch import Tensor

from recommender.algorithms import registry
from recommender.algorithms.base import Config, Recommender, Report, State, hyper, ndcg, require_data
from recommender.algorithms.lessons import Lessons, taught
from recommender.algorithms.sasrec import Net, SASRecConfig
from recommender.algorithms.sequence_items import Items, SequenceNet
from recommender.algorithms.sequence_recommender import SequenceRecommender
from recommender.algorithms.sequence_training import Build, Training, spread
from recommender.algorithms.sequences import following, lowered, whole_softmax
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import BadConfig, NotTrainable

TIMED, ROUNDS = 256, 3
"""People whose scoring is timed, and how often; the quickest counts."""


@dataclass(frozen=True)
class StudentConfig(SASRecConfig):
    """Its teacher, what it learns from it, and its own size."""

    teacher: str = hyper("sasrec", "The recommender it learns from, such as sasrec or ensemble.")
    soft: float = hyper(
        0.7, "Share of what the teacher says in what it learns; the rest is what came next.", low=0.0, high=1.0
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
    factors: int = hyper(64, "Width of the network; numbers that describe an item.", low=4, high=1024)
    length: int = hyper(50, "Most recent interactions that are read.", low=2, high=1000)
    blocks: int = hyper(1, "Layers of attention.", low=1, high=12)
    heads: int = hyper(2, "Heads of attention; must divide factors.", low=1, high=16)
    epochs: int = hyper(20, "Passes over everyone; the learning rate falls to zero over them.", low=1, high=1000)
    loss: str = hyper("softmax", "It compares with the whole catalog.", choices=("softmax",), tune=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        barred = {Student.name} | registry.REMEMBERING
        if self.teacher not in registry.ALGORITHMS or self.teacher in barred or not registry.ranks(self.teacher):
            message = "teacher names another recommender that makes lists and keeps no rows about people."
            raise BadConfig(message, field="teacher")


class Student(SequenceRecommender):
    """score(u, i) = h(u)ᵀ e(i) as in sasrec, of one small layer.

    Loss at each place: −Σᵢ q(i) log softmax(h Eᵀ)ᵢ, q = (1 − soft) · what came next + soft · what the teacher says (see
    lessons.Lessons.weights).
    """

    name: ClassVar[str] = "student"
    config_class: ClassVar[type[Config]] = StudentConfig

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
        met = train.histories.select(np.flatnonzero(train.histories.lengths))
        chance = np.random.default_rng([seed, 0])
        lessons = taught(teacher, met, config.best, config.places, chance, lambda share: report(0.0, {}, None))
        training = Distilling(self.build, config, train, validation, seed, met, lessons)
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


class Distilling(Training):
    """The training of sequence recommenders, with the teacher's lessons among what each place is to predict."""

    def __init__(
        self, build: Build, config: StudentConfig, train: Dataset, validation: Holdout | None, seed: int,
        met: Histories, lessons: Lessons,
    ) -> None:  # fmt: skip
        super().__init__(build, config, train, validation, seed)
        self.items, self.taught, self.soft = lessons.items, lessons.taught, config.soft
        self.weights = lessons.weights(config.temperature, config.decay, config.ranking)
        self.first, self.lengths = met.indptr[:-1], met.lengths

    def _loss(self, rows: Int) -> Tensor:
        lengths = self.read.lengths[rows] - 1  # the last token is only a target
        ids = self.read.ids[rows, : lengths.max() + 1]
        real = np.arange(lengths.max()) < lengths[:, None]
        table = self.net.items()
        with torch.autocast(self.device.type, self.kind, enabled=self.kind != torch.float32):
            tokens = lowered(self._hidden(self.net.tokens(self._there(ids[:, :-1].copy()), table)))
            hidden = self.net(tokens, self._there(lengths), only_last=False)
        hidden = hidden[self._there(real)].float()
        wanted, shares = self._targets(rows, ids, lengths)
        return whole_softmax(hidden, table[: self.net.n_items], self._there(wanted), self._there(shares), self.kind)

    def _targets(self, rows: Int, ids: Int, lengths: Int) -> tuple[Int, Float]:
        """(places, ahead + k) items and their weights, which sum to 1: what came next, then what the teacher says."""
        hard, hard_shares = following(ids, lengths, self.config.ahead, self.net.n_items)
        ends = self.first[rows] + self.lengths[rows]
        at = np.concatenate([np.arange(end - length, end) for end, length in zip(ends, lengths, strict=True)])
        part = np.where(self.taught[at], self.soft, 0.0)[:, None].astype(np.float32)
        shares = np.concatenate([(1 - part) * hard_shares, part * self.weights[at]], axis=1)
        return np.concatenate([hard, self.items[at].astype(np.int64)], axis=1), shares


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
