"""A small dataset with everything wrong that a preparation can put right."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recommender.data.dataset import Dataset, Histories, IdMap

DAY = 86_400.0


def column(*values: object) -> pd.Series:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return pd.Series(found, dtype=object)


def histories(rows: list[tuple[int, int, float, float]], n_people: int, kind: int = 0) -> Histories:
    """Of (person, item, value, time), people in order."""
    people = np.array([row[0] for row in rows], dtype=np.int64)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(people, minlength=n_people))]).astype(np.int64)
    return Histories(
        indptr=indptr,
        items=np.array([row[1] for row in rows], dtype=np.int64),
        values=np.array([row[2] for row in rows], dtype=np.float32),
        times=np.array([row[3] for row in rows], dtype=np.float64),
        kinds=np.full(len(rows), kind, dtype=np.int16),
        kind_names=("rating", "view"),
    )


ROWS = [
    (0, 0, 4.0, 1.0), (0, 0, 4.0, 1.0), (0, 1, 2.0, 2.0), (0, 1, 5.0, 3.0),
    (1, 0, 9.0, 1.0), (1, 2, 3.0, DAY + 1),
    (2, 3, 1.0, 5.0),
]  # fmt: skip


def dataset(rows: list[tuple[int, int, float, float]] = ROWS, n_people: int = 3, n_items: int = 4) -> Dataset:
    users = pd.DataFrame({"plan": column("pro", None, "pro"), "age": column(20, "old", 40)})
    items = pd.DataFrame(
        {
            "title": column("red sun", "blue moon", "red moon", ""),
            "categories": column(["a"], ["a", "b"], [], ["b"]),
            "year": column(1990, None, 2000, 2020),
        }
    )
    return Dataset(
        IdMap(np.arange(10, 10 + n_people)), IdMap(np.arange(20, 20 + n_items)), histories(rows, n_people), users, items
    )
