"""What items say of themselves: a person is the weighted mean of what they met, in the space of texts and categories.

Items that nobody met are scored like all others, and items that come after the training by `extend`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import import_module
from typing import ClassVar, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, columns, hyper, require_data
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.preparation import last_of_repeats, recency
from recommender.data.text import SIZE, normalised
from recommender.exceptions import NotFitted


@dataclass(frozen=True)
class ContentConfig(Config):
    """What counts of a history, and what items are compared by."""

    half_life: float = hyper(
        3.0, "Later interactions of the person after which one counts half. 0 counts all alike.", low=0.0, high=1e6
    )
    rating_weight: float = hyper(
        0.2,
        "How much a rating one standard deviation above the person's own mean adds to an interaction's weight of 1. "
        "What is rated far below may count against what is like it. 0 ignores ratings.",
        low=0.0,
        high=10.0,
    )
    labels: float = hyper(
        0.3,
        "Share of categories and creators, weighed by how rare they are (TF-IDF); the rest is the text's.",
        low=0.0,
        high=1.0,
    )
    centre: bool = hyper(
        True, "Subtract the catalog's mean text vector, so that what all items have in common makes nothing alike."
    )
    encoder: str = hyper(
        "frozen",
        "frozen: the sentence encoder as it was published. tuned: its last blocks get low-rank adapters that learn "
        "from what people meet one after the other. The settings below are of the tuning.",
        choices=("frozen", "tuned"),
    )
    rank: int = hyper(8, "Rank of the adapters.", low=1, high=128)
    blocks: int = hyper(2, "How many of the six blocks, from the last, have adapters.", low=1, high=6)
    epochs: int = hyper(4, "Epochs of the tuning.", low=1, high=200)
    pairs: int = hyper(2048, "Pairs of items drawn in each epoch.", low=2, high=10_000_000)
    pieces: int = hyper(64, "Word pieces of each text that a tuned encoder reads, from its beginning.", low=8, high=254)
    learning_rate: float = hyper(1e-3, "Step size of Adam.", low=1e-6, high=1.0)
    temperature: float = hyper(0.07, "Divides cosines in the loss: small is strict.", low=0.01, high=1.0)


class Content:
    """score(u, i) = Σ over j in u's history of w(j) x(j)·x(i), divided by Σ |w(j)|.

    x = [√(1 − labels) · text, √labels · TF-IDF], each part of length 1; where an item has only one, that is all of x.
    w(j) = 2^(−n / half_life) · (1 + rating_weight · (r(j) − mean of u's ratings) / s), n what u did after j, s the
    standard deviation of ratings around their people's means; of an item met twice the later time counts.
    """

    name: ClassVar[str] = "content"
    config_class: ClassVar[type[Config]] = ContentConfig
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = False
    needs_text: ClassVar[bool] = True

    def __init__(self, config: ContentConfig | None = None) -> None:
        self.config: Config = config or ContentConfig()
        self._text: Float | None = None  # (n_items, SIZE), centred and scaled by its share
        self._labels = sparse.csr_matrix((0, 0), dtype=np.float32)  # (n_items, n_labels), scaled by their share
        self._centre = np.zeros(SIZE, dtype=np.float32)
        self._spread = 0.0
        self._tuned: State = {}  # the adapters, and the map of frozen vectors to tuned ones

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
        """Place the items; of the interactions only the spread of ratings is learned. Raises NotTrainable."""
        require_data(train)
        vectors = train.item_vectors
        vectors = np.zeros((train.n_items, SIZE), dtype=np.float32) if vectors is None else vectors
        if cast(ContentConfig, self.config).encoder == "tuned" and train.item_texts is not None and vectors.any():
            vectors = self._tune(train, resume, rng, report)
        self._place(vectors, train)
        report(1.0, {}, None)
        return self

    def _tune(self, train: Dataset, resume: State | None, rng: np.random.Generator, report: Report) -> Float:
        config = cast(ContentConfig, self.config)
        tuning = import_module("recommender.algorithms.content_tuning")  # imports torch, which serving does not need
        settings = tuning.Tuning(**{each.name: getattr(config, each.name) for each in fields(tuning.Tuning)})
        self._tuned = tuning.tune(train, settings, resume=resume, rng=rng, report=report)
        vectors: Float = self._tuned.pop("vectors")
        return vectors

    def _place(self, vectors: Float, train: Dataset) -> None:
        config = cast(ContentConfig, self.config)
        told = vectors.any(axis=1)
        if config.centre and told.sum() > 1:
            self._centre = vectors[told].mean(axis=0, dtype=np.float64).astype(np.float32)
        labels = tf_idf(train.item_fields, train.n_items)
        labelled = np.diff(labels.indptr) > 0
        share = np.where(labelled & told, config.labels, np.where(labelled, 1.0, 0.0))
        self._text = self._centred(vectors) * np.sqrt(1.0 - share, dtype=np.float32)[:, None]
        self._labels = (sparse.diags(np.sqrt(share)) @ labels).astype(np.float32).tocsr()
        self._spread = float(np.std(deviations(train.histories))) if len(train.histories.items) else 0.0

    def _centred(self, vectors: Float) -> Float:
        return normalised(np.where(vectors.any(axis=1, keepdims=True), vectors - self._centre, 0.0))

    def refit_config(self) -> Config:
        return self.config

    def extend(self, vectors: Float) -> Self:
        """Columns at the end for items that came after training, of which only the text vectors (n, SIZE) are known.

        A tuned encoder is not asked again: a linear map, learned with it, takes frozen vectors to tuned ones.
        """
        text = self._fitted()
        shape = (len(text) + len(vectors), self._labels.shape[1])
        old = self._labels
        indptr = np.concatenate([old.indptr, np.full(len(vectors), old.indptr[-1], dtype=old.indptr.dtype)])
        if "map" in self._tuned:
            vectors = normalised(vectors @ self._tuned["map"])
        self._text = np.concatenate([text, self._centred(vectors)])
        self._labels = sparse.csr_matrix((old.data, old.indices, indptr), shape=shape)
        return self

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        text = self._fitted()
        met = sparse.csr_matrix(
            (self._weights(histories), histories.items, histories.indptr), shape=(len(histories), len(text))
        )
        scores = np.asarray((met @ text) @ text.T + ((met @ self._labels) @ self._labels.T).toarray())
        return columns(scores.astype(np.float32, copy=False), items)

    def contributions(self, histories: Histories, items: Int) -> Float:
        """(nnz, k): what each interaction adds to its person's k `items` (n_people, k); 0 where it was repeated."""
        text, parts = self._fitted(), np.empty((len(histories.items), items.shape[1]), dtype=np.float32)
        for row in range(len(histories)):
            met, at = histories.items_of(row), slice(histories.indptr[row], histories.indptr[row + 1])
            shared = (self._labels[met] @ self._labels[items[row]].T).toarray()
            parts[at] = text[met] @ text[items[row]].T + shared
        return cast(Float, parts * self._weights(histories)[:, None])

    def _weights(self, histories: Histories) -> Float:
        """(nnz,) w(j) of each interaction, those of a person divided by the sum of their sizes."""
        config = cast(ContentConfig, self.config)
        weights = recency(histories, config.half_life).astype(np.float64)
        if config.rating_weight and self._spread > 0:
            weights *= 1.0 + config.rating_weight * deviations(histories) / self._spread
        sizes = np.bincount(histories.rows, np.abs(weights), minlength=len(histories))
        return cast(Float, (weights / np.where(sizes > 0, sizes, 1.0)[histories.rows]).astype(np.float32))

    def state(self) -> State:
        text, labels = self._fitted(), self._labels
        return {
            "text": text,
            "centre": self._centre,
            "spread": np.array([self._spread]),
            "labels.data": labels.data,
            "labels.indices": labels.indices.astype(np.int64),
            "labels.indptr": labels.indptr.astype(np.int64),
            "labels.count": np.array([labels.shape[1]], dtype=np.int64),
            **{f"tuned.{name}": array for name, array in self._tuned.items()},
        }

    def load_state(self, state: State) -> Self:
        self._text, self._centre = state["text"], state["centre"]
        self._spread = float(state["spread"][0])
        self._tuned = {name.removeprefix("tuned."): each for name, each in state.items() if name.startswith("tuned.")}
        parts = tuple(state[f"labels.{name}"] for name in ("data", "indices", "indptr"))
        self._labels = sparse.csr_matrix(parts, shape=(len(self._text), int(state["labels.count"][0])))
        return self

    def _fitted(self) -> Float:
        if self._text is None:
            raise NotFitted("This recommender has not been trained.")
        return self._text


def deviations(histories: Histories) -> NDArray[np.float64]:
    """(nnz,) each rating minus the mean of its person's ratings, repeats counted once; 0 for what is no rating."""
    is_rating = np.array([name == "rating" for name in histories.kind_names], dtype=np.bool_)[histories.kinds]
    counted, rows, n = last_of_repeats(histories) & is_rating, histories.rows, len(histories)
    sums = np.bincount(rows[counted], histories.values[counted], minlength=n)
    means = sums / np.maximum(np.bincount(rows[counted], minlength=n), 1)
    return np.where(is_rating, histories.values - means[rows], 0.0)


def tf_idf(fields: pd.DataFrame, n_items: int) -> sparse.csr_matrix:
    """(n_items, n_labels) rows of length 1: categories and creators that at least two items share.

    An item's label weighs log(n_items / n) where n items have it.
    """
    labels = labels_of(fields, n_items)
    names, at = np.unique([label for each in labels for label in each], return_inverse=True)
    rows = np.repeat(np.arange(n_items), [len(each) for each in labels])
    counts = np.bincount(at, minlength=len(names)) if len(names) else np.zeros(0)
    weights = np.log(n_items / np.maximum(counts, 1)) * (counts > 1)
    found = sparse.csr_matrix((weights[at] if len(at) else [], (rows, at)), shape=(n_items, len(names)))
    found.eliminate_zeros()
    lengths = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    return (sparse.diags(1.0 / np.where(lengths > 0, lengths, 1.0)) @ found).astype(np.float32).tocsr()


def labels_of(fields: pd.DataFrame, n_items: int) -> list[list[str]]:
    """Each item's distinct labels: "categories:" and a category, "creators:" and a creator."""
    found: list[list[str]] = [[] for _ in range(n_items)]
    for kind in ("categories", "creators"):
        for row, names in enumerate(fields.get(kind, ())):
            found[row] += [f"{kind}:{name}" for name in dict.fromkeys(names or ())]
    return found
