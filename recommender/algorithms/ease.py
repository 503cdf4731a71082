"""Embarrassingly shallow autoencoder (Steck, WWW 2019): one ridge regression per item, in closed form.

The weights are Steck's; when scoring, recent interactions of the person count more (`half_life` 0 is the paper's).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import numpy as np
from scipy import sparse
from scipy.linalg import lapack

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, columns, hyper, require_data
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.preparation import recency
from recommender.exceptions import NotFitted, NotTrainable


@dataclass(frozen=True)
class EASEConfig(Config):
    """How strongly weights are held back, and how large a catalog may be."""

    regularization: float = hyper(500.0, "Ridge penalty λ on every weight.", low=1e-3, high=1e9)
    half_life: float = hyper(
        10.0, "Later interactions of the person after which one counts half. 0 counts all alike.", low=0.0, high=1e6
    )
    max_items: int = hyper(
        20_000,
        "Largest catalog to train on: weights are a dense items × items matrix.",
        low=1,
        high=100_000,
        tune=False,
    )


class EASE:
    """B = I − P · diag(1 / diag P) with P = (XᵀX + λI)⁻¹; score(u, i) = Σ over j in u's history of w(j) B[j, i].

    w(j) = 2^(−n / half_life) where u did n things after j; of an item met twice the later time counts.
    """

    name: ClassVar[str] = "ease"
    config_class: ClassVar[type[Config]] = EASEConfig
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = False

    def __init__(self, config: EASEConfig | None = None) -> None:
        self.config: Config = config or EASEConfig()
        self._weights: Float | None = None  # (n_items, n_items), zero diagonal

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
        """Solve. Raises NotTrainable without interactions or for a catalog above `max_items`."""
        require_data(train)
        config = cast(EASEConfig, self.config)
        if train.n_items > config.max_items:
            raise NotTrainable(
                f"ease keeps a dense matrix of items × items: the catalog has {train.n_items} items, "
                f"more than max_items = {config.max_items}. Raise max_items or choose item_knn or ials."
            )
        met = train.histories.matrix(train.n_items)
        gram = (met.T @ met).toarray().astype(np.float64)
        gram[np.diag_indices(train.n_items)] += config.regularization
        report(0.2, {}, None)
        self._weights = _weights(gram)
        report(1.0, {}, None)
        return self

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        weights = self._fitted()
        shape = (len(histories), len(weights))
        recent = recency(histories, self._half_life)
        met = sparse.csr_matrix((recent, histories.items, histories.indptr), shape=shape)
        return columns(cast(Float, met @ weights), items)

    def contributions(self, histories: Histories, items: Int) -> Float:
        """(nnz, k): what each interaction adds to its person's k `items` (n_people, k); 0 where it was repeated."""
        parts = self._fitted()[histories.items[:, None], items[histories.rows]]
        return cast(Float, parts * recency(histories, self._half_life)[:, None])

    def state(self) -> State:
        return {"weights": self._fitted()}

    def load_state(self, state: State) -> Self:
        self._weights = state["weights"]
        return self

    @property
    def _half_life(self) -> float:
        return cast(EASEConfig, self.config).half_life

    def _fitted(self) -> Float:
        if self._weights is None:
            raise NotFitted("This recommender has not been trained.")
        return self._weights


def _weights(gram: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Float:
    """B from XᵀX + λI, which is symmetric and positive, so that a Cholesky factor inverts it."""
    factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1)
    inverse, failed_too = lapack.dpotri(factor, lower=1, overwrite_c=1)
    if failed or failed_too:
        raise NotTrainable("The items' matrix could not be inverted. Raise the regularization.")
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weights = -inverse / np.diag(inverse)
    weights[np.diag_indices(len(weights))] = 0.0
    return cast(Float, weights.astype(np.float32))
