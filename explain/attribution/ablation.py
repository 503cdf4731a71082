"""Taking units away one at a time: what the target loses without each (occlusion; Zeiler and Fergus, ECCV 2014)."""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np

from explain.attribution.base import REMOVAL, Attribution, Cost
from explain.attribution.game import Game


class Ablation:
    """v(N) − v(N \\ {j}): exact for one unit at a time, not additive; units that stand in for each other both get 0."""

    name: ClassVar[str] = "ablation"
    title: ClassVar[str] = "Leaving one out"
    kind: ClassVar[str] = REMOVAL
    quick: ClassVar[bool] = True

    def refuses(self, game: Game) -> str:
        return "" if game.units else "There is nothing to take away: nothing is known of this person."

    def explain(self, game: Game, *, seed: int = 0) -> Attribution:
        started, n = time.perf_counter(), len(game.units)
        kept = np.ones((n + 2, n), dtype=np.bool_)
        kept[np.arange(n), np.arange(n)] = False
        kept[n + 1] = False
        found = game.values(kept)
        return Attribution(
            self.name, game.target, game.units, found[n] - found[:n], game.emptied, float(found[n]),
            float(found[n + 1]), Cost(time.perf_counter() - started, n + 2), additive=False,
        )  # fmt: skip
