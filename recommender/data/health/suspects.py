"""People who act as programs do: too quick, items drawn as if by lot, or against everyone.

Shilling profiles fill themselves with items drawn at random, so that they look like anyone in what they rate and can
push their target (Lam and Riedl 2004, "Shilling recommender systems for fun and profit"). People do not choose by lot:
they meet what others meet. RDMA is that of Chirita, Nejdl and Zamfir 2005, "Preventing shilling attacks".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from recommender.data.health.rows import Real, Rows

FEWEST = 10
"""Interactions that a person must have to be judged."""
MINUTE = 60.0
QUICK = 60
"""Interactions within one minute: one a second."""
BY_LOT = -0.4
"""Below this a person's choice looks drawn by lot. Chosen on attacks planted into FilmTrust's clean ratings."""
AGAINST = 5.0
"""Robust standard deviations of the mean deviation from which on somebody rates against everyone."""
SHRINK = 5.0
MOST_POINTS = 2000
MOST_SHOWN = 500


def suspects(rows: Rows) -> dict[str, Any]:
    """{"judged": how many people, "counts": {reason: people}, "people": [the most striking], "points": [a sample]}.

    Each of the people is {"user" (position), "interactions", "choice", "deviation", "burst", "reasons"}.
    """
    choice, deviation, burst = choices(rows), deviations(rows), bursts(rows)
    judged = rows.per_user >= FEWEST
    marks = {"lot": judged & (choice < BY_LOT), "speed": burst >= QUICK, "against": judged & (deviation > AGAINST)}
    flagged = np.logical_or.reduce(list(marks.values()))
    strange = np.flatnonzero(flagged)
    order = strange[np.lexsort((choice[strange], -sum(mask[strange].astype(int) for mask in marks.values())))]

    def about(user: int) -> dict[str, Any]:
        return {
            "user": int(user),
            "interactions": int(rows.per_user[user]),
            "choice": float(choice[user]),
            "deviation": float(deviation[user]) if np.isfinite(deviation[user]) else None,
            "burst": int(burst[user]),
            "reasons": [name for name, mask in marks.items() if mask[user]],
        }

    return {
        "judged": int(judged.sum()),
        "flagged": len(strange),
        "counts": {name: int(mask.sum()) for name, mask in marks.items()},
        "people": [about(user) for user in order[:MOST_SHOWN]],
        "points": [about(user) for user in _sample(judged, flagged)],
    }


def _sample(judged: Any, flagged: Any) -> Any:
    """Of the flagged and of the others, together at most MOST_POINTS."""
    rng = np.random.default_rng(0)
    chosen = []
    for mask in (flagged, judged & ~flagged):
        found = np.flatnonzero(mask)
        most = MOST_POINTS // 2
        chosen.append(found if len(found) <= most else np.sort(rng.choice(found, most, replace=False)))
    return np.concatenate(chosen)


def choices(rows: Rows) -> Real:
    """(n_users,) mean over what a person met of log(p_i · M), p_i the share of item i in what all others did and M the
    number of items that were met: how much more likely their choice is by popularity than by lot. Around 0.5 and more
    for people, below 0 for draws; 0 where nothing was done."""
    counts = rows.per_item
    many = max(1, int((counts > 0).sum()))
    share = np.maximum(counts - 1, 0.5) * many / max(1, len(rows))
    total = np.bincount(rows.users, np.log(share)[rows.items], rows.n_users)
    return total / np.maximum(rows.per_user, 1)


def deviations(rows: Rows) -> Real:
    """(n_users,) RDMA in robust standard deviations; −inf below FEWEST ratings.

    RDMA_u = 1/N_u · Σ_i |r_ui − mean_i| / n_i without the division by n_i, which would hide those who rate popular
    items; mean_i is that of the others, drawn to everyone's mean by five ratings.
    """
    users, items, values = rows.users[rows.rated], rows.items[rows.rated], rows.values[rows.rated]
    number = np.bincount(users, minlength=rows.n_users)
    enough = number >= FEWEST
    if enough.sum() < FEWEST:
        return np.full(rows.n_users, -np.inf)
    sums, n = np.bincount(items, values, rows.n_items), np.bincount(items, minlength=rows.n_items)
    others = (sums[items] - values + SHRINK * values.mean()) / (n[items] - 1 + SHRINK)
    mean = np.bincount(users, np.abs(values - others), rows.n_users) / np.maximum(number, 1)
    middle = np.median(mean[enough])
    spread = 1.4826 * np.median(np.abs(mean[enough] - middle))  # of a normal distribution: its standard deviation
    return np.where(enough, (mean - middle) / spread if spread > 0 else 0.0, -np.inf)


def bursts(rows: Rows) -> Any:
    """(n_users,) most interactions of a person within any minute; 0 without a clock.

    Rows of one moment count once for each item, so a file without seconds does not look quick: such moments are left
    out where a person has nothing but one moment.
    """
    known = np.flatnonzero(~np.isnan(rows.times))
    order = known[np.lexsort((rows.times[known], rows.users[known]))]
    users, times = rows.users[order], rows.times[order]
    starts = np.searchsorted(users, np.arange(rows.n_users + 1))
    most = np.zeros(rows.n_users, dtype=np.int64)
    # Times of different people are set apart, so that one search answers for all.
    apart = times - (times.min() if len(times) else 0.0)
    apart = apart + users * (apart.max() + 2 * MINUTE if len(apart) else 0.0)
    within = np.searchsorted(apart, apart + MINUTE, side="left") - np.arange(len(apart))
    several = np.flatnonzero(np.diff(starts) > 0)
    if len(several):
        most[several] = np.maximum.reduceat(within, starts[:-1][several])
        whole = np.array([times[starts[u]] == times[starts[u + 1] - 1] for u in several])
        most[several[whole]] = 0
    return most
