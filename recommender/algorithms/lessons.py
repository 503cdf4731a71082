"""What a teacher would recommend at each place of histories, and what it holds there: what a student learns from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from recommender.algorithms.base import Recommender, mask_seen, top_k
from recommender.algorithms.sequence_recommender import SequenceRecommender
from recommender.algorithms.sequences import windows
from recommender.data.dataset import Float, Histories, Int

PEOPLE = 64
"""People whom a teacher is asked about at once."""
TOKENS = 25_600
"""Tokens that a teacher which reads sequences reads at once."""


@dataclass(frozen=True)
class Lessons:
    """Of each place of histories (a place per interaction: what was known before it), the teacher's best items.

    `items` (nnz, k) int32, `scores` (nnz, k) float32 descending; `taught` (nnz,) where the teacher was asked.
    """

    items: NDArray[np.int32]
    scores: Float
    taught: NDArray[np.bool_]

    def weights(self, temperature: float, decay: float, ranking: float) -> Float:
        """(nnz, k), each row summing to 1 (to 0 where the teacher was not asked):

        (1 − ranking) softmax(score / T) + ranking e^(−r / decay) / Σ e^(−r / decay), r = 0, 1, … the rank: the soft
        targets of Hinton, Vinyals, Dean (2015) among the first k, and the weights of ranks of ranking distillation
        (Tang, Wang, KDD 2018).
        """
        shifted = np.where(self.taught[:, None], self.scores - self.scores[:, :1], 0.0) / temperature
        soft = np.exp(shifted)
        soft /= soft.sum(axis=1, keepdims=True)
        ranks = np.exp(-np.arange(self.items.shape[1]) / decay)
        mixed = (1 - ranking) * soft + ranking * ranks / ranks.sum()
        return cast(Float, (mixed * self.taught[:, None]).astype(np.float32))


def taught(
    teacher: Recommender, met: Histories, k: int, places: int, rng: np.random.Generator, tell: Callable[[float], None]
) -> Lessons:
    """The lessons of `teacher` about `met`, without what was met before each place.

    One that reads sequences says in one reading what follows each place it can see (counted from the end of the whole
    history, as it was trained); another is asked about the last
    and at most `places` − 1 other places of each person, drawn by chance. `tell(0..1)` may raise Cancelled.
    """
    nothing = met.select(np.zeros(min(1, len(met)), dtype=np.int64)).keep(
        np.zeros(met.lengths[:1].sum(), dtype=np.bool_)
    )
    k = min(k, teacher.score(nothing).shape[1])
    found = Lessons(
        np.zeros((len(met.items), k), dtype=np.int32),
        np.zeros((len(met.items), k), dtype=np.float32),
        np.zeros(len(met.items), dtype=np.bool_),
    )
    asked = _read(teacher, met) if isinstance(teacher, SequenceRecommender) else _asked(teacher, met, places, rng)
    for share, at, scores in asked:
        best, values = top_k(scores, k)
        there = (best >= 0).all(axis=1)
        found.items[at[there]], found.scores[at[there]] = best[there], values[there]
        found.taught[at[there]] = True
        tell(share)
    return found


Part = tuple[float, Int, Float]
"""How far it is, places of the histories, and scores (n, n_items) there, −inf for what was met before."""


def _read(teacher: SequenceRecommender, met: Histories) -> Iterator[Part]:
    table = teacher._fitted().candidates.float()
    for share, places, hidden in _hidden(teacher, met):
        people = met.rows[places]
        for row in np.unique(people).tolist():
            own = np.flatnonzero(people == row)
            at, items = places[own] - met.indptr[row], met.items_of(row)
            scores = (hidden[torch.from_numpy(own)] @ table.T).cpu().numpy()
            for place in range(at[-1]):  # what was met at `place` is known from the next on
                scores[max(0, place + 1 - at[0]) :, items[place]] = -np.inf
            yield share, places[own], scores


@dataclass(frozen=True)
class Held:
    """What a teacher that reads sequences holds at each place of histories: `hidden` (nnz, d) float16 where it has
    `read` (nnz,), which is what it sees of each history."""

    hidden: NDArray[np.float16]
    read: NDArray[np.bool_]


def held(teacher: SequenceRecommender, met: Histories, onto: torch.Tensor, tell: Callable[[float], None]) -> Held:
    """h P at each place, P = `onto` (d', d). `tell(0..1)` may raise Cancelled."""
    found = Held(np.zeros((len(met.items), onto.shape[1]), dtype=np.float16), np.zeros(len(met.items), dtype=np.bool_))
    for share, at, hidden in _hidden(teacher, met):
        found.hidden[at], found.read[at] = (hidden @ onto.to(hidden.device)).cpu().numpy(), True
        tell(share)
    return found


@torch.inference_mode()
def _hidden(teacher: SequenceRecommender, met: Histories) -> Iterator[tuple[float, Int, torch.Tensor]]:
    """How far it is, places of `met`, and what the teacher reads before each (n, d); histories of like length go
    together. Places are those that it sees, counted from the end of the whole history, as it was trained."""
    net = teacher._fitted()
    rows, lengths = net.items(), np.minimum(met.lengths + 1, net.length)
    order = np.argsort(lengths, kind="stable")
    many = max(1, TOKENS // net.length)
    for start in range(0, len(order), many):
        people = order[start : start + many]
        read = windows(met.select(people), net.n_items, net.length)
        tokens = net.tokens(torch.from_numpy(read.ids).to(rows.device), rows)
        hidden = net(tokens, torch.from_numpy(read.lengths).to(rows.device), only_last=False)
        steps = np.arange(read.ids.shape[1])
        inside = steps < read.lengths[:, None] - 1  # the last predicts what nobody knows yet
        place = (met.indptr[people + 1] - read.lengths + 1)[:, None] + steps
        yield (start + len(people)) / len(order), place[inside], hidden[torch.from_numpy(inside)].float()


def _asked(teacher: Recommender, met: Histories, places: int, rng: np.random.Generator) -> Iterator[Part]:
    chosen = np.concatenate([_drawn(int(length), places, rng) + first
                             for length, first in zip(met.lengths, met.indptr[:-1], strict=True)])  # fmt: skip
    for start in range(0, len(chosen), PEOPLE):
        at = chosen[start : start + PEOPLE]
        people = met.rows[at]
        starts, lengths = met.indptr[people], at - met.indptr[people]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        where = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        fields = {name: column[people] for name, column in met.fields.items()}
        before = _with(met.take(where), indptr, fields)
        yield (start + len(at)) / len(chosen), at, mask_seen(teacher.score(before), before)


def _with(histories: Histories, indptr: Int, fields: dict[str, NDArray[np.generic]]) -> Histories:
    given = {**vars(histories), "indptr": indptr, "fields": fields}
    return Histories(**{name: given[name] for name in Histories.__dataclass_fields__})


def _drawn(length: int, places: int, rng: np.random.Generator) -> Int:
    if length <= places:
        return np.arange(length)
    others = rng.choice(length - 1, size=places - 1, replace=False) if places > 1 else np.empty(0, dtype=np.int64)
    return np.append(np.sort(others), length - 1).astype(np.int64)
