"""Adapting to a context (a time of day, a place, a device): its support is what anybody did in it.

A value of a piece of context is an episode of its own: from how many people met which item in it, a ridge regression
in closed form gives it a vector over items' features, and each item a lift. Both shrink to nothing where hardly
anything was seen, and how far they count is learned: while training, the people who are asked are left out of the
counts, and of each value only a share of the others, drawn anew in every step, is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor, nn

from recommender.data.dataset import CONTEXT, Histories, Int
from recommender.data.features import Field, Vocabulary, learn, missing, word_of

LEAST = 0.5
"""Added to an item's count where its share of all is asked for."""


@dataclass(frozen=True)
class ContextCounts:
    """How many people met each item in each value of each piece of context: `counts` (width, n_items)."""

    vocabulary: Vocabulary
    counts: sparse.csr_matrix

    @classmethod
    def of(cls, histories: Histories, n_items: int) -> ContextCounts:
        vocabulary = learn(histories.contexts)
        return cls(vocabulary, counted(vocabulary, histories, n_items))

    @classmethod
    def none(cls, n_items: int) -> ContextCounts:
        return cls(Vocabulary(), sparse.csr_matrix((0, n_items), dtype=np.float32))

    @property
    def field_of(self) -> Int:
        """(width,) which piece of context a value belongs to."""
        fields = self.vocabulary.fields
        return np.repeat(np.arange(len(fields)), [field.width for field in fields]).astype(np.int64)

    def asked(self, histories: Histories) -> Int:
        """(n_people, pieces) the value of the moment of asking; −1 where there is none, or one never seen."""
        moment = {name[len(CONTEXT) :]: each for name, each in histories.fields.items() if name.startswith(CONTEXT)}
        return codes_of(self.vocabulary, moment, len(histories))

    def met(self, support: Histories) -> ContextCounts:
        """With what people did in `support` (who are not among those counted before), values never seen included."""
        fields = tuple(grown(field, support.contexts.get(field.name)) for field in self.vocabulary.fields)
        wider, n_items = Vocabulary(fields), self.counts.shape[1]
        added = [field.width - before.width for field, before in zip(fields, self.vocabulary.fields, strict=True)]
        moved = np.concatenate([[0], np.cumsum(added)]).astype(np.int64)
        place = np.arange(self.vocabulary.width) + moved[self.field_of]
        move = sparse.csr_matrix(
            (np.ones(len(place), dtype=np.float32), (place, np.arange(len(place)))), shape=(wider.width, len(place))
        )
        return ContextCounts(wider, sparse.csr_matrix(move @ self.counts + counted(wider, support, n_items)))

    def packed(self) -> dict[str, NDArray[Any]]:
        parts = {f"contexts.{name}": getattr(self.counts, name) for name in ("data", "indices", "indptr")}
        shape = np.array(self.counts.shape, dtype=np.int64)
        return parts | {"contexts.shape": shape, "contexts.vocabulary": self.vocabulary.packed()}

    @classmethod
    def unpacked(cls, state: Mapping[str, NDArray[Any]]) -> ContextCounts:
        parts = tuple(state[f"contexts.{name}"] for name in ("data", "indices", "indptr"))
        counts = sparse.csr_matrix(parts, shape=tuple(state["contexts.shape"].tolist()))
        return cls(Vocabulary.unpacked(state["contexts.vocabulary"]), counts)


def codes_of(vocabulary: Vocabulary, columns: Mapping[str, NDArray[Any]], n: int) -> Int:
    """(n, fields) the column of each field's value among all of the vocabulary's; −1 where there is none."""
    found, start = np.full((n, len(vocabulary.fields)), -1, dtype=np.int64), 0
    for at, field in enumerate(vocabulary.fields):
        places: dict[Any, int] = {}
        for row, value in enumerate(columns.get(field.name, ())):
            if value is None:
                continue
            if value not in places:
                column = [] if missing(value) else field.columns(value)
                places[value] = start + column[0] if column else -1
            found[row, at] = places[value]
        start += field.width
    return found


def grown(field: Field, column: NDArray[Any] | None) -> Field:
    """`field` with the words of `column` that it does not know yet; ranges of numbers stay as they are."""
    if not field.values or column is None:
        return field
    words = dict.fromkeys(word_of(value) for value in column if not missing(value))
    return replace(field, values=tuple(dict.fromkeys([*field.values, *words])))


def counted(vocabulary: Vocabulary, histories: Histories, n_items: int) -> sparse.csr_matrix:
    """(width, n_items) different people who met each item in each value."""
    return summed(triples(vocabulary, histories), vocabulary.width, n_items)


def triples(vocabulary: Vocabulary, histories: Histories) -> Int:
    """(n, 3) person (row), value and item, each once, in the order of people."""
    codes = codes_of(vocabulary, histories.contexts, len(histories.items))
    each = [
        np.column_stack([histories.rows[known], column[known], histories.items[known]])
        for column in codes.T
        for known in [column >= 0]
    ]
    return np.unique(np.concatenate(each), axis=0) if each else np.zeros((0, 3), dtype=np.int64)


def summed(given: Int, width: int, n_items: int) -> sparse.csr_matrix:
    ones = np.ones(len(given), dtype=np.float32)
    return sparse.csr_matrix((ones, (given[:, 1], given[:, 2])), shape=(width, n_items))


class ContextSupport:
    """Counts that training learns from: without those who are asked, and of each value a share of the rest.

    `all_of` are all interactions; `histories` those that questions are made of, of which `codes` (nnz, pieces) are the
    contexts.
    """

    def __init__(self, counts: ContextCounts, all_of: Histories, histories: Histories) -> None:
        self.counts = counts
        self.triples = triples(counts.vocabulary, all_of)
        self.starts = np.searchsorted(self.triples[:, 0], np.arange(len(all_of) + 1))
        self.codes = codes_of(counts.vocabulary, histories.contexts, len(histories.items))

    def draw(self, people: Int, rng: np.random.Generator) -> sparse.csr_matrix:
        """(width, n_items): each value's share is drawn evenly from 0 to 1 on half of the values, else all of it."""
        own = np.concatenate([self.triples[self.starts[row] : self.starts[row + 1]] for row in people])
        left = self.counts.counts - summed(own, *self.counts.counts.shape)
        left.eliminate_zeros()
        width = left.shape[0]
        share = np.where(rng.random(width) < 0.5, rng.random(width) ** 2, 1.0)
        each = np.repeat(share, np.diff(left.indptr))
        left.data = rng.binomial(left.data.astype(np.int64), each).astype(np.float32)
        return cast(sparse.csr_matrix, left)


class ContextHead(nn.Module):
    """score(c, i) = Σ_f fade_f(n) [gain_f ψ(i)·w_v + lift_f log(1 + N_vi / (κ_f p_i))] over the pieces f of context c.

    v the value of f; w_v = (C + Λ_f / N_v)⁻¹ (ψ̄_v − ψ̄): what sets apart the items met in v, in units of how items
    differ anyway; N_vi people who met i in v, p_i the item's share of all. fade_f(n) = (1 + n)^−b_f: how much less the
    context says about whom n interactions are known of.
    """

    def __init__(self, fields: int, width: int) -> None:
        super().__init__()
        self.log_gain = nn.Parameter(torch.full((fields,), -2.0))
        self.log_lift = nn.Parameter(torch.full((fields,), -1.2))
        self.log_precision = nn.Parameter(torch.full((fields, width), 2.0))
        self.log_kappa = nn.Parameter(torch.full((fields,), 4.6))
        self.fade = nn.Parameter(torch.zeros(fields))

    def values(self, features: Tensor, counts: Tensor, share: Tensor, field: Tensor, total: Tensor) -> Tensor:
        """(V, n) scores of n items in V values. `features` ψ (n, d), `counts` N (V, n), `share` p (n,), `field` (V,)
        the piece of each value, `total` N_v (V,), over all items where n are only some of them."""
        weight = share / share.sum()
        mean = weight @ features
        centred = features - mean
        spread = (centred * weight[:, None]).T @ centred
        seen = counts.sum(1, keepdim=True)
        ours = (counts @ centred) / seen.clamp(min=1)
        penalty = self.log_precision.exp()[field] / total.clamp(min=1)[:, None]
        w = torch.linalg.solve(spread + torch.diag_embed(penalty), ours[..., None])[..., 0]
        lift = torch.log1p(counts / (self.log_kappa.exp()[field][:, None] * share))
        found: Tensor = self.log_gain.exp()[field][:, None] * (w @ centred.T)
        return found + self.log_lift.exp()[field][:, None] * lift

    def forward(self, table: Tensor, codes: Tensor, known: Tensor) -> Tensor:
        """(m, n) scores of m questions: `table` (V, n) from `values`, `codes` (m, pieces) rows of it or −1, `known`
        (m,) interactions known of the person who is asked."""
        fade = torch.exp(-self.fade * torch.log1p(known)[:, None]) * (codes >= 0)
        found = table.new_zeros(len(codes), table.shape[1])
        for at in range(codes.shape[1]):
            found = found + fade[:, at : at + 1] * table[codes[:, at].clamp(min=0)]
        return found


def shares(counts: Int) -> NDArray[np.float32]:
    """(n_items,) each item's share of all interactions, never 0."""
    return cast(NDArray[np.float32], ((counts + LEAST) / (counts + LEAST).sum()).astype(np.float32))
