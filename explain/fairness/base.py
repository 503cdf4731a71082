"""What an audit reads: lists, what is known of people and items, and how both fall into groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.dataset import Float, Histories, Int
from recommender.evaluation.segments import LEAST
from recommender.evaluation.significance import RESAMPLES

NONE = -1
"""In lists: no item; in codes: not known."""
ATTRIBUTE, BAND, BEHAVIOUR, CROSSED = "attribute", "band", "behaviour", "crossed"
KINDS = (ATTRIBUTE, BAND, BEHAVIOUR, CROSSED)


@dataclass(frozen=True)
class Grouping:
    """People in groups: `codes` (n_people,) position in `names`, −1 where it is not known. `kind`: by a declared
    attribute, by bands of a number, by what they did (activity, taste for the popular), or two others crossed (`parts`:
    their names). `sensitive`: not for everyone's eyes. `silent`: not told of, but looked at when it is decided what may
    be shown, because another audit of the same people may tell of it."""

    name: str
    title: str
    kind: str
    codes: Int
    names: tuple[str, ...]
    sensitive: bool = False
    parts: tuple[str, ...] = ()
    silent: bool = False


@dataclass(frozen=True)
class Classes:
    """Items in classes that may overlap: `members` (n_items, n_classes) float32, 1 where an item is of a class. Rows of
    zeros: nothing is known of the item."""

    name: str
    title: str
    names: tuple[str, ...]
    members: Float
    supplier: bool = False


@dataclass(frozen=True)
class Material:
    """What is audited: n_lists lists of at most k items, shown to n_people people, of n_items items.

    `users` (n_people,) database keys; `lists` (n_lists, k) positions of items, best first, −1 = none; `owners`
    (n_lists,) the person of each list (with held-out data one list each, in order); `quality` a row per person, a
    column per metric (`ndcg@10`, `mae`; nan where it is not known), and `lower` the columns of which less is
    better; `histories` n_people rows of what was known; `targets` n_people rows of what was held out, None for what
    was served; `shares` (n_items,) share of people who had met each item before; `offered` (n_items,) whether it
    may be shown; `new` (n_items,) whether it is new; `weeks` (n_lists,) days since 1970 of the Monday of each
    list's week, None for held-out data; `explanations` a row per person of figures of trust, where there are any.
    """

    users: Int
    lists: Int
    owners: Int
    quality: pd.DataFrame
    histories: Histories
    targets: Histories | None
    shares: NDArray[np.float64]
    offered: NDArray[np.bool_]
    new: NDArray[np.bool_]
    groupings: tuple[Grouping, ...] = ()
    classes: tuple[Classes, ...] = ()
    weeks: Int | None = None
    listed: pd.DataFrame | None = None
    """A row per list of what was served, a column per answer to it (`response`)."""
    lower: frozenset[str] = frozenset({"mae", "rmse"})
    explanations: pd.DataFrame | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    """By name of an attribute that was asked for: why there are no groups by it, a sentence."""
    data: Mapping[str, int] = field(default_factory=dict)
    """What else the report tells of the data, in words."""
    amiss: tuple[str, ...] = ()
    """What is missing of the data, such as classes of items by some attribute, a sentence each."""
    sensitive_features: tuple[str, ...] = ()
    """Sensitive attributes of people that the recommender itself reads, or one of those that served."""
    sensitive_known: bool = True
    """Whether all that is read is known: not where the weights of one that served are gone."""

    @property
    def n_people(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.shares)


@dataclass(frozen=True)
class Asked:
    """What is asked of an audit: the first `k` of each list, `resamples` of people, `permutations` of their figures,
    groups of fewer than `least` people suppressed, intervals of `level`. The same `seed` gives the same figures."""

    k: int = 10
    resamples: int = RESAMPLES
    permutations: int = RESAMPLES
    least: int = LEAST
    seed: int = 0
    level: float = 0.95


def number(value: float | np.floating, digits: int = 6) -> float | None:
    """What goes into a report: rounded, null where it is not a finite number."""
    return round(float(value), digits) if np.isfinite(value) else None
