"""Putting histories in order before they are split or learned from."""

from __future__ import annotations

import hashlib
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.dataset import Dataset, Float, Histories


def sort_by_time(histories: Histories) -> Histories:
    """Each person's interactions oldest first; ties keep the order of arrival (a stable sort), unknown times last."""
    order = np.lexsort((histories.times, histories.rows))  # lexsort is stable: equal (person, time) keep their order
    if np.array_equal(order, np.arange(len(order))):
        return histories
    return histories.take(order)


def pairs(histories: Histories) -> NDArray[np.int64]:
    """(nnz,) one number for each (person, item): sorting numbers is many times as quick as sorting rows of two."""
    width = int(histories.items.max()) + 1 if len(histories.items) else 1
    return histories.rows * width + histories.items


def drop_repeats(histories: Histories) -> Histories:
    """Only the first occurrence of each (person, item): a later one says nothing new about what comes next."""
    _, first = np.unique(pairs(histories), return_index=True)
    mask = np.zeros(len(histories.items), dtype=np.bool_)
    mask[first] = True
    return histories if mask.all() else histories.keep(mask)


def last_of_repeats(histories: Histories) -> NDArray[np.bool_]:
    """(nnz,) whether the person did not meet the item again later."""
    n = len(histories.items)
    _, last = np.unique(pairs(histories)[::-1], return_index=True)
    mask = np.zeros(n, dtype=np.bool_)
    mask[n - 1 - last] = True
    return mask


RATING = "rating"


def rated(histories: Histories) -> NDArray[np.bool_]:
    """(nnz,) which interactions are ratings; the values of others (a click, a purchase) say nothing on that scale."""
    if RATING not in histories.kind_names:
        return np.zeros(len(histories.items), dtype=np.bool_)
    return cast(NDArray[np.bool_], histories.kinds == histories.kind_names.index(RATING))


def rating_scale(histories: Histories) -> NDArray[np.float64]:
    """(4,) lowest, highest, mean and spread (1 where all are alike) of the ratings; nan where there are none."""
    values = histories.values[rated(histories)].astype(np.float64)
    if not len(values):
        return np.full(4, np.nan)
    return np.array([values.min(), values.max(), values.mean(), values.std() or 1.0])


def recency(histories: Histories, half_life: float) -> Float:
    """(nnz,) weight of each interaction: 2^(−n / half_life), n the number of things the person did later.

    `half_life` 0 weighs all alike. Of an item met repeatedly only the last occurrence counts, the others get 0, so
    that a history's weights are a sum over distinct items.
    """
    later = histories.indptr[1:][histories.rows] - 1 - np.arange(len(histories.items))
    weights = 2.0 ** (-later / half_life) if half_life else np.ones(len(later))
    return cast(Float, (weights * last_of_repeats(histories)).astype(np.float32))


def fingerprint(dataset: Dataset) -> str:
    """64 hexadecimal digits that change whenever anything a recommender can see of `dataset` changes."""
    digest = hashlib.sha256()
    histories = dataset.histories
    named: dict[str, NDArray[np.generic]] = {"user keys": dataset.users.keys, "item keys": dataset.items.keys}
    named |= {name: getattr(histories, name) for name in ("indptr", "items", "values", "times", "kinds")}
    named |= {f"field {name}": column for name, column in sorted(histories.fields.items())}
    named |= {f"context {name}": column for name, column in sorted(histories.contexts.items())}
    named |= {f"group {name}": column for name, column in sorted(dataset.user_groups.items())}
    for name, array in named.items():
        _feed(digest, name, array)
    digest.update(repr(histories.kind_names).encode())
    for name, frame in (("user_fields", dataset.user_fields), ("item_fields", dataset.item_fields)):
        _feed_frame(digest, name, frame)
    return digest.hexdigest()


def _feed(digest: hashlib._Hash, name: str, array: NDArray[np.generic]) -> None:
    if array.dtype.kind in "OUST":
        content = "\x1f".join(map(repr, array.tolist())).encode()
    else:
        content = np.ascontiguousarray(array).tobytes()
    digest.update(f"{name} {array.dtype.kind}{array.shape}".encode())
    digest.update(content)


def _feed_frame(digest: hashlib._Hash, name: str, frame: pd.DataFrame) -> None:
    digest.update(f"{name} {frame.shape}".encode())
    for column in sorted(map(str, frame.columns)):
        _feed(digest, column, frame[column].to_numpy(dtype=object))
