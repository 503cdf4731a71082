"""Implicit alternating least squares (Hu, Koren, Volinsky, ICDM 2008), fitted by the library `implicit`.

Only the items' factors are kept: a person is folded in from the history at the moment of asking.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, hyper, require_data
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.preparation import last_of_repeats, recency
from recommender.exceptions import NotFitted

ENOUGH = 100_000
"""Interactions from which on the penalty is taken as given."""


@dataclass(frozen=True)
class IALSConfig(Config):
    """Size of the factors, strength of the penalty, and how fast a history is forgotten."""

    factors: int = hyper(128, "Numbers that describe an item.", low=1, high=1024)
    regularization: float = hyper(
        10.0,
        "Penalty λ on the factors. With fewer than 100,000 interactions it is scaled by √(interactions / 100,000), "
        "or it would drown the little there is.",
        low=1e-6,
        high=1e6,
    )
    alpha: float = hyper(1.0, "Confidence in an interaction; in no interaction it is 1.", low=1e-3, high=1e4)
    iterations: int = hyper(15, "Rounds of solving for people, then for items.", low=1, high=500)
    half_life: float = hyper(
        10.0,
        "Later interactions of the person after which the confidence in one halves, when scoring. 0 trusts all alike.",
        low=0.0,
        high=1e6,
    )


class IALS:
    """score(u, i) = yᵢᵀ xᵤ with xᵤ = (YᵀY + λI + Σⱼ (cⱼ − 1) yⱼ yⱼᵀ)⁻¹ Σⱼ cⱼ yⱼ over j in u's history.

    cⱼ = α · 2^(−n / half_life) where u did n things after j; of an item met twice the later time counts.
    """

    name: ClassVar[str] = "ials"
    config_class: ClassVar[type[Config]] = IALSConfig
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = False

    def __init__(self, config: IALSConfig | None = None) -> None:
        self.config: Config = config or IALSConfig()
        self._factors: Float | None = None  # (n_items, d)
        self._gram: NDArray[np.float64] = np.empty((0, 0))  # YᵀY + λI
        self._penalty = 0.0

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
        """Alternate. The state given to `report` each round holds both sides' factors. Raises NotTrainable."""
        require_data(train)
        config = cast(IALSConfig, self.config)
        penalty = config.regularization * min(1.0, len(train.histories.items) / ENOUGH) ** 0.5
        done = int(resume["iteration"][0]) if resume else 0
        seed = int(rng.integers(2**31))
        model = _library_model(config, penalty, config.iterations - done, seed)
        if resume:
            model.user_factors, model.item_factors = resume["users"].copy(), resume["items"].copy()

        def each_round(at: int, seconds: float, loss: float | None) -> None:
            now = done + at + 1
            state = {"iteration": np.array([now]), "users": model.user_factors, "items": model.item_factors}
            report(now / config.iterations, {}, {name: array.copy() for name, array in state.items()})

        if done < config.iterations:
            with threadpool_limits(1, "blas"):  # the library has threads of its own
                model.fit(train.histories.matrix(train.n_items), show_progress=False, callback=each_round)
        return self.load_state({"factors": model.item_factors, "penalty": np.array([penalty])})

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        wanted = self._fitted() if items is None else self._fitted()[items]
        return cast(Float, self.people(histories) @ wanted.T)

    def people(self, histories: Histories) -> Float:
        """(n_people, d) xᵤ; zeros for whoever did nothing."""
        people = np.zeros((len(histories), self._fitted().shape[1]), dtype=np.float32)
        for row, _, confidence, matrix, met in self._systems(histories):
            people[row] = np.linalg.solve(matrix, met.T @ confidence)
        return people

    def contributions(self, histories: Histories, items: Int) -> Float:
        """(nnz, k): cⱼ yᵢᵀ (…)⁻¹ yⱼ for each interaction j and its person's k `items` i (n_people, k); 0 where j was
        repeated later. The confidences also shape the matrix that is inverted: the parts are exact for this history,
        they are not what would be left if an interaction had not been."""
        factors = self._fitted()
        parts = np.zeros((len(histories.items), items.shape[1]), dtype=np.float32)
        for row, at, confidence, matrix, met in self._systems(histories):
            parts[at] = confidence[:, None] * (met @ np.linalg.solve(matrix, factors[items[row]].T.astype(np.float64)))
        return parts

    def state(self) -> State:
        return {"factors": self._fitted(), "penalty": np.array([self._penalty])}

    def load_state(self, state: State) -> Self:
        factors, self._penalty = state["factors"], float(state["penalty"][0])
        self._factors = factors
        wide = factors.astype(np.float64)
        self._gram = wide.T @ wide + self._penalty * np.eye(factors.shape[1])
        return self

    def _systems(self, histories: Histories) -> Iterator[tuple[int, Int, NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """Per person with a history: row, places in `histories.items`, confidences, the matrix to invert, factors."""
        config, factors = cast(IALSConfig, self.config), self._fitted()
        confidences = config.alpha * recency(histories, config.half_life).astype(np.float64)
        distinct = last_of_repeats(histories)  # a repeated item is one item
        for row in np.flatnonzero(histories.lengths):
            at = np.arange(histories.indptr[row], histories.indptr[row + 1])
            at = at[distinct[at]]
            met, confidence = factors[histories.items[at]].astype(np.float64), confidences[at]
            yield int(row), at, confidence, self._gram + (met.T * (confidence - 1)) @ met, met

    def _fitted(self) -> Float:
        if self._factors is None:
            raise NotFitted("This recommender has not been trained.")
        return self._factors


def _library_model(config: IALSConfig, penalty: float, iterations: int, seed: int) -> Any:
    with warnings.catch_warnings():  # it warns about BLAS threads when made; they are held to one while it fits
        warnings.simplefilter("ignore", RuntimeWarning)
        return AlternatingLeastSquares(
            factors=config.factors,
            regularization=penalty,
            alpha=config.alpha,
            iterations=iterations,
            random_state=seed,
        )
