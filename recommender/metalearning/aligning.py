"""From what is said of an item to the vector that behaviour would give it: a student aligned with a teacher that knows
behaviour (ALDI: Huang et al., SIGIR 2023), and moved by the first people who take the item (Meta-Embedding: Pan et al.,
SIGIR 2019).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from numpy.typing import NDArray
from torch import Tensor, nn

from recommender.data.dataset import Float
from recommender.metalearning.maml import Episode, Weights, adapt_all

RELIABLE = 0.05
"""a of tanh(a n): how far the vector of an item that n people took is to be learned from (ALDI's teacher weights)."""
SHARPNESS = 10.0
"""Factor of scores in a softmax, at the start."""


def reliability(counts: NDArray[np.int64]) -> Float:
    """(n,) tanh(a · count)."""
    found: Float = np.tanh(RELIABLE * counts).astype(np.float32)
    return found


def ridge(content: Float, vectors: Float, weights: Float, penalty: float) -> Float:
    """(width, d) W of the least Σ w |Wᵀ x − y|² + λ |W|², the last column of `content` (ones) unpenalised."""
    wide = content.astype(np.float64)
    weighted = wide * weights[:, None]
    pulls = np.full(wide.shape[1], penalty)
    pulls[-1] = 1e-6
    found: Float = np.linalg.solve(weighted.T @ wide + np.diag(pulls), weighted.T @ vectors).astype(np.float32)
    return found


class Student(nn.Module):
    """ŷ = Wᵀ x + MLP(x), W from `ridge`, the MLP next to nothing at first; and how first takers move ŷ.

    `mean` (d,) and `spread` (d, d): of people's vectors, against which an item's takers stand out.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, width: int, d: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.straight = nn.Linear(width, d, bias=False)
        self.bent = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, d)
        )
        for parameter in self.bent[-1].parameters():
            parameter.data *= 0.1
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(SHARPNESS)))
        self.rate = nn.Parameter(torch.full((d,), 0.1))
        self.log_few = nn.Parameter(torch.tensor(math.log(10.0)))
        self.register_buffer("mean", torch.zeros(d))
        self.register_buffer("spread", torch.eye(d))

    def forward(self, content: Tensor) -> Tensor:
        found: Tensor = self.straight(content) + self.bent(content)
        return found

    def warmed(self, vectors: Tensor, takers: Tensor, counts: Tensor) -> Tensor:
        """ŷ (m, d) after one step on `counts` (m,) takers whose mean vector is `takers` (m, d); ŷ where there are none.

        The step lowers n / (n + κ) · (log E exp(k xᵀy) − k mean(x)ᵀy): that these people take it rather than others,
        people's vectors x taken as normally distributed. Step sizes and κ are learned with the student.
        """
        k, few = self.log_sharpness.exp(), self.log_few.exp()

        def loss(weights: Weights, item: Episode) -> Tensor:
            y = item["vector"] + weights["shift"]
            among = k * (self.mean @ y) + 0.5 * k**2 * (y @ self.spread @ y)
            return item["counts"] / (item["counts"] + few) * (among - k * (item["takers"] @ y))

        items = {"vector": vectors, "takers": takers, "counts": counts}
        shift = adapt_all(
            loss, {"shift": torch.zeros_like(self.mean)}, items, {"shift": self.rate}, steps=1, second=True
        )
        return vectors + shift["shift"]


@dataclass(frozen=True)
class Alignment:
    """How much each difference between student and teacher counts beside what people really took."""

    ranking: float
    rating: float
    identity: float


def taken(scores: Tensor, took: Tensor, among: Tensor) -> Tensor:
    """Mean −log softmax, of what each of n people `took` (n, m; 1 or 0), over what they could take (`among`, n, m)."""
    logs = F.log_softmax(scores + torch.log(among + 1e-30), dim=1)
    return -(logs * took * among).sum() / (took * among).sum().clamp(min=1)


def alignment(people: Tensor, student: Tensor, teacher: Tensor, weights: Tensor, k: Tensor, how: Alignment) -> Tensor:
    """ALDI's three differences for `people` (n, d) and items' vectors (m, d) with reliabilities `weights` (m,).

    Ranking: cross-entropy of the teacher's ranking of the items for each person and the student's. Rating: the mean
    absolute difference of scores. Identity: the mean squared difference of items' products with each other.
    """
    said, known = people @ student.T, people @ teacher.T
    wanted = F.softmax(k.detach() * known, dim=1) * weights
    ranking = -(wanted * F.log_softmax(k * said, dim=1)).sum() / wanted.sum().clamp(min=1e-6)
    rating = ((said - known).abs() * weights).sum() / weights.sum().clamp(min=1e-6) / len(people)
    identity = ((student @ student.T - teacher @ teacher.T) ** 2 * weights[:, None]).mean()
    return how.ranking * ranking + how.rating * rating + how.identity * identity
