"""What represents an item in recommenders that read sequences: its id, its text, or both."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from recommender.data.dataset import Float

SPREAD = 0.02
"""Standard deviation of embeddings at the start."""
ALONE = 0.25
"""Share of items that, in a step of training by id and text, are read by their text alone: so it learns to suffice."""
RIDGE = 1.0
"""How strongly the first map from texts to factors is pulled to zero."""


class Items(nn.Module):
    """Rows that stand for items: `own` (learned, by id), a linear map of text vectors, or the sum of both.

    An item without a text always has a row of its own, and so has the start token n_items, which stands before the
    first item of everyone so that an empty history has a place to start from. After training the rows are `baked`:
    what was read from text is added to `own` for good and only the map is kept, for items that come later.
    """

    def __init__(self, n_items: int, factors: int, by: str, vectors: Float | None) -> None:
        """`by` "id", "text" or "both"; `vectors` (n_items, v), zeros where an item has no text, unless by id."""
        super().__init__()
        self.by, self.own = by, nn.Parameter(torch.empty(n_items + 1, factors))
        nn.init.normal_(self.own, std=SPREAD)
        self.map: nn.Linear | None = None
        self.vectors: Tensor | None = None
        self.known: Tensor | None = None
        if by != "id" and vectors is not None:
            self.map = nn.Linear(vectors.shape[1], factors, bias=False)
            nn.init.normal_(self.map.weight, std=SPREAD)
            padded = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), dtype=np.float32)])
            self.read_from(torch.from_numpy(padded))

    def __len__(self) -> int:
        return len(self.own) - 1

    def read_from(self, vectors: Tensor | None) -> None:
        """Let rows follow `vectors` (n_items + 1, v) from here on; None: they are what `own` says."""
        self.vectors = vectors
        self._without = None if vectors is None else (vectors == 0).all(dim=1, keepdim=True).float()

    def forward(self) -> Tensor:
        """(n_items + 1, d): a row per item, and that of the start token."""
        if self.vectors is None or self.map is None or self._without is None:
            return self.own
        own = self.own * self._without if self.by == "text" else self.own
        if self.by == "both" and self.training:
            shown = (torch.rand(len(own), 1, device=own.device) >= ALONE).float()
            own = own * torch.maximum(shown, self._without)
        return cast(Tensor, own + self.map(self.vectors))

    def start_from(self, factors: Float) -> None:
        """Rows begin as `factors` (n_items, d), scaled to the spread of a random start; see `begin_as`."""
        spread = float(factors.std()) or 1.0
        self.begin_as(torch.from_numpy(factors * (SPREAD / spread)))

    @torch.no_grad()
    def begin_as(self, rows: Tensor) -> None:
        """Rows begin as these, of items (n_items, d) or also of the start token (n_items + 1, d); by text the map
        begins as the ridge regression of rows on vectors, and rows of their own hold what it leaves."""
        wanted = rows.to(self.own.device)
        self.own[: len(wanted)] = wanted
        if self.vectors is None or self.map is None:
            return
        x = self.vectors[:-1]
        square = x.T @ x + RIDGE * torch.eye(x.shape[1], device=x.device)
        self.map.weight.copy_(torch.linalg.solve(square, x.T @ wanted[: len(self)]).T)
        self.own[:-1] -= self.map(x)

    @torch.no_grad()
    def bake(self) -> None:
        """Rows are what they have become; vectors are let go."""
        self.eval()
        self.own.copy_(self())
        self.read_from(None)

    @torch.no_grad()
    def extend(self, vectors: Float) -> None:
        """New items before the start token, told by `vectors` (n, v) alone; nothing is `known` of those by id alone, or
        without a text (zeros)."""
        device = self.own.device
        told = torch.from_numpy(np.asarray(vectors, dtype=np.float32)).to(device)
        new = torch.zeros(len(vectors), self.own.shape[1], device=device) if self.map is None else self.map(told)
        known = told.any(dim=1) & (self.map is not None)
        self.known = torch.cat(
            [torch.ones(len(self), dtype=torch.bool, device=device) if self.known is None else self.known, known]
        )
        self.own = nn.Parameter(torch.cat([self.own[:-1], new, self.own[-1:]]), requires_grad=False)


class SequenceNet(nn.Module):
    """Reads tokens from left to right. `forward(tokens, lengths, only_last=…)` takes (people, w, d), of which
    `lengths` (people,) are real, and gives what follows each place (people, w, d), or the last (people, d)."""

    def __init__(self, items: Items, length: int) -> None:
        super().__init__()
        self.items, self.length = items, length

    @property
    def n_items(self) -> int:
        return len(self.items)

    def start_from(self, factors: Float) -> None:
        self.items.start_from(factors)

    def draw(self) -> None:
        """Called at the start of each epoch, for whatever is drawn once an epoch."""

    def tokens(self, ids: Tensor, rows: Tensor | None = None) -> Tensor:
        """(people, w) → (people, w, d): items' rows times √d. `rows`: those of `items()`, where they are at hand."""
        rows = self.items() if rows is None else rows
        return cast(Tensor, F.embedding(ids, rows) * rows.shape[1] ** 0.5)

    @property
    def candidates(self) -> Tensor:
        """(n_items, d) what histories are compared with, as it stands."""
        return cast(Tensor, self.items())[: self.n_items]
