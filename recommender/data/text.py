"""What is known of an item as one text, the version of that text, and the pieces a sentence encoder can read.

Nothing here imports torch: the encoder is in text_encoder.py and is loaded by dotted path where it is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any, Protocol, cast

import numpy as np

from recommender.data.dataset import Float, Int

SIZE = 384
"""Numbers in a vector of all-MiniLM-L6-v2."""
PIECES = 254
"""Word pieces of a chunk: the model reads 256, of which two mark beginning and end."""
CHUNKS = 16
"""What lies behind so many chunks of a text (some 3,000 words) is not read."""
ENCODER = "all-MiniLM-L6-v2/1"
"""Model and way of encoding; another one makes every stored vector out of date."""
ENCODER_PATH = "recommender.data.text_encoder:SentenceEncoder"


class Encoder(Protocol):
    def encode(self, texts: Sequence[str]) -> Float:
        """(n, SIZE) float32, each row of length 1; zeros where a text is empty."""
        ...


def load_encoder() -> Encoder:
    """The sentence encoder with its weights. Imports torch, so never call it in a web process."""
    module, _, name = ENCODER_PATH.partition(":")
    return cast(Encoder, getattr(import_module(module), name)())


def compose(
    *,
    title: str = "",
    categories: Iterable[str] = (),
    creators: Iterable[str] = (),
    description: str = "",
    attributes: Mapping[str, Any] | None = None,
) -> str:
    """One text of an item: its title, categories, creators, description and attributes that are text, in that order.

    Parts that are empty are left out; an item of which nothing is said has the text "".
    """
    listed = [", ".join(filter(None, categories)), ", ".join(filter(None, creators))]
    said = [str(value) for _, value in sorted((attributes or {}).items()) if value not in (None, "")]
    parts = [part.strip() for part in (title, *listed, description, *said)]
    return "\n".join(part for part in parts if part)


def version_of(text: str) -> str:
    """32 hexadecimal digits that change with the text and with the encoder."""
    return hashlib.sha256(f"{ENCODER}\n{text}".encode(errors="replace")).hexdigest()[:32]


@dataclass(frozen=True)
class Chunks:
    """`pieces`: word pieces of each chunk; `texts` (n_chunks,) the text each belongs to, ascending."""

    pieces: list[list[int]]
    texts: Int

    @property
    def lengths(self) -> Int:
        return np.array([len(each) for each in self.pieces], dtype=np.int64)


def chunked(tokenised: Sequence[Sequence[int]], *, most: int = PIECES) -> Chunks:
    """Texts cut into chunks of at most `most` word pieces, as equal in length as can be; empty texts have none."""
    pieces: list[list[int]] = []
    texts: list[int] = []
    for row, tokens in enumerate(tokenised):
        tokens = tokens[: CHUNKS * most]
        count = -(-len(tokens) // most)
        edges = [len(tokens) * part // count for part in range(count + 1)] if count else []
        for first, last in pairwise(edges):
            pieces.append(list(tokens[first:last]))
            texts.append(row)
    return Chunks(pieces, np.array(texts, dtype=np.int64))


def joined(vectors: Float, chunks: Chunks, n_texts: int) -> Float:
    """(n_texts, SIZE) of length 1: the mean of each text's chunk vectors, weighted by word pieces; zeros without any.

    `vectors` (n_chunks, SIZE) are means over word pieces, so that the mean is that over all pieces of the text.
    """
    sums = np.zeros((n_texts, vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, chunks.texts, vectors * chunks.lengths[:, None])
    return normalised(sums)


def normalised(vectors: Any) -> Float:
    """Rows of length 1, zeros where a row has none; float32."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return cast(Float, (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32))
