"""One recommendation as a function of what a network reads: the embedded steps of a history, a target per row. Methods
that follow gradients ask through this; importing it imports torch.

All steps go through the network at once (a history written many times over), so that a step of an integral costs one
row of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explain.attribution.base import Values
from explain.attribution.game import MARGIN, PROBABILITY, Game, link_of
from explain.exceptions import CannotExplain
from recommender.algorithms.base import Differentiable
from recommender.data.dataset import Int

AGREES = 1e-4
"""Largest difference, in parts of the larger of both and 1, of the target read through the embedding and as the
recommender says it."""


@dataclass(frozen=True)
class Embedded:
    """The game of a Differentiable recommender."""

    game: Game

    @cached_property
    def _read(self) -> dict[str, Tensor]:
        return self._model.embed(self.game.histories)

    @property
    def tokens(self) -> Tensor:
        """(1, w, d) what the network reads of the history."""
        return self._read["tokens"].detach()

    @property
    def places(self) -> NDArray[np.int64]:
        """(w,) the interaction of each token, −1 for the start token and padding."""
        return cast(NDArray[np.int64], self._read["places"][0].numpy())

    def without_items(self) -> Tensor:
        """(1, w, d): where an interaction was read, the start token; the rest as it is."""
        nobody = self.game.histories.keep(np.zeros(len(self.game.histories.items), dtype=np.bool_))
        start = self._model.embed(nobody)["tokens"].detach()[:, :1]
        return self._where_met(start.expand_as(self.tokens))

    def with_others(self, count: int, rng: np.random.Generator) -> Tensor:
        """(count, w, d): where an interaction was read, an item drawn evenly from the catalog; the rest as it is."""
        many = self.game.histories.select(np.zeros(count, dtype=np.int64))
        drawn = rng.integers(self.width, size=len(many.items))
        return self._where_met(self._model.embed(replace(many, items=drawn))["tokens"].detach())

    def _where_met(self, other: Tensor) -> Tensor:
        met = torch.from_numpy(self.places >= 0).to(other.device)[None, :, None]
        return torch.where(met, other, self.tokens)

    def target(self, tokens: Tensor) -> Tensor:
        """(n,) the target of each row of `tokens` (n, w, d), differentiable."""
        target, many = self.game.target, self.game.histories.select(np.zeros(len(tokens), dtype=np.int64))

        def scores(items: Int) -> Tensor:
            with torch.backends.cudnn.flags(enabled=False):  # its recurrent layers have no gradient outside of training
                return cast(Tensor, self._model.score_embedded({"tokens": tokens}, many, items))

        if target.kind == PROBABILITY and link_of(self.game.model) == "softmax":
            return torch.softmax(scores(np.arange(self.width)), dim=1)[:, target.item]
        found = scores(target.items)
        if target.kind == PROBABILITY:
            return torch.sigmoid(found[:, 0])
        return found[:, 0] - found[:, 1:].mean(dim=1) if target.kind == MARGIN else found[:, 0]

    @cached_property
    def whole(self) -> float:
        """The target as it is. Raises CannotExplain where the recommender's own score says something else."""
        found = self.at(self.tokens)
        if abs(found - self.game.whole) > AGREES * max(1.0, abs(found), abs(self.game.whole)):
            raise CannotExplain(
                f"{self.game.model.name} does not score this item by what it reads of the history; try another method.",
                field="method",
            )
        return found

    @torch.no_grad()
    def at(self, tokens: Tensor) -> float:
        """The mean target of rows of tokens."""
        return float(self.target(tokens).double().mean())

    def of_units(self, values: Tensor) -> Values:
        """(n_units,) of attributions (w, d) of tokens: summed over the embedding and over the interactions of a unit; 0
        of what is older than the network reads."""
        each, read = values.sum(dim=1).double().cpu().numpy(), self.places >= 0
        units = self.game.unit_of[self.places[read]]
        return cast(Values, np.bincount(units, weights=each[read], minlength=len(self.game.units)))

    @cached_property
    def width(self) -> int:
        """Items of the catalog."""
        return int(self.game.model.score(self.game.histories).shape[1])

    @property
    def _model(self) -> Differentiable:
        return cast(Differentiable, self.game.model)
