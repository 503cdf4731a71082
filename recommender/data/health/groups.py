"""Groups of people by how much they do, how they rate and how far from the beaten track they go."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from recommender.data.health.rows import Real, Rows

GROUPS = 4
FEWEST = 40
"""With fewer active people groups would be a handful each."""
SMALL = 10
"""A group of fewer is shown without its size: it would point at persons."""
LEARN_FROM = 20_000
"""Centres are found on at most so many people; everyone is then put to the nearest."""
CLEAR = 0.5
"""How many standard deviations from everyone's mean earn a group a word."""
WORDS = (("quiet", "busy"), ("strict", "generous"), ("mainstream", "off the beaten track"))
HEAD = 0.1


def groups(rows: Rows) -> list[dict[str, Any]]:
    """{"name", "people" (None where fewer than SMALL), "activity", "rating", "breadth"}, the largest first.

    k-means (scikit-learn, k = 4) on three standardised features of everyone who did something: log(1 + interactions),
    mean rating (everyone's mean where a person gave none), and breadth: the share of their interactions with items
    outside the tenth that is met most.
    """
    active = np.flatnonzero(rows.per_user)
    if len(active) < FEWEST:
        return []
    features = _features(rows)[active]
    middle, spread = features.mean(axis=0), features.std(axis=0)
    scaled = (features - middle) / np.where(spread > 0, spread, 1.0)
    labels = _cluster(scaled)
    found = []
    for label in range(labels.max() + 1):
        members = labels == label
        if members.any():
            found.append(_described(features[members], scaled[members].mean(axis=0), rows, int(members.sum())))
    return sorted(found, key=lambda group: -(group["people"] or 0))


def _cluster(scaled: Real) -> Any:
    """A group per person. scikit-learn is loaded here: web processes read this module's results only."""
    cluster = import_module("sklearn.cluster")
    rng = np.random.default_rng(0)
    some = scaled if len(scaled) <= LEARN_FROM else scaled[rng.choice(len(scaled), LEARN_FROM, replace=False)]
    return cluster.KMeans(GROUPS, n_init=4, random_state=0).fit(some).predict(scaled)


def _features(rows: Rows) -> Real:
    """(n_users, 3) activity (log), mean rating, breadth."""
    users, values = rows.users[rows.rated], rows.values[rows.rated]
    number = np.bincount(users, minlength=rows.n_users)
    total = np.bincount(users, values, rows.n_users)
    usual = float(values.mean()) if len(values) else 0.0
    mean = np.where(number > 0, total / np.maximum(number, 1), usual)
    head = np.zeros(rows.n_items, dtype=np.bool_)
    head[np.argsort(-rows.per_item, kind="stable")[: max(1, round(HEAD * rows.n_items))]] = True
    tail = np.bincount(rows.users, ~head[rows.items], rows.n_users) / np.maximum(rows.per_user, 1)
    return np.column_stack([np.log1p(rows.per_user), mean, tail])


def _described(features: Real, centre: Real, rows: Rows, people: int) -> dict[str, Any]:
    words = [pair[int(at > 0)] for pair, at in zip(WORDS, centre, strict=True) if abs(at) >= CLEAR]
    return {
        "name": ", ".join(words) or "like most",
        "people": people if people >= SMALL else None,
        "activity": float(np.expm1(features[:, 0].mean())),
        "rating": float(features[:, 1].mean()) if rows.rated.any() else None,
        "breadth": float(features[:, 2].mean()),
    }
