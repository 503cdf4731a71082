"""From what is said of an item, and how people behaved towards it, to the features that learners adapt on."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn


class ItemEncoder(nn.Module):
    """z = f(content) + known · g(factors): of an item nobody met, content alone speaks (DropoutNet, Volkovs 2017).

    While training, the factors of a share of items are hidden, so that content learns to stand in for them.
    """

    def __init__(self, content: int, factors: int, width: int, *, dropout: float, hidden_items: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(content, width), nn.Linear(width, width)
        self.straight = nn.Linear(content, width, bias=False)
        self.behaviour = nn.Linear(factors, width, bias=False)
        self.dropout, self.hidden_items = nn.Dropout(dropout), hidden_items

    def forward(self, content: Tensor, factors: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """(n, width) features of items, and (n,) how far behaviour was read: 0 for hidden and for unknown items."""
        if self.training and self.hidden_items:
            known = known * (torch.rand(len(known)) >= self.hidden_items)
        said = self.second(self.dropout(F.gelu(self.first(content)))) + self.straight(self.dropout(content))
        return said + known[:, None] * self.behaviour(factors), known
