"""First-order MAML (Finn, Abbeel, Levine, ICML 2017, 5.2): slopes of the steps count as constants, which costs less."""

from __future__ import annotations

from typing import ClassVar

from recommender.algorithms.maml import MAML


class FOMAML(MAML):
    """Lowers what maml lowers, by its gradient without the second derivatives."""

    name: ClassVar[str] = "fomaml"
    second: ClassVar[bool] = False
