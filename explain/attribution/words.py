"""Which words of a text make an item similar to another, through the sentence encoder: integrated gradients
(Sundararajan, Taly, Yan, ICML 2017) over its embedded word pieces, by Captum. Importing this imports torch.

The encoder takes 90 MB in float32 (`SentenceEncoder("float32")`), which gradients need: whoever asks keeps one per
process (`services.wording`). It is torch's own network and its tokenizer, so a web process may load it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from torch import Tensor

from explain.attribution.base import Cost, Parts, Values
from explain.attribution.game import WORD, Unit
from recommender.data.dataset import Float
from recommender.data.text_encoder import SentenceEncoder, as_tensors
from recommender.data.text_network import mask_of, pooled

UNKNOWN = 100
"""[UNK], the piece of what is no word: it stands in each piece's place at the baseline. Of eight pairs of texts, taking
out the three strongest words lowered the cosine by .169 with it, by .137 with padding, by .091 with [MASK], and three
words drawn by chance by .015. A zero baseline would not do: the mean is scaled to length 1."""
STEPS, MOST_STEPS, TOGETHER = 32, 256, 16
"""Points of the path at first and at most, and those in one pass."""
CLOSE = 1e-2
"""Relative gap above which the number of steps is doubled."""


@dataclass(frozen=True)
class Words(Parts):
    """What each word of `text` adds to its similarity (cosine) to another text, against the same text of unknown
    words: `words` as written, `spans` (n, 2) the characters text[start:end] of each, `values` (n,)."""

    text: str
    words: tuple[str, ...]
    spans: NDArray[np.int64]
    values: Values
    prediction: float
    baseline_prediction: float
    cost: Cost

    @property
    def units(self) -> tuple[Unit, ...]:
        return tuple(Unit(WORD, word) for word in self.words)


def both_ways(encoder: SentenceEncoder, one: str, other: str) -> tuple[Words, Words]:
    """What words of `one` make it like `other`, and the other way round. Of an empty text there are no words."""
    vectors = encoder.encode([one, other])
    return similar_words(encoder, one, vectors[1]), similar_words(encoder, other, vectors[0])


def similar_words(encoder: SentenceEncoder, text: str, other: Float) -> Words:
    """Words of `text` against the vector `other` (384,) of length 1. Raises ValueError where the encoder is not in
    float32: gradients of bfloat16 do not add up."""
    if next(encoder.network.parameters()).dtype != torch.float32:
        raise ValueError("words are explained by an encoder in float32")
    started, read = time.perf_counter(), Read.of(encoder, text)
    if not len(read.words):
        return Words(text, (), np.empty((0, 2), dtype=np.int64), np.empty(0), 0.0, 0.0, Cost(0.0, 0))
    wanted, steps = torch.from_numpy(np.array(other, dtype=np.float32)), STEPS
    method = IntegratedGradients(lambda begun: read.vectors(encoder, begun) @ wanted)
    with torch.no_grad():
        begun, unknown = read.begun(encoder, read.pieces), read.begun(encoder, read.unknown)
        ends = [float(read.vectors(encoder, each) @ wanted) for each in (begun, unknown)]
    passes = 0
    while True:
        of_pieces = method.attribute(
            begun, unknown, n_steps=steps, method="gausslegendre", internal_batch_size=TOGETHER
        )
        passes += steps
        values = read.summed(of_pieces.sum(dim=3)[0])
        cost = Cost(time.perf_counter() - started, passes)
        found = Words(text, tuple(text[a:b] for a, b in read.words), read.words, values, ends[0], ends[1], cost)
        if found.relative_gap <= CLOSE or steps >= MOST_STEPS:
            return found
        steps *= 2


@dataclass(frozen=True)
class Read:
    """A text as the encoder reads it: `pieces` (chunks, longest) between their marks, padded, `lengths` (chunks,),
    `words` (n, 2) character spans, and `word_of` (pieces,) the word of each piece that is read."""

    pieces: Tensor
    lengths: Tensor
    words: NDArray[np.int64]
    word_of: NDArray[np.int64]

    @classmethod
    def of(cls, encoder: SentenceEncoder, text: str) -> Read:
        chunks = encoder.pieces([text])
        count = int(chunks.lengths.sum())
        if not count:
            nothing = torch.zeros(0, 0, dtype=torch.int64)
            return cls(nothing, nothing[:, 0:0].sum(dim=1), np.empty((0, 2), np.int64), np.empty(0, np.int64))
        told = encoder.tokenizer.encode(text, add_special_tokens=False)
        assert [piece for chunk in chunks.pieces for piece in chunk] == told.ids[:count]
        _, word_of = np.unique(np.array(told.word_ids[:count], dtype=np.int64), return_inverse=True)
        spans = np.array(told.offsets[:count], dtype=np.int64)
        starts, ends = np.full(word_of.max() + 1, len(text)), np.zeros(word_of.max() + 1, dtype=np.int64)
        np.minimum.at(starts, word_of, spans[:, 0])
        np.maximum.at(ends, word_of, spans[:, 1])
        return cls(*as_tensors(chunks.pieces), np.stack([starts, ends], axis=1), word_of.astype(np.int64))

    @property
    def _told(self) -> Tensor:
        """(chunks, longest) where a piece of the text is, not a mark or padding."""
        place = torch.arange(self.pieces.shape[1])
        return (place > 0) & (place < self.lengths[:, None] - 1)

    @property
    def unknown(self) -> Tensor:
        return torch.where(self._told, UNKNOWN, self.pieces)

    def summed(self, values: Tensor) -> Values:
        """(words,) of values (chunks, longest) of pieces."""
        each = values[self._told].double().numpy()
        return cast(Values, np.bincount(self.word_of, weights=each, minlength=len(self.words)))

    def begun(self, encoder: SentenceEncoder, pieces: Tensor) -> Tensor:
        """(1, chunks, longest, width) what goes into the network's first block."""
        return encoder.network.begin(pieces)[None]

    def vectors(self, encoder: SentenceEncoder, begun: Tensor) -> Tensor:
        """(n, width) vectors of length 1 of texts begun (n, chunks, longest, width): as the encoder's, the mean of
        chunks by their pieces, marks not counted."""
        n, chunks, longest, width = begun.shape
        lengths, mask = self.lengths.repeat(n), mask_of(self.lengths, longest)
        given = begun.reshape(n * chunks, longest, width)
        read = encoder.network(given, None if mask is None else mask.repeat(n, 1, 1, 1))
        means = pooled(read, lengths).view(n, chunks, width)
        return torch.nn.functional.normalize((means * (self.lengths - 2)[:, None]).sum(dim=1), dim=1)
