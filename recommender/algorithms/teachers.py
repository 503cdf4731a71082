"""What recommenders that know behaviour say of items and people as vectors, whose product is the score."""

from __future__ import annotations

from typing import Protocol, cast

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from recommender.algorithms.base import Recommender, State
from recommender.algorithms.ease import EASE, EASEConfig
from recommender.algorithms.ials import IALS, IALSConfig
from recommender.data.dataset import Float, Histories
from recommender.data.preparation import recency

NAMES = ("ials", "ease")


class Teacher(Protocol):
    items: Float
    """(n_items, d)."""

    def people(self, histories: Histories) -> Float:
        """(n_people, d); zeros for whoever did nothing. Of `histories`, items at the end that the teacher has not
        learned count for nothing."""
        ...

    def state(self) -> State: ...


class OfIALS:
    """Items' factors, and people folded in."""

    def __init__(self, model: IALS) -> None:
        self.model, self.items = model, cast(Float, model.state()["factors"])

    def people(self, histories: Histories) -> Float:
        return self.model.people(known(histories, len(self.items)))

    def state(self) -> State:
        config = cast(IALSConfig, self.model.config)
        return self.model.state() | {"numbers": np.array([config.alpha, config.half_life])}

    @classmethod
    def restored(cls, state: State) -> OfIALS:
        alpha, half_life = state["numbers"].tolist()
        return cls(IALS(IALSConfig(alpha=alpha, half_life=half_life)).load_state(state))


class OfEASE:
    """B ≈ L Rᵀ by its largest singular values: an item is a row of R, a person the weighted sum of rows of L."""

    def __init__(self, left: Float, items: Float, half_life: float) -> None:
        self.left, self.items, self.half_life = left, items, half_life

    @classmethod
    def of(cls, model: EASE, d: int) -> OfEASE:
        weights = model.state()["weights"].astype(np.float64)
        rank = min(d, len(weights) - 1)
        if rank < 1:
            return cls(np.zeros((len(weights), 1), np.float32), np.zeros((len(weights), 1), np.float32), 0.0)
        left, sizes, right = svds(weights, k=rank, v0=np.ones(len(weights)))
        root = np.sqrt(sizes)
        half_life = cast(EASEConfig, model.config).half_life
        return cls((left * root).astype(np.float32), (right.T * root).astype(np.float32), half_life)

    def people(self, histories: Histories) -> Float:
        given = known(histories, len(self.items))
        shape = (len(given), len(self.items))
        met = sparse.csr_matrix((recency(given, self.half_life), given.items, given.indptr), shape=shape)
        return cast(Float, np.asarray(met @ self.left, dtype=np.float32))

    def state(self) -> State:
        return {"left": self.left, "right": self.items, "half_life": np.array([self.half_life])}

    @classmethod
    def restored(cls, state: State) -> OfEASE:
        return cls(state["left"], state["right"], float(state["half_life"][0]))


def teacher_of(model: Recommender, d: int) -> Teacher:
    """`model` is a trained ials or ease; of the latter `d` numbers an item."""
    return OfIALS(model) if isinstance(model, IALS) else OfEASE.of(cast(EASE, model), d)


def restored(state: State) -> Teacher:
    return OfIALS.restored(state) if "factors" in state else OfEASE.restored(state)


def known(histories: Histories, n_items: int) -> Histories:
    """Without interactions with items that came later."""
    kept = histories.items < n_items
    return histories if kept.all() else histories.keep(kept)
