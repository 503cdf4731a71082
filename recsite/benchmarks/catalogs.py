"""MovieLens-1M and goodbooks-10k as arrays with the vectors of their items' texts, straight from their files.

A text is composed as the product composes it: title, categories, creators, description. Encoding takes two minutes of
a core, so the vectors are kept under DATA_DIR, by a mark that changes with the texts and with the encoder.
"""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from django.conf import settings

from recommender.data.dataset import Dataset, Float, Histories, IdMap
from recommender.data.preparation import last_of_repeats
from recommender.data.readers import open_reading
from recommender.data.text import compose, version_of
from recommender.data.text_encoder import SentenceEncoder
from recommender.exceptions import BadInput
from recsite.benchmarks import Say

BLOCK = 500


def films(say: Say) -> Dataset:
    """MovieLens-1M: 6,040 people, the films that anyone rated."""
    place = located("ml-1m")
    reading, said = open_reading(place), dict[str, str]()
    for entities in reading.items:
        entities.declare({})
        for entity in entities.rows(reading.rejects):
            given = dict(entity.fields)
            said[str(entity.client_id)] = compose(
                title=given.get("title", ""), categories=given.get("categories", ()),
                creators=given.get("creators", ()), description=given.get("description", ""),
            )  # fmt: skip
    names = ["user", "item", "rating", "time"]
    rows = pd.read_csv(place / "ratings.dat", sep="::", engine="python", names=names, encoding="latin-1")
    return catalog(rows, said, say)


def books(say: Say) -> Dataset:
    """goodbooks-10k: 53,424 people, 10,000 books; of a pair rated twice the last rating; the file's order is time."""
    place = located("goodbooks-10k")
    with (place / "book_genres.csv").open(encoding="utf-8", newline="") as file:
        genres = {row["book_id"]: row["genres"].split(",") for row in csv.DictReader(file)}
    with (place / "books.csv").open(encoding="utf-8", newline="") as file:
        said = {
            row["book_id"]: compose(
                title=row["title"], categories=genres.get(row["book_id"], ()), creators=row["authors"].split(", ")
            )
            for row in csv.DictReader(file)
        }
    rows = pd.read_csv(place / "ratings.csv").rename(columns={"user_id": "user", "book_id": "item"})
    return catalog(rows.assign(time=np.arange(len(rows))), said, say)


def located(name: str) -> Path:
    found: Path | None = settings.DATASETS_DIR / name if settings.DATASETS_DIR else None
    if found is None or not found.is_dir():
        raise BadInput(f"The benchmark needs {name}: set DATASETS_DIR to a folder that holds it.")
    return found


def catalog(rows: pd.DataFrame, said: dict[str, str], say: Say) -> Dataset:
    """`rows`: user, item, rating, time; `said`: the text of an item by its id."""
    rows = rows.sort_values(["user", "time"], kind="stable")
    users, people = np.unique(rows["user"].to_numpy(), return_inverse=True)
    items, met = np.unique(rows["item"].to_numpy(), return_inverse=True)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(people))]).astype(np.int64)
    histories = Histories(
        indptr, met.astype(np.int64), rows["rating"].to_numpy(dtype=np.float32),
        rows["time"].to_numpy(dtype=np.float64), np.zeros(len(rows), dtype=np.int16),
    )  # fmt: skip
    texts = np.array([said.get(str(item), "") for item in items.tolist()], dtype=object)
    keys = IdMap(users.astype(np.int64)), IdMap(items.astype(np.int64))
    return Dataset(
        *keys, histories.keep(last_of_repeats(histories)), item_vectors=vectors(list(texts), say), item_texts=texts
    )


def vectors(texts: list[str], say: Say) -> Float:
    """(n, 384) of `texts`, from the disk where they were encoded before."""
    mark = hashlib.sha256("".join(version_of(text) for text in texts).encode()).hexdigest()[:32]
    kept = settings.DATA_DIR / "benchmarks" / f"texts-{mark}.npy"
    if kept.is_file():
        return np.asarray(np.load(kept), dtype=np.float32)
    encoder, parts = SentenceEncoder(), []
    for start in range(0, len(texts), BLOCK):
        parts.append(encoder.encode(texts[start : start + BLOCK]))
        say(f"encoded {min(start + BLOCK, len(texts)):,} of {len(texts):,} texts")
    found = np.concatenate(parts)
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, found)
    return found
