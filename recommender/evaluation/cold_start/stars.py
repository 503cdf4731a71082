"""From a predicted rating to the whole level of least expected absolute error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Values = NDArray[np.float64]
BINS = 40


@dataclass(frozen=True)
class Levels:
    """`edges` (bins − 1,) of predicted ratings and `levels` (bins,) what to say between them."""

    edges: Values
    levels: Values

    @classmethod
    def learned(cls, found: Values, given: Values) -> Levels:
        """Of each of BINS equally full ranges of `found` (validation) the median of the ratings `given`: the level of
        least absolute error; never falling."""
        edges = np.unique(np.quantile(found, np.arange(1, BINS) / BINS))
        at = np.searchsorted(edges, found, side="left")
        medians = [np.median(given[at == bin]) if (at == bin).any() else np.nan for bin in range(len(edges) + 1)]
        filled = pd.Series(medians).ffill().bfill().to_numpy()
        return cls(edges, np.maximum.accumulate(np.floor(filled)))

    def decide(self, found: Values) -> Values:
        return self.levels[np.searchsorted(self.edges, found, side="left")]
