"""Features of people, items, context and text fused into one matrix; scikit-learn encodes each column by its type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, StandardScaler

from recommender.data.dataset import Dataset, Float, Int
from recommender.data.preparation.columns import LIST, NUMBER, TEXT, WORD, as_number, is_gap, kind_of

Names = list[tuple[str, str]]
MOST_WORDS, MOST_LEVELS, MOST_TERMS = 200, 100, 2_000
SEED = 0


@dataclass(frozen=True)
class Fused:
    """`matrix` (n, features) float64; `names` says of which (side, column) each feature is."""

    matrix: sparse.csr_matrix
    names: Names


def encode(
    frame: pd.DataFrame, kinds: Mapping[str, str], side: str, *, text_components: int = 8, scale: str = "standard"
) -> Fused:
    """A table as numbers: categories one-hot, lists as sets of words, numbers scaled, texts by TF-IDF and SVD.

    `scale`: standard, or unit (0 to 1, for chi², which takes no negative numbers; texts are then left out).
    """
    parts, names = [], list[tuple[str, str]]()
    for name in map(str, frame.columns):
        if kinds[name] == TEXT and scale == "unit":
            continue
        transformer = ColumnTransformer([(name, transformer_of(kinds[name], text_components, scale), [name])])
        try:
            found = sparse.csr_matrix(transformer.fit_transform(readable(frame[[name]], kinds[name])), dtype=float)
        except ValueError:  # no words, or no values at all: nothing to encode
            continue
        parts.append(found)
        names += [(side, name)] * found.shape[1]
    empty = sparse.csr_matrix((len(frame), 0), dtype=float)
    return Fused(sparse.csr_matrix(sparse.hstack([empty, *parts])), names)


def transformer_of(kind: str, components: int, scale: str) -> Any:
    flat = FunctionTransformer(flattened)
    if kind == NUMBER:
        return make_pipeline(
            SimpleImputer(strategy="mean"), StandardScaler() if scale == "standard" else MinMaxScaler()
        )
    if kind == WORD:
        return OneHotEncoder(handle_unknown="ignore", max_categories=MOST_LEVELS)
    if kind == LIST:
        return make_pipeline(flat, CountVectorizer(analyzer=words_of, binary=True, max_features=MOST_WORDS))
    return make_pipeline(flat, TfidfVectorizer(max_features=MOST_TERMS, stop_words="english"), Components(components))


class Components(TruncatedSVD):  # type: ignore[misc]
    """TruncatedSVD of at most as many components as there are features, the same every time."""

    def __init__(self, n_components: int = 8) -> None:
        super().__init__(n_components=n_components, random_state=SEED)

    def fit_transform(self, X: Any, y: Any = None) -> Float:
        most = max(1, min(X.shape[1] - 1, X.shape[0] - 1))
        self.n_components: int = min(self.n_components, most)
        found: Float = super().fit_transform(X, y)
        return found


def flattened(table: pd.DataFrame) -> NDArray[np.object_]:
    found: NDArray[np.object_] = table.to_numpy(dtype=object)[:, 0]
    return found


def words_of(value: Any) -> list[str]:
    return list(value)


def readable(table: pd.DataFrame, kind: str) -> pd.DataFrame:
    """One column as its transformer takes it, gaps included."""
    values = table.iloc[:, 0]
    if kind == NUMBER:
        numbers = [np.nan if is_gap(one) else as_number(one) for one in values]
        return pd.DataFrame({table.columns[0]: np.array(numbers, dtype=float)})
    if kind == LIST:
        plain: list[Any] = [[str(word) for word in one] if isinstance(one, list) else [] for one in values]
    else:
        plain = ["" if is_gap(one) else str(one) for one in values]
    column = np.empty(len(plain), dtype=object)
    column[:] = plain
    return pd.DataFrame({table.columns[0]: column})


def fuse(
    dataset: Dataset, kinds: Mapping[str, Mapping[str, str]], people: Int, items: Int, rows: Int, *, scale: str
) -> Fused:
    """One matrix over (person, item) pairs: features of the person, of the item, of the context of interaction `rows`
    (−1 where a pair did not happen), and the items' text vectors where there are any."""
    user = encode(dataset.user_fields, kinds["user"], "user", scale=scale)
    item = encode(dataset.item_fields, kinds["item"], "item", scale=scale)
    parts, names = [user.matrix[people], item.matrix[items]], [*user.names, *item.names]
    if contexts := dataset.histories.contexts:
        given = {name: [column[at] if at >= 0 else None for at in rows] for name, column in contexts.items()}
        context = encode(pd.DataFrame(given, dtype=object), dict.fromkeys(given, WORD), "context", scale=scale)
        parts.append(context.matrix)
        names += context.names
    if dataset.item_vectors is not None and scale == "standard":
        parts.append(sparse.csr_matrix(dataset.item_vectors[items], dtype=float))
        names += [("item", "text vector")] * dataset.item_vectors.shape[1]
    return Fused(sparse.csr_matrix(sparse.hstack(parts)), names)


def kinds_of(dataset: Dataset, declared: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """The type of every column by side."""
    frames = {"user": dataset.user_fields, "item": dataset.item_fields}
    return {
        side: {str(name): kind_of(str(name), frame[name], declared.get(side, {})) for name in frame}
        for side, frame in frames.items()
    }


def directions(dataset: Dataset, kinds: Mapping[str, str], components: int) -> pd.DataFrame:
    """Columns “text 1” … of the items' texts, and “fused 1” … of all their fields: the main directions of each."""
    texts = [name for name in dataset.item_fields if kinds[str(name)] == TEXT]
    every = encode(dataset.item_fields, kinds, "item")
    parts = {"fused": every.matrix}
    if dataset.item_vectors is not None:
        parts["text"] = sparse.csr_matrix(dataset.item_vectors, dtype=float)
    elif texts:
        joined = dataset.item_fields[texts].fillna("").astype(str).agg(" ".join, axis=1)
        whole = pd.DataFrame({"text": joined.to_numpy(dtype=object)})
        parts["text"] = encode(whole, {"text": TEXT}, "item", text_components=components).matrix
    found: dict[str, NDArray[np.object_]] = {}
    for name, matrix in parts.items():
        if min(matrix.shape) > 1:
            numbers = StandardScaler().fit_transform(Components(components).fit_transform(matrix))
            for at in range(numbers.shape[1]):
                found[f"{name} {at + 1}"] = np.round(numbers[:, at], 6).astype(object)
    return pd.DataFrame(found, index=dataset.item_fields.index, dtype=object)
