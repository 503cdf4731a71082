"""What prototypes learn from: items' texts and factors side by side, and histories cut at some moment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from recommender.algorithms.ials import IALS, IALSConfig
from recommender.data.dataset import Dataset, Float, Histories, Int
from recommender.data.text import SIZE, normalised

RIDGE = 10.0
"""Pull towards zero of the map from texts to collaborative factors."""
FEW = 20
"""Interactions that supports hold at most where an episode is one of few."""
UNKNOWN = 0.1
"""Share of items told by their text alone while training, as those will be that come later."""


class Features:
    """What the projection reads of the items of a training: `both` (n_items, 384 + m), the text vector and the factors
    (the latter alone without texts); `through` (384, 384 + m) leads from a text to what stands for both, the factors
    being guessed by ridge regression, so that items told by their text alone, and those nobody met, have a place."""

    def __init__(self, train: Dataset, collaborative: int, seed: int, *, text: bool) -> None:
        factors = _ials_factors(collaborative, train, seed)
        factors /= np.sqrt((factors**2).sum(axis=1).mean()) or 1.0
        self.through: Tensor | None = None
        vectors = train.item_vectors if text else None
        if vectors is None or not vectors.any():
            self.both = torch.from_numpy(factors)
            return
        told = np.asarray(vectors.any(axis=1))
        self.centre: Float = vectors[told].mean(axis=0)
        texts = normalised(np.where(told[:, None], vectors - self.centre, 0.0))
        guess = np.linalg.solve(texts.T @ texts + RIDGE * np.eye(SIZE), texts.T @ factors).astype(np.float32)
        self.through = torch.from_numpy(np.concatenate([np.eye(SIZE, dtype=np.float32), guess], axis=1))
        self._blind = torch.from_numpy(texts) @ self.through
        met = np.bincount(train.histories.items, minlength=train.n_items) > 0
        known = torch.from_numpy(np.concatenate([texts, factors], axis=1))
        self.both = torch.where(torch.from_numpy(met)[:, None], known, self._blind)

    def seen(self, drawn: np.random.Generator) -> Tensor:
        """`both`, with some items told by their text alone."""
        if self.through is None:
            return self.both
        hidden = torch.from_numpy(drawn.random(len(self.both)) < UNKNOWN)
        return torch.where(hidden[:, None], self._blind, self.both)


class Prefixes:
    """What each person did up to some moment, and what came next."""

    def __init__(self, histories: Histories, cuts: int, length: int, ahead: int, few: float) -> None:
        self.histories, self.length, self.ahead, self.few = histories, length, ahead, few
        self.people = np.flatnonzero(histories.lengths > 0)
        self.count = len(self.people) * cuts

    def owners(self, at: Int) -> Int:
        """Whose the episodes `at` are."""
        return self.people[at % len(self.people)]

    def draw(self, at: Int, drawn: np.random.Generator) -> tuple[Histories, Histories]:
        """The supports and what is asked of the episodes `at`, a row each."""
        met, people = self.histories, self.people[at % len(self.people)]
        first, lengths = met.indptr[people], met.lengths[people]
        few = drawn.random(len(at)) < self.few
        most = np.where(few, np.minimum(lengths, FEW + 1), lengths)
        cuts = (drawn.random(len(at)) * most).astype(np.int64)
        support = _part(met, first + np.maximum(0, cuts - self.length), first + cuts)
        return support, _part(met, first + cuts, first + np.minimum(lengths, cuts + self.ahead))


def _part(histories: Histories, starts: Int, ends: Int) -> Histories:
    """The interactions from `starts` to before `ends` (both (n,), places), a row each."""
    indptr = np.concatenate([[0], np.cumsum(ends - starts)]).astype(np.int64)
    at = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], ends - starts)
    return replace(histories.take(at), indptr=indptr, fields={})


def _ials_factors(factors: int, train: Dataset, seed: int) -> Float:
    model = IALS(IALSConfig(factors=factors))
    model.fit(train, rng=np.random.default_rng(seed), report=lambda progress, metrics, state: None)
    return model.state()["factors"].copy()
