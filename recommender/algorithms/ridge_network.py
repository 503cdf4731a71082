"""The network of ridge_head: features of items and priors of people, and what it is made by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from recommender.algorithms.adaptive import EpisodicConfig
from recommender.algorithms.base import hyper
from recommender.algorithms.ridge_cells import Cells
from recommender.metalearning import ridge
from recommender.metalearning.contexts import ContextHead
from recommender.metalearning.encoding import ItemEncoder


@dataclass(frozen=True)
class RidgeHeadConfig(EpisodicConfig):
    """Size of the features, and what is hidden while training."""

    factors: int = hyper(32, "Numbers that describe how people behaved towards an item, per kind.", low=1, high=512)
    width: int = hyper(128, "Width of the layer that reads content.", low=2, high=4096)
    features: int = hyper(32, "Features of an item that a person's ridge regressions read.", low=1, high=512)
    dropout: float = hyper(0.2, "Share of numbers hidden while training.", low=0.0, high=0.9)
    hidden_items: float = hyper(
        0.2, "Share of items of which training hides all but content, so that new items are served.", low=0.0, high=1.0
    )
    start: int | None = hyper(
        None,
        "Number of a ridge_head's run of another catalog whose weights to begin with. Both must have read texts "
        "(use_text); what reads them, and what comes after, is taken over.",
        low=1,
        high=2**63 - 1,
    )
    rating_factors: int = hyper(24, "Numbers that describe how an item was rated.", low=1, high=256)
    rating_features: int = hyper(64, "Directions in which people's ratings are taken to differ.", low=1, high=512)
    use_context: bool = hyper(True, "Whether rankings read the context of interactions and of the moment of asking.")
    queries: int = hyper(200, "Most interactions that an episode then asks about.", low=1, high=500)
    epochs: int = hyper(25, "Passes over all people; the step falls to zero over them.", low=1, high=1000)
    learning_rate: float = hyper(0.015, "Largest step of AdamW.", low=1e-6, high=1.0)


class OfPerson(nn.Module):
    """w₀(u) = w₀ + Σ of the attributes' own: what is expected of whoever nothing else is known of. Zeros at first."""

    def __init__(self, person: int, width: int) -> None:
        super().__init__()
        self.all, self.attributes = nn.Parameter(torch.zeros(width)), nn.Parameter(torch.zeros(person, width))

    def forward(self, person: Tensor) -> Tensor:
        found: Tensor = self.all + person @ self.attributes
        return found


class Net(nn.Module):
    """Items' features, priors of items and people, and the penalties of the regression that ranks."""

    def __init__(self, content: int, behaviour: int, person: int, contexts: int, config: RidgeHeadConfig) -> None:
        super().__init__()
        d = config.features
        self.encoder = ItemEncoder(
            content, behaviour, config.width, dropout=config.dropout, hidden_items=config.hidden_items
        )
        self.rank, self.person_rank = nn.Linear(config.width, d + 1), OfPerson(person, d)
        self.log_rank_precision = nn.Parameter(torch.zeros(d))
        self.log_others = nn.Parameter(torch.zeros(()))
        self.sharpness = nn.Parameter(torch.zeros(()))
        self.popularity = nn.Parameter(torch.ones(()))
        self.liking = nn.Parameter(torch.zeros(()))
        self.contexts = ContextHead(contexts, d) if contexts else None

    def items(self, content: Tensor, behaviour: Tensor, known: Tensor, beside: Tensor) -> dict[str, Tensor]:
        """Features and priors of items; `beside` (n, 1): log-popularity."""
        z, known = self.encoder(content, behaviour, known)
        rank = self.rank(z)
        return {"rank": rank[:, 1:], "rank_prior": rank[:, 0] + self.popularity * beside[:, 0]}

    def adapt_ranking(self, items: dict[str, Tensor], given: Cells, person: Tensor, others: Tensor) -> Tensor:
        """(n, d) w(u) = w₀(u) + s (Σ ψψᵀ + α G + Λ)⁻¹ Σ (1 + γ z) ψ over what was met, z how far a rating is above what
        is usual for the item; `others` G (d, d) is the mean of ψψᵀ."""
        precision = torch.diag(self.log_rank_precision.exp()) + self.log_others.exp() * others
        found, _ = ridge.solve(items["rank"][given.at], 1 + self.liking * given.liked, given.counts, precision)
        return cast(Tensor, self.person_rank(person) + self.sharpness.exp() * found)
