"""Fine-tuning of the sentence encoder on what people meet one after the other (contrastive, low-rank adapters).

The last blocks of the network get adapters (Hu et al., ICLR 2022: W x + (α/r) B A x, A and B of rank r learned, W
kept); the blocks below stay as they are, so that what they give is computed once per item. Two items that a person
met within a few steps, and did not dislike, should be near (InfoNCE, van den Oord et al., 2018, in the batch):

    −log  exp(x(i)·x(j)/τ − log q(j)) / Σ over k in the batch of exp(x(i)·x(k)/τ − log q(k))

and the same from j to i; q is how often an item is met, so that popular items are not pushed away for being met often.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from recommender.algorithms.base import Report, State
from recommender.algorithms.content import deviations
from recommender.data.dataset import Dataset, Float, Histories, Int
from recommender.data.text import SIZE
from recommender.data.text_encoder import SentenceEncoder, as_tensors
from recommender.data.text_network import BLOCKS, mask_of, pooled

MOST = 10_000
"""Of a larger catalog the items met most are read; the vectors of the others follow by the map of `tuned_map`."""
WINDOW, BATCH, READ = 3, 64, 128
ALPHA = 2.0
RIDGE = 1.0


@dataclass(frozen=True)
class Tuning:
    """`blocks`: how many of the six are tuned; `pairs`: drawn in each epoch; `pieces`: read of each text."""

    rank: int
    blocks: int
    epochs: int
    pairs: int
    pieces: int
    learning_rate: float
    temperature: float


class LowRank(nn.Module):
    """A linear layer that stays as it is, and a correction of rank r beside it, zero at the beginning."""

    def __init__(self, base: nn.Linear, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.base = base
        spread = base.in_features**-0.5
        self.down = nn.Parameter(torch.randn(rank, base.in_features, generator=generator) * spread)
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        correction = functional.linear(functional.linear(x, self.down), self.up)
        out: Tensor = self.base(x) + ALPHA * correction
        return out


class Tuner:
    """Adapters in the last blocks, and what the blocks below them give for each item that is read."""

    def __init__(self, train: Dataset, tuning: Tuning, rng: np.random.Generator) -> None:
        self.tuning, self.rng = tuning, rng
        self.counts = np.bincount(train.histories.items, minlength=train.n_items)
        self.read = readable(train, self.counts)
        encoder = SentenceEncoder()
        self.first = BLOCKS - tuning.blocks
        self.below, self.lengths = self._below(encoder, train)
        self.network = encoder.network.float()
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        for block in self.network.blocks[self.first :]:
            for name in ("qkv", "out", "up", "down"):
                setattr(block, name, LowRank(getattr(block, name), tuning.rank, generator))
        self.adapters = {name: each for name, each in self.network.named_parameters() if each.requires_grad}
        self.optimiser = torch.optim.Adam(self.adapters.values(), lr=tuning.learning_rate)
        self.pairs = neighbours(train.histories, self.read, train.n_items)

    @torch.no_grad()
    def _below(self, encoder: SentenceEncoder, train: Dataset) -> tuple[list[Tensor], list[int]]:
        """(length, 384) bfloat16 of each item that is read, as it comes out of the last block that is not tuned."""
        assert train.item_texts is not None
        found = encoder.tokenizer.encode_batch_fast(train.item_texts[self.read].tolist(), add_special_tokens=False)
        pieces = [each.ids[: self.tuning.pieces] for each in found]
        order = np.argsort([len(each) for each in pieces], kind="stable")
        below: list[Tensor] = [torch.empty(0)] * len(pieces)
        for start in range(0, len(order), READ):
            rows = order[start : start + READ].tolist()
            padded, lengths = as_tensors([pieces[row] for row in rows])
            begun = encoder.network.begin(padded)
            out = encoder.network(begun, mask_of(lengths, padded.shape[1]), last=self.first)
            for row, one, length in zip(rows, out, lengths.tolist(), strict=True):
                below[row] = one[:length].to(torch.bfloat16).clone()
        return below, [len(each) for each in below]

    def vectors_of(self, rows: Int) -> Tensor:
        """(n, 384) of length 1 for the items `rows` (positions among those read)."""
        lengths = torch.tensor([self.lengths[row] for row in rows])
        x = nn.utils.rnn.pad_sequence([self.below[row] for row in rows], batch_first=True).float()
        out = self.network(x, mask_of(lengths, x.shape[1]), first=self.first)
        return functional.normalize(pooled(out, lengths), dim=1)

    def epoch(self) -> float:
        """One pass over freshly drawn pairs; returns the mean loss."""
        losses = []
        for pairs in self._drawn():
            loss = self._loss(pairs)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    def _drawn(self) -> Iterator[Int]:
        count = min(self.tuning.pairs, len(self.pairs))
        drawn = self.pairs[self.rng.choice(len(self.pairs), count, replace=False)]
        for start in range(0, count, BATCH):
            if count - start > 1 or count == 1:
                yield drawn[start : start + BATCH]

    def _loss(self, pairs: Int) -> Tensor:
        items, at = np.unique(pairs, return_inverse=True)
        vectors, left, right = self.vectors_of(items), *torch.from_numpy(at.reshape(pairs.shape).T)
        met = torch.from_numpy(np.log(np.maximum(self.counts[self.read[items]], 1))).float()
        scores = vectors[left] @ vectors[right].T / self.tuning.temperature
        same = (right[:, None] == right) | (left[:, None] == right)  # an item is not its own opposite
        same_back = (left[:, None] == left) | (right[:, None] == left)
        own = torch.arange(len(pairs))
        there = (scores - met[right]).masked_fill(same & (own[:, None] != own), -torch.inf)
        back = (scores.T - met[left]).masked_fill(same_back & (own[:, None] != own), -torch.inf)
        return (functional.cross_entropy(there, own) + functional.cross_entropy(back, own)) / 2

    @torch.no_grad()
    def vectors(self) -> Float:
        """(n_read, 384) of all items that are read."""
        order = np.argsort(self.lengths, kind="stable")
        found = np.zeros((len(order), SIZE), dtype=np.float32)
        for start in range(0, len(order), READ):
            rows = order[start : start + READ]
            found[rows] = self.vectors_of(rows).numpy()
        return found

    def state(self, epoch: int) -> State:
        """All that resuming needs."""
        kept: dict[str, NDArray[Any]] = {"tuning.epoch": np.array([epoch])}
        for name, each in self.adapters.items():
            kept[f"adapter.{name}"] = each.detach().numpy().copy()
            for part, value in self.optimiser.state[each].items():
                kept[f"tuning.{part}.{name}"] = np.atleast_1d(value.numpy()).copy()
        packed = json.dumps(self.rng.bit_generator.state).encode()
        return kept | {"tuning.rng": np.frombuffer(packed, dtype=np.uint8).copy()}

    def resume(self, state: State) -> int:
        """Go on from `state`; returns the epochs that are behind."""
        for name, each in self.adapters.items():
            each.data.copy_(torch.from_numpy(np.array(state[f"adapter.{name}"])))
            parts = {part: torch.from_numpy(np.array(state[f"tuning.{part}.{name}"])) for part in MOMENTS}
            self.optimiser.state[each] = parts | {"step": parts["step"][0]}
        self.rng.bit_generator.state = json.loads(state["tuning.rng"].tobytes())
        return int(state["tuning.epoch"][0])


MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def tune(train: Dataset, tuning: Tuning, *, resume: State | None, rng: np.random.Generator, report: Report) -> State:
    """`vectors` (n_items, 384) of length 1, zeros without a text; `map` (384, 384) from frozen to tuned vectors, for
    items that come later; `adapter.…`, what was learned."""
    tuner = Tuner(train, tuning, rng)
    done = tuner.resume(resume) if resume else 0
    for epoch in range(done + 1, tuning.epochs + 1):
        loss = tuner.epoch() if len(tuner.pairs) else 0.0
        state = tuner.state(epoch) if len(tuner.pairs) else None
        report(0.95 * epoch / tuning.epochs, {"epoch": epoch, "loss": loss}, state)
    vectors, frozen = tuner.vectors(), np.asarray(train.item_vectors, dtype=np.float64)
    mapped = tuned_map(frozen[tuner.read], vectors)
    found = (frozen @ mapped).astype(np.float32)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    found[~frozen.any(axis=1)] = 0.0
    found[tuner.read] = vectors
    adapters = {f"adapter.{name}": each.detach().numpy().copy() for name, each in tuner.adapters.items()}
    return {"vectors": found, "map": mapped.astype(np.float32)} | adapters


def tuned_map(frozen: NDArray[np.float64], tuned: Float) -> NDArray[np.float64]:
    """(384, 384) M that takes frozen vectors to the tuned ones, by least squares drawn towards leaving them alone:
    (F'F + λ I)⁻¹ (F'T + λ I)."""
    at_rest = RIDGE * np.eye(SIZE)
    return cast(NDArray[np.float64], np.linalg.solve(frozen.T @ frozen + at_rest, frozen.T @ tuned + at_rest))


def readable(train: Dataset, counts: Int) -> Int:
    """Positions of the items that have a text, the MOST met ones of a larger catalog, ascending."""
    assert train.item_texts is not None
    told = np.flatnonzero(np.array([bool(text) for text in train.item_texts], dtype=np.bool_))
    return np.sort(told[np.argsort(-counts[told], kind="stable")[:MOST]])


def neighbours(histories: Histories, read: Int, n_items: int) -> Int:
    """(n_pairs, 2) positions in `read` of items that a person met within WINDOW steps and rated no worse than usual."""
    at = np.full(n_items, -1, dtype=np.int64)
    at[read] = np.arange(len(read))
    liked = (deviations(histories) >= 0) & (at[histories.items] >= 0)
    items, rows = at[histories.items[liked]], histories.rows[liked]
    found = [np.empty((0, 2), dtype=np.int64)]
    for step in range(1, WINDOW + 1):
        together = (rows[step:] == rows[:-step]) & (items[step:] != items[:-step])
        found.append(np.column_stack([items[:-step][together], items[step:][together]]))
    return np.concatenate(found)
