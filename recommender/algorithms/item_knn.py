"""Items that meet in the same histories (Sarwar et al., WWW 2001): shrunk cosine, recent interactions counting more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import numpy as np
from scipy import sparse

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, columns, hyper, require_data
from recommender.data.cooccurrence import cosine_neighbours
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.preparation import recency
from recommender.exceptions import NotFitted


@dataclass(frozen=True)
class ItemKNNConfig(Config):
    """How many neighbours vote, how far rare meetings are trusted, and how fast a history is forgotten."""

    neighbours: int = hyper(50, "Most similar items kept for each item.", low=1, high=10_000)
    shrink: float = hyper(
        0.0, "Added to the denominator of the cosine, so that similarities from few people shrink.", low=0.0, high=1e6
    )
    half_life: float = hyper(
        5.0, "Later interactions of the person after which one counts half. 0 counts all alike.", low=0.0, high=1e6
    )


class ItemKNN:
    """score(u, i) = Σ over j in u's history of w(j) s(j, i), i among the nearest neighbours of j.

    w(j) = 2^(−n / half_life) where u did n things after j; of an item met twice the later time counts.
    """

    name: ClassVar[str] = "item_knn"
    config_class: ClassVar[type[Config]] = ItemKNNConfig
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = False

    def __init__(self, config: ItemKNNConfig | None = None) -> None:
        self.config: Config = config or ItemKNNConfig()
        self._similar: sparse.csr_matrix | None = None  # (n_items, n_items), row j: the neighbours that j votes for

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
        """Count who met whom, a block of items at a time. Raises NotTrainable without interactions."""
        require_data(train)
        config = cast(ItemKNNConfig, self.config)
        self._similar = cosine_neighbours(train.histories, train.n_items, k=config.neighbours, shrink=config.shrink)
        report(1.0, {}, None)
        return self

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        similar = self._fitted()
        shape = (len(histories), similar.shape[0])
        met = sparse.csr_matrix((recency(histories, self._half_life), histories.items, histories.indptr), shape=shape)
        return columns(cast(Float, (met @ similar).toarray()), items)

    def contributions(self, histories: Histories, items: Int) -> Float:
        """(nnz, k): what each interaction adds to its person's k `items` (n_people, k); 0 where it was repeated."""
        similar = self._fitted()
        wanted = items[histories.rows]
        at = np.repeat(histories.items, wanted.shape[1])
        parts = np.asarray(similar[at, wanted.reshape(-1)], dtype=np.float32).reshape(wanted.shape)
        return cast(Float, parts * recency(histories, self._half_life)[:, None])

    def state(self) -> State:
        similar = self._fitted()
        shape = np.array(similar.shape, dtype=np.int64)
        return {"indptr": similar.indptr, "indices": similar.indices, "data": similar.data, "shape": shape}

    def load_state(self, state: State) -> Self:
        arrays = (state["data"], state["indices"], state["indptr"])
        self._similar = sparse.csr_matrix(arrays, shape=tuple(state["shape"].tolist()))
        return self

    @property
    def _half_life(self) -> float:
        return cast(ItemKNNConfig, self.config).half_life

    def _fitted(self) -> sparse.csr_matrix:
        if self._similar is None:
            raise NotFitted("This recommender has not been trained.")
        return self._similar
