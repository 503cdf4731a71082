"""10,000 texts through the sentence encoder, and whether items that are near by text are of the same kind.

What is encoded: of every film of MovieLens-1M its title, directors, actors and plot; of the first books of
goodbooks-10k, until there are 10,000 texts, their title and authors. Categories are left out, since the result is
judged by them: of the ten nearest items of the same collection, how many are of a like kind, beside ten at random.
Two items are of a like kind where at least half of all the genres that either has are had by both (Jaccard ≥ ½).

The peer of the speed is sentence_transformers' own `encode` on every tenth of the same texts, in the same process.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings
from sentence_transformers import SentenceTransformer

from recommender.data.dataset import Float
from recommender.data.readers import open_reading
from recommender.data.text import compose
from recommender.data.text_encoder import SentenceEncoder
from recommender.data.text_network import folder
from recommender.exceptions import BadInput
from recsite.benchmarks import Say

TEXTS, NEAREST, EVERY, BAR = 10_000, 10, 10, 2.0
BLOCK = 500


class Described(NamedTuple):
    collection: str
    text: str
    genres: frozenset[str]


def run(say: Say) -> dict[str, Any]:
    """ours and peer in texts a second; a row per collection with precision@10 by text and at random."""
    described = collected()
    texts = [each.text for each in described]
    encoder = SentenceEncoder()
    pieces = int(encoder.pieces(texts).lengths.sum())
    vectors, seconds = timed(encoder, texts, say)
    some = texts[::EVERY]
    ours, peer, agreement = beside_peer(encoder, some)
    say(f"{len(some)} of them: ours {ours:.1f}, sentence_transformers {peer:.1f} texts a second")
    rows = [judged(name, described, vectors) for name in dict.fromkeys(each.collection for each in described)]
    figures = {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": "texts/s", "rows": [*rows, everything(rows)]}
    encoded = {"texts": len(texts), "word_pieces": pieces, "seconds": round(seconds, 1)}
    rates = {"texts_a_second": round(len(texts) / seconds, 1), "pieces_a_second": round(pieces / seconds)}
    least = min(row["ratio"] for row in rows)
    return figures | encoded | rates | {"agreement": agreement, "bar": BAR, "reached": least >= BAR}


def timed(encoder: SentenceEncoder, texts: Sequence[str], say: Say) -> tuple[Float, float]:
    """Vectors of `texts` and the seconds they took, in stretches as a worker encodes them."""
    found, started = [], time.perf_counter()
    for start in range(0, len(texts), BLOCK):
        found.append(encoder.encode(texts[start : start + BLOCK]))
        done, took = min(start + BLOCK, len(texts)), time.perf_counter() - started
        say(f"{done:,} texts, {done / took:.1f} a second")
    return np.concatenate(found), time.perf_counter() - started


def beside_peer(encoder: SentenceEncoder, texts: Sequence[str]) -> tuple[float, float, float]:
    """Texts a second of ours and of the peer, and the least cosine between their vectors of texts of one chunk."""
    model = SentenceTransformer(str(folder()), device="cpu")
    model.encode(list(texts[:32]))
    started = time.perf_counter()
    theirs = model.encode(list(texts))
    between = time.perf_counter()
    ours = encoder.encode(texts)
    ended = time.perf_counter()
    one_chunk = np.bincount(encoder.pieces(texts).texts, minlength=len(texts)) == 1
    agreement = float((ours * theirs).sum(axis=1)[one_chunk].min())
    return len(texts) / (ended - between), len(texts) / (between - started), round(agreement, 5)


def judged(collection: str, described: Sequence[Described], vectors: Float) -> dict[str, Any]:
    """Precision@10 of the nearest by text, and of any other item, within one collection; items without genres out."""
    rows = [at for at, each in enumerate(described) if each.collection == collection and each.genres]
    own, like = vectors[rows], likeness([described[at].genres for at in rows])
    scores = own @ own.T
    np.fill_diagonal(scores, -np.inf)
    np.fill_diagonal(like, 0.0)
    near = np.argpartition(-scores, NEAREST, axis=1)[:, :NEAREST]
    alike = np.take_along_axis(like, near, axis=1)
    others = len(rows) * (len(rows) - 1)
    found = {
        "collection": collection,
        "items": len(rows),
        "precision@10": round(float((alike >= 0.5).mean()), 4),
        "random": round(float((like >= 0.5).sum() / others), 4),
        "any genre@10": round(float((alike > 0).mean()), 4),
        "any genre, random": round(float((like > 0).sum() / others), 4),
    }
    return found | {"ratio": round(found["precision@10"] / found["random"], 2)}


def everything(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All items, each beside its own collection: the mean of the collections' figures by their numbers of items."""
    items = [row["items"] for row in rows]
    names = ("precision@10", "random", "any genre@10", "any genre, random")
    means = {name: round(float(np.average([row[name] for row in rows], weights=items)), 4) for name in names}
    ratio = round(means["precision@10"] / means["random"], 2)
    return {"collection": "all", "items": sum(items), **means, "ratio": ratio}


def likeness(genres: Sequence[frozenset[str]]) -> Float:
    """(n, n) Jaccard similarity of sets: shared genres divided by all that either has."""
    names = {name: at for at, name in enumerate(sorted(frozenset().union(*genres)))}
    has = np.zeros((len(genres), len(names)), dtype=np.float32)
    for row, each in enumerate(genres):
        has[row, [names[name] for name in each]] = 1.0
    shared, sizes = has @ has.T, has.sum(axis=1)
    shared /= np.maximum(sizes[:, None] + sizes - shared, 1.0)
    return shared


def collected() -> list[Described]:
    """TEXTS items: all films with what is known of them, then books."""
    place = settings.DATASETS_DIR
    if place is None or not all((place / name).is_dir() for name in ("ml-1m", "goodbooks-10k")):
        raise BadInput("The benchmark needs ml-1m and goodbooks-10k: set DATASETS_DIR to a folder that holds both.")
    return [*films(place / "ml-1m"), *books(place / "goodbooks-10k")][:TEXTS]


def films(place: Path) -> list[Described]:
    reading = open_reading(place)
    found = []
    for entities in reading.items:
        entities.declare({})
        for entity in entities.rows(reading.rejects):
            given = dict(entity.fields)
            text = compose(
                title=given.get("title", ""),
                creators=given.get("creators", ()),
                description=given.get("description", ""),
            )
            found.append(Described("films", text, frozenset(given.get("categories", ()))))
    return found


def books(place: Path) -> list[Described]:
    with (place / "book_genres.csv").open(encoding="utf-8", newline="") as file:
        genres = {row["book_id"]: frozenset(filter(None, row["genres"].split(","))) for row in csv.DictReader(file)}
    with (place / "books.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Described(
            "books",
            compose(title=row["title"], creators=row["authors"].split(", ")),
            genres.get(row["book_id"], frozenset()),
        )
        for row in rows
    ]
