"""People whose ratings resemble a person's (Resnick et al., CSCW 1994), by cosine or Pearson correlation.

The one recommender here that cannot do without rows about people: they are its weights. Erasing a person takes the
row out of every checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, hyper, require_data
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.preparation import last_of_repeats, rated, recency
from recommender.exceptions import NotFitted, NotTrainable

CELLS = 4_000_000
"""Similarities held at once: a block of people who ask × all people remembered."""


@dataclass(frozen=True)
class UserKNNConfig(Config):
    """Who is alike, how many of them speak, and how fast the asking person's history is forgotten."""

    similarity: str = hyper(
        "cosine",
        "cosine compares what people met; pearson how they rated what both of them rated.",
        choices=("cosine", "pearson"),
    )
    neighbours: int = hyper(100, "Most similar people who speak.", low=1, high=100_000)
    shrink: float = hyper(
        10.0, "A similarity from n common items counts n / (n + shrink) of itself.", low=0.0, high=1e6
    )
    half_life: float = hyper(
        5.0,
        "cosine: later interactions of the asking person after which one counts half. 0 counts all alike.",
        low=0.0,
        high=1e6,
    )


@dataclass(frozen=True)
class People:
    """Who is remembered: database keys, and (n, n_items) sparse `met` (ones) and `ratings` (as given, none elsewhere).

    `means` (n,) of each person's ratings; `scale`: lowest, highest and mean rating of all, nan without any.
    """

    keys: Int
    met: sparse.csr_matrix
    ratings: sparse.csr_matrix
    means: NDArray[np.float64]
    scale: NDArray[np.float64]


class UserKNN:
    """score(u, i) = Σ over the k most similar v of s(u, v) [v met i], of those v who met something that u has not.

    So nobody is a neighbour of themselves, nor speaks who only met what is never recommended: they would take places
    from those who know more. Who asks need not be known by name for that.

    rating(u, i) = r̄(u) + Σ s(u, v) (r(v, i) − r̄(v)) / Σ |s(u, v)|, over the k most similar v who rated i.
    """

    name: ClassVar[str] = "user_knn"
    config_class: ClassVar[type[Config]] = UserKNNConfig
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = False
    remembers_people: ClassVar[bool] = True

    def __init__(self, config: UserKNNConfig | None = None) -> None:
        self.config: Config = config or UserKNNConfig()
        self._people: People | None = None

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
        """Remember everyone with a history. Raises NotTrainable without interactions; by Pearson, without ratings."""
        require_data(train)
        at = np.flatnonzero(train.histories.lengths)
        histories = train.histories.select(at)
        values = histories.values[rated(histories)].astype(np.float64)
        if self._by_ratings and not len(values):
            raise NotTrainable("Pearson compares ratings, and the catalog has none. Use the similarity cosine.")
        scale = [values.min(), values.max(), values.mean()] if len(values) else [np.nan] * 3
        met = histories.matrix(train.n_items)
        self._people = _people(train.users.keys[at], met, ratings_of(histories, train.n_items), np.array(scale))
        report(1.0, {}, None)
        return self

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        known = self._fitted()
        met = known.met if items is None else known.met[:, items]
        scores = np.zeros((len(histories), met.shape[1]), dtype=np.float32)
        sizes = np.diff(known.met.indptr)
        for at, similar, common in self._similar(histories):
            shared = _met_by_both(_part(histories, at), known) if self._by_ratings else common
            similar[shared >= sizes] = 0.0
            scores[at] = (_nearest(similar, cast(UserKNNConfig, self.config).neighbours) @ met).toarray()
        return scores

    def predict(
        self, histories: Histories, rows: Int, items: Int, *, adapted: Adapted | None = None
    ) -> Float:  # fmt: skip
        """The person's mean where nobody alike rated the item; the mean of all where the person rated nothing."""
        known = self._fitted()
        if not np.isfinite(known.scale).all():
            raise NotTrainable("This recommender has seen no ratings, so it predicts none.")
        low, high, overall = known.scale
        own = _means(ratings_of(histories, known.met.shape[1]), overall)
        found = own[rows]
        order = np.argsort(rows, kind="stable")
        columns = known.ratings.tocsc()
        for at, similar, _ in self._similar(histories):
            for place in order[np.searchsorted(rows[order], at.start) : np.searchsorted(rows[order], at.stop)]:
                found[place] += self._deviation(similar[rows[place] - at.start], columns, int(items[place]))
        return cast(Float, np.clip(found, low, high).astype(np.float32))

    def forget(self, users: Int) -> Self:
        known = self._fitted()
        stay = ~np.isin(known.keys, users)
        self._people = People(
            known.keys[stay], known.met[stay], known.ratings[stay], known.means[stay], known.scale
        )  # fmt: skip
        return self

    def state(self) -> State:
        known = self._fitted()
        shape = np.array([known.met.shape[1]], dtype=np.int64)
        found = {"people": known.keys, "scale": known.scale, "items": shape}
        for name, matrix in (("met", known.met), ("ratings", known.ratings)):
            found |= {f"{name}.data": matrix.data, f"{name}.indices": matrix.indices, f"{name}.indptr": matrix.indptr}
        return found

    def load_state(self, state: State) -> Self:
        shape = (len(state["people"]), int(state["items"][0]))
        met, ratings = (
            sparse.csr_matrix(tuple(state[f"{name}.{part}"] for part in ("data", "indices", "indptr")), shape=shape)
            for name in ("met", "ratings")
        )
        self._people = _people(state["people"], met, ratings, state["scale"])
        return self

    def _deviation(self, similar: NDArray[np.float32], ratings: sparse.csc_matrix, item: int) -> float:
        """Σ s (r − r̄) / Σ |s| over the k most similar of those who rated `item`; 0 where there is nobody alike."""
        known, most = self._fitted(), cast(UserKNNConfig, self.config).neighbours
        part = slice(ratings.indptr[item], ratings.indptr[item + 1])
        who, given = ratings.indices[part], ratings.data[part]
        weights = similar[who].astype(np.float64)
        if len(who) > most:
            kept = np.argsort(-weights, kind="stable")[:most]
            who, given, weights = who[kept], given[kept], weights[kept]
        weights = np.maximum(weights, 0.0)
        total = weights.sum()
        return float(weights @ (given - known.means[who]) / total) if total > 0 else 0.0

    def _similar(self, histories: Histories) -> Iterator[tuple[slice, NDArray[np.float32], NDArray[np.float64]]]:
        """Blocks of those who ask, their similarities (n, people remembered), and how many items these rest on."""
        known, config = self._fitted(), cast(UserKNNConfig, self.config)
        block = max(1, CELLS // max(1, len(known.keys)))
        for start in range(0, len(histories), block):
            at = slice(start, min(start + block, len(histories)))
            asking = _part(histories, at)
            compared = pearson(asking, known) if self._by_ratings else cosine(asking, known, config.half_life)
            similar, common = compared
            yield at, (similar * (common / np.maximum(common + config.shrink, 1e-9))).astype(np.float32), common

    @property
    def _by_ratings(self) -> bool:
        return cast(UserKNNConfig, self.config).similarity == "pearson"

    def _fitted(self) -> People:
        if self._people is None:
            raise NotFitted("This recommender has not been trained.")
        return self._people


def cosine(asking: Histories, known: People, half_life: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, people) x(u)ᵀ y(v) / (|x(u)| |y(v)|), x weighted by recency, y ones; and the numbers of common items."""
    shape = (len(asking), known.met.shape[1])
    weighted = sparse.csr_matrix((recency(asking, half_life), asking.items, asking.indptr), shape=shape)
    norms = np.sqrt(weighted.multiply(weighted).sum(axis=1)).A1[:, None] * np.sqrt(known.met.sum(axis=1)).A1
    common = _met_by_both(asking, known)
    above = (weighted @ known.met.T).toarray()
    return np.divide(above, norms, out=np.zeros(above.shape), where=norms > 0), common


def _met_by_both(asking: Histories, known: People) -> NDArray[np.float64]:
    """(n, people) numbers of items that both met."""
    both = asking.matrix(known.met.shape[1]) @ known.met.T
    return cast(NDArray[np.float64], both.toarray().astype(np.float64))


def _part(histories: Histories, at: slice) -> Histories:
    return histories.select(np.arange(at.start, at.stop))


def pearson(asking: Histories, known: People) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, people) correlation of the ratings of the items that both rated, 0 where either did not vary on them (as
    with fewer than two); and how many these are.

    With n the common items, (n Σxy − Σx Σy) / √((n Σx² − (Σx)²) (n Σy² − (Σy)²)).
    """
    x = ratings_of(asking, known.met.shape[1]).astype(np.float64)
    y = known.ratings.astype(np.float64)
    rated_x, rated_y = _ones(x), _ones(y)
    n, sum_x, sum_y = ((a @ b.T).toarray() for a, b in ((rated_x, rated_y), (x, rated_y), (rated_x, y)))
    squares_x = (x.multiply(x).tocsr() @ rated_y.T).toarray()
    squares_y = (rated_x @ y.multiply(y).tocsr().T).toarray()
    spread = np.maximum(n * squares_x - sum_x**2, 0) * np.maximum(n * squares_y - sum_y**2, 0)
    above = n * (x @ y.T).toarray() - sum_x * sum_y
    return np.divide(above, np.sqrt(spread), out=np.zeros(n.shape), where=spread > 1e-9), n


def ratings_of(histories: Histories, n_items: int) -> sparse.csr_matrix:
    """(n, n_items) each person's last rating of each item, as given; a rating of 0 is kept as an entry."""
    kept = histories.keep(rated(histories))
    kept = kept.keep(last_of_repeats(kept))
    return sparse.csr_matrix((kept.values, kept.items, kept.indptr), shape=(len(histories), n_items))


def _people(keys: Int, met: sparse.csr_matrix, ratings: sparse.csr_matrix, scale: NDArray[np.float64]) -> People:
    return People(keys, met, ratings, _means(ratings, float(scale[2])), scale)


def _means(ratings: sparse.csr_matrix, otherwise: float) -> NDArray[np.float64]:
    sums, counts = np.asarray(ratings.sum(axis=1, dtype=np.float64)).ravel(), np.diff(ratings.indptr)
    return cast(NDArray[np.float64], np.divide(sums, counts, out=np.full(len(counts), otherwise), where=counts > 0))


def _ones(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def _nearest(similar: NDArray[np.float32], k: int) -> sparse.csr_matrix:
    """The k largest positive similarities of each row; ties go to the lower column."""
    kept = similar.copy()
    if k < similar.shape[1]:
        order: NDArray[Any] = np.argsort(-similar, axis=1, kind="stable")
        np.put_along_axis(kept, order[:, k:], 0.0, axis=1)
    return sparse.csr_matrix(np.maximum(kept, 0.0))
