"""What a person is interested in: labels of items that are more frequent in their history than in the catalog."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PRIOR = 5.0
"""A share counts as if so many more items had been met as people usually meet them: few items say little."""
WORD = re.compile(r"[^\W\d_]{3,}")
COMMON = """
    about after again all also and any are around back because been before being between both but came can come
    could did does down each even every few first for from get gets goes had has have having her here him himself
    his how however into its itself just like made make many may more most much must next not now off one
    only other others our out over own same she should since some still such than that the their them themselves then
    there these they this those three through too two under until upon very was way well were what when where which
    while who whom whose why will with without would you your yours
    aus bei das dem den der des die ein eine einer für ist mit nicht sich und von zum zur
    avec dans des est les pour que qui sur une del las los para por con
"""
STOP = frozenset(COMMON.split())
"""Words that hold sentences together say nothing of what a text is about (English, and the commonest of German, French
and Spanish)."""


@dataclass(frozen=True)
class Interest:
    """`kind` categories, creators or words; `share` of the history, weighted; `usual` share in the catalog; `items`
    of the history that have it; `strength`: log-odds against the usual share, for words TF-IDF."""

    kind: str
    name: str
    share: float
    usual: float
    items: int
    strength: float


def log_odds(weight: float, total: float, usual: float, *, prior: float = PRIOR) -> float:
    """ln(p / (1 − p)) − ln(b / (1 − b)), p = (weight + prior · b) / (total + prior), b the usual share.

    `weight` of `total` is what the history says; without a history the log-odds are 0.
    """
    b = min(max(usual, 1e-6), 1.0 - 1e-6)
    p = (weight + prior * b) / (total + prior)
    p = min(max(p, 1e-9), 1.0 - 1e-9)
    return math.log(p / (1 - p)) - math.log(b / (1 - b))


def tf_idf(weight: float, total: float, usual: float) -> float:
    """Weighted share of the history's texts that hold a word, times ln(1 / the share of the catalog's that do)."""
    return weight / total * math.log(1.0 / min(max(usual, 1e-6), 1.0)) if total else 0.0


def words_of(text: str) -> frozenset[str]:
    """Distinct words of three letters or more, in small letters, without those that only hold sentences together."""
    return frozenset(WORD.findall(text.lower())) - STOP


def interests(
    kind: str, labels: Sequence[Iterable[str]], weights: Sequence[float], usual: Mapping[str, float], *, least: int = 2
) -> list[Interest]:
    """Interests of one kind, strongest first, of labels that at least `least` items of the history have.

    `labels` and `weights` an entry per item of the history; `usual` shares of the catalog. Only what is above the
    usual is an interest.
    """
    total, sums, counts = sum(weights), defaultdict[str, float](float), Counter[str]()
    for names, weight in zip(labels, weights, strict=True):
        for name in set(names):
            sums[name] += weight
            counts[name] += 1
    measure = tf_idf if kind == "words" else log_odds
    found = [
        Interest(kind, name, sums[name] / total, usual[name], count, measure(sums[name], total, usual[name]))
        for name, count in counts.items()
        if count >= least and name in usual and total and sums[name] / total > usual[name]
    ]
    return sorted(found, key=lambda each: (-each.strength, each.name))
