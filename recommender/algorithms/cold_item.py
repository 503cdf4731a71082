"""Items nobody has met yet, beside those everyone has: what is said of an item becomes the vector that a trained
recommender would give it (ALDI: Huang et al., SIGIR 2023), and the first people who take it move that vector
(Meta-Embedding: Pan et al., SIGIR 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from recommender.algorithms import teachers
from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, hyper, require_data
from recommender.algorithms.epochs import Training, arrays, seeded, tensors
from recommender.algorithms.teachers import Teacher
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import NotFitted
from recommender.metalearning.aligning import Alignment, Student, alignment, reliability, ridge, taken
from recommender.metalearning.episodes import MOST_SHOTS
from recommender.metalearning.features import ItemFeatures

PEOPLE, FOLDS = 10_000, 5
"""People whose vectors are learned from, evenly spread; parts of the items, each once left out of their histories."""
ROWS = 512
"""People in a step."""


@dataclass(frozen=True)
class ColdItemConfig(Config):
    """Whom it learns from, how it is aligned, and training."""

    teacher: str = hyper("ials", "The recommender whose vectors of items it learns to tell.", choices=teachers.NAMES)
    factors: int = hyper(
        128, "Numbers in a vector, with teacher ease; with ials as many as that has.", low=1, high=1024
    )
    use_fields: bool = hyper(True, "Whether items' fields are read (categories, creators, year, attributes).")
    use_text: bool = hyper(True, "Whether texts of items are read, by their vectors from the sentence encoder.")
    penalty: float = hyper(10.0, "Ridge penalty of the map that training starts from.", low=1e-6, high=1e6)
    hidden: int = hyper(128, "Width of the layer beside that map.", low=1, high=4096)
    dropout: float = hyper(0.7, "Share of its numbers hidden while training.", low=0.0, high=0.95)
    ranking: float = hyper(1.0, "Weight of ranking known items as the teacher ranks them.", low=0.0, high=1000.0)
    rating: float = hyper(0.0, "Weight of scoring them as the teacher does.", low=0.0, high=1000.0)
    identity: float = hyper(0.0, "Weight of telling them from each other as the teacher does.", low=0.0, high=1000.0)
    warm: float = hyper(
        0.5,
        "Weight of what is taken after the first takers moved an item, beside before (1 − warm).",
        low=0.0,
        high=1.0,
    )
    trusted: float = hyper(
        200.0, "Interactions of an item at which the teacher's own vector counts half.", low=0.0, high=1e6
    )
    epochs: int = hyper(8, "Passes over the known items; the step falls to zero over them.", low=1, high=1000)
    batch: int = hyper(128, "Items in a step.", low=1, high=65_536)
    learning_rate: float = hyper(1e-3, "Largest step of AdamW.", low=1e-6, high=1.0)
    weight_decay: float = hyper(0.05, "Pull of AdamW towards zero.", low=0.0, high=10.0)


@dataclass(frozen=True)
class Steps:
    """What `Training` wants to know, with a step as its sample."""

    epochs: int
    learning_rate: float
    weight_decay: float
    batch: int = 1
    stop_after: int | None = None
    patience: int = 1


class ColdItem:
    """score(u, i) = x(u)·v(i), x the person's vector by the teacher, v(i) = a y(i) + (1 − a) ŷ′(i), y the teacher's
    vector of the item, ŷ′ the student's, moved by those who took it, a = n / (n + trusted) where n people did.
    """

    name: ClassVar[str] = "cold_item"
    config_class: ClassVar[type[Config]] = ColdItemConfig
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = False

    def __init__(self, config: ColdItemConfig | None = None) -> None:
        self.config: Config = config or ColdItemConfig()
        self._student: Student | None = None
        self._teacher: Teacher | None = None
        self._about: ItemFeatures | None = None
        self._vectors = np.zeros((0, 0), dtype=np.float32)  # (n_items, d)

    @classmethod
    def needs_text(cls, config: Config) -> bool:
        return cast(ColdItemConfig, config).use_text

    @classmethod
    def parents(cls, config: Config) -> tuple[str, ...]:
        """The teacher."""
        return (cast(ColdItemConfig, config).teacher,)

    @classmethod
    def settings_for(cls, names: tuple[str, ...]) -> Mapping[str, str]:
        """Settings that make this algorithm its parent."""
        return {"teacher": ",".join(names)}

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
        """Learn from the teacher among `parents`. Raises NotTrainable, Cancelled."""
        require_data(train)
        config, seed = cast(ColdItemConfig, self.config), int(rng.integers(2**31))
        seed = int(resume["counters"][0]) if resume else seed
        self._teacher = teachers.teacher_of((parents or {})[config.teacher], config.factors)
        self._about = ItemFeatures.of(train, text=config.use_text, fields=config.use_fields)
        fields = train.item_fields if config.use_fields else pd.DataFrame()
        content = self._content(fields, train.item_vectors if config.use_text else None, train.n_items)
        lessons = Lessons(train, self._teacher, content, seed)
        with seeded(seed, 0):
            self._student = self._made(content.shape[1], self._teacher.items.shape[1])
            self._start(lessons)
        student = self._student
        steps = math.ceil(len(lessons.warm) / config.batch)
        of = Steps(config.epochs, config.learning_rate, config.weight_decay)
        training = Training(student, of, lambda at, drawn: lessons.loss(student, config, drawn), steps, seed)
        training.run(None, "", resume, report)
        self._vectors = self._mixed(lessons)
        return self

    def _content(self, fields: pd.DataFrame, texts: Float | None, n: int) -> Float:
        """(n, width) of what is said of items, and a column of ones."""
        return np.hstack([cast(ItemFeatures, self._about).encode(fields, texts, n), np.ones((n, 1), dtype=np.float32)])

    def _made(self, width: int, d: int) -> Student:
        config = cast(ColdItemConfig, self.config)
        return Student(width, d, config.hidden, config.dropout)

    def _start(self, lessons: Lessons) -> None:
        """The closed-form map, and where people's vectors lie."""
        student, warm = cast(Student, self._student), lessons.warm
        penalty = cast(ColdItemConfig, self.config).penalty
        start = ridge(
            lessons.content[warm].numpy(), lessons.known[warm].numpy(), lessons.weights[warm].numpy(), penalty
        )
        student.straight.weight.data = torch.from_numpy(np.ascontiguousarray(start.T))
        student.mean.copy_(lessons.people[0].mean(dim=0))
        centred = lessons.people[0] - student.mean
        student.spread.copy_(centred.T @ centred / max(1, len(centred)))

    def _mixed(self, lessons: Lessons) -> Float:
        """(n_items, d) v."""
        student, n = cast(Student, self._student), lessons.counts.astype(np.float32)
        with torch.no_grad():
            moved = student.warmed(student(lessons.content), *lessons.takers()).numpy()
        share = (n / np.maximum(n + cast(ColdItemConfig, self.config).trusted, 1e-9))[:, None]
        return cast(Float, share * lessons.known.numpy() + (1 - share) * moved)

    def refit_config(self) -> Config:
        return self.config

    def told(
        self, texts: Float, takers: Sequence[Histories] | None = None, fields: pd.DataFrame | None = None
    ) -> Float:
        """(n, d) vectors of items that came after training, by their text vectors (n, SIZE), their `fields` (a row
        each) and, one for each, the histories of those who took them so far. Their scores are products with `people`.
        """
        said = pd.DataFrame() if fields is None else fields
        content, none = self._content(said, texts, len(texts)), np.zeros(self._vectors.shape[1], np.float32)
        met = [self.people(each) for each in takers or ()]
        means = np.array([each.mean(axis=0) if len(each) else none for each in met] or [none] * len(texts))
        counts = np.array([len(each) for each in met] or [0] * len(texts), dtype=np.float32)
        with torch.no_grad():
            student = self._fitted()
            moved = student.warmed(
                student(torch.from_numpy(content)), torch.from_numpy(means), torch.from_numpy(counts)
            )
        return cast(Float, moved.numpy())

    def extend(self, vectors: Float) -> Self:
        """Columns at the end for items that came after training, told by their text vectors (n, SIZE)."""
        self._vectors = np.concatenate([self._vectors, self.told(vectors)])
        return self

    def extend_with(self, fields: pd.DataFrame, vectors: Float) -> Self:
        """Columns at the end for items told by their fields too."""
        self._fitted()
        self._vectors = np.concatenate([self._vectors, self.told(vectors, fields=fields)])
        return self

    def people(self, histories: Histories) -> Float:
        """(n_people, d) x."""
        self._fitted()
        return cast(Teacher, self._teacher).people(histories)

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        people = self.people(histories)
        return cast(Float, people @ (self._vectors if items is None else self._vectors[np.asarray(items)]).T)

    def state(self) -> State:
        found = (
            arrays(self._fitted().state_dict(), "student.")
            | cast(ItemFeatures, self._about).packed()
            | {"vectors": self._vectors}
        )
        return found | {f"teacher.{name}": array for name, array in cast(Teacher, self._teacher).state().items()}

    def load_state(self, state: State) -> Self:
        of = "teacher."
        self._teacher = teachers.restored(
            {name.removeprefix(of): array for name, array in state.items() if name.startswith(of)}
        )
        self._about, self._vectors = ItemFeatures.unpacked(state), state["vectors"]
        with seeded(0, 0):
            student = self._made(state["student.straight.weight"].shape[1], state["student.mean"].shape[0])
        student.load_state_dict(tensors(state, "student."))
        self._student = student.eval().requires_grad_(False)
        return self

    def _fitted(self) -> Student:
        if self._student is None:
            raise NotFitted("This recommender has not been trained.")
        return self._student


class Lessons:
    """What a training learns from: items somebody met (`warm`), their `content` and the teacher's vectors (`known`),
    and people's vectors without the items of a fold, as if these were new: `people[fold]` (n, d), `took` (n, n_items).
    """

    def __init__(self, train: Dataset, teacher: Teacher, content: Float, seed: int) -> None:
        chosen = np.unique(np.linspace(0, train.n_users - 1, min(PEOPLE, train.n_users)).astype(np.int64))
        histories, rng = train.histories.select(chosen), np.random.default_rng([seed, 0])
        self.content, self.known = torch.from_numpy(content), torch.from_numpy(np.array(teacher.items))
        self.counts = np.bincount(train.histories.items, minlength=train.n_items)
        self.weights = torch.from_numpy(reliability(self.counts))
        self.warm: Int = np.flatnonzero(self.counts)
        self.fold = rng.permutation(train.n_items) % FOLDS
        kept = (histories.keep(self.fold[histories.items] != fold) for fold in range(FOLDS))
        self.people = [torch.from_numpy(teacher.people(each)) for each in kept]
        self.took = histories.matrix(train.n_items)

    def loss(self, student: Student, config: ColdItemConfig, rng: np.random.Generator) -> Tensor:
        """What people of a step took of the items of a fold, before and after some takers moved these, and how far
        student and teacher are apart."""
        fold = self.fold[rng.choice(self.warm)]
        items = rng.permutation(self.warm[self.fold[self.warm] == fold])[: config.batch]
        rows = rng.permutation(self.took.shape[0])[:ROWS]
        took = self.took[rows][:, items].toarray()
        support = torch.from_numpy(some_of(took, rng))
        people, taking, k = self.people[fold][rows], torch.from_numpy(took), student.log_sharpness.exp()
        new, counts = student(self.content[items]), support.sum(dim=0)
        moved = student.warmed(new, support.T @ people / counts.clamp(min=1)[:, None], counts)
        before = taken(k * people @ new.T, taking, torch.ones_like(taking))
        after = taken(k * people @ moved.T, taking, 1 - support)
        how = Alignment(config.ranking, config.rating, config.identity)
        apart = alignment(people, new, self.known[items], self.weights[items], k, how)
        return (1 - config.warm) * before + config.warm * after + apart

    def takers(self) -> tuple[Tensor, Tensor]:
        """(n_items, d) the mean vector of those who took each item, found without it, and (n_items,) their number."""
        means = np.zeros(self.known.shape, dtype=np.float32)
        counts = np.asarray(self.took.sum(axis=0), dtype=np.float32).ravel()
        for fold, people in enumerate(self.people):
            at = np.flatnonzero(self.fold == fold)
            means[at] = np.asarray(self.took[:, at].T @ people.numpy()) / np.maximum(counts[at], 1)[:, None]
        return torch.from_numpy(means), torch.from_numpy(counts)


def some_of(took: Float, rng: np.random.Generator) -> Float:
    """(n, m) 1 for 0 to MOST_SHOTS of those who `took` each item, at random, and not for all of them."""
    place = np.argsort(np.argsort(-rng.random(took.shape) * took, axis=0), axis=0)
    shots = np.minimum(rng.integers(MOST_SHOTS + 1, size=took.shape[1]), took.sum(axis=0) - 1)
    return cast(Float, ((place < shots) & (took > 0)).astype(np.float32))
