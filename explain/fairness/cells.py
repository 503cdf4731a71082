"""Tables of groups and classes: which cells may be shown, and intervals of shares in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from explain.fairness.intervals import PSEUDO

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


def two_ways(people: Values, shown: Mask, absent: Values, least: int) -> Mask:
    """(n_groups, n_classes) which cells may be shown: of `people` (n_groups, n_classes) at least `least`, in groups
    that are `shown` (n_groups,). What is hidden in a column, with those `absent` (n_classes,) from all groups, and what
    is hidden in a row of a group that is shown, has `least` people too or nobody, so that no less can be worked out
    from the others and a total."""
    mask: Mask = shown[:, None] & (people >= least)
    everywhere, nobody = np.ones(len(absent), dtype=np.bool_), np.zeros(len(people))
    while True:
        columns = _hidden_more(people, mask, absent, everywhere, least)
        rows = _hidden_more(people.T, mask.T, nobody, shown, least)
        if not (columns or rows):
            return mask


def _hidden_more(people: Values, mask: Mask, absent: Values, lines: Mask, least: int) -> bool:
    """Hide, in place, the smallest that is shown of each column of `lines` that would give few people away; whether
    anything was hidden."""
    hidden = np.where(mask, 0, people).sum(axis=0) + absent
    unsafe = np.flatnonzero(lines & (hidden > 0) & (hidden < least) & mask.any(axis=0))
    if not len(unsafe):
        return False
    smallest = np.where(mask, people, np.inf).argmin(axis=0)
    mask[smallest[unsafe], unsafe] = False
    return True


def share_interval(share: Values, error: Values, people: Values, level: float) -> tuple[Values, Values]:
    """Low and high of shares of any shape: Wilson's interval of n / φ people, φ = how much more (or less) a share
    varies than one of yes and no, n · error² / (p (1 − p)), drawn towards 1 as by PSEUDO people more. It has a width at
    0 and 1 too, where nobody differs: of 25 people who all lack something the share in the long run may be .13."""
    n = np.maximum(people, 1)
    yes_or_no = share * (1 - share)
    own = np.divide(error**2 * n, yes_or_no, out=np.ones_like(share), where=yes_or_no > 0)
    excess = (np.maximum(n - 1, 0) * own + PSEUDO) / (np.maximum(n - 1, 0) + PSEUDO)
    t = stats.t.ppf((1 + level) / 2, np.maximum(n - 1, 0) + PSEUDO)
    z = t**2 * excess / n
    middle, reach = share + z / 2, np.sqrt(np.maximum(z * yes_or_no + z**2 / 4, 0))
    return np.asarray((middle - reach) / (1 + z)), np.asarray((middle + reach) / (1 + z))
