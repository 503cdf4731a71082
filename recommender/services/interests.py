"""What a person is interested in, over all they did and lately, against what is usual in their catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.core.cache import cache

from recommender.data.interests import Interest, interests, words_of
from recommender.models import EndUser
from recommender.selectors import interests as select
from recommender.selectors import serving
from recommender.services import popular

KINDS = ("categories", "creators", "words")
RECENT_HALF_LIFE = 10.0
"""Lately: an item counts half for each so many that were met after it."""
BELOW_OWN_MEAN = 0.5
"""What was rated below the person's own mean counts so much."""
WORDS_SECONDS = 600


def interests_of(*, person: EndUser, most: int = 8) -> list[dict[str, Any]]:
    """Rows of (kind, name, items, share, usual, long_term, recent), of each kind the `most` strongest by the sum of
    both. `long_term` and `recent` are log-odds, for words TF-IDF; 0 where something is not above the usual."""
    met = select.met(person)
    usual = _usual(person, met)
    rows: list[dict[str, Any]] = []
    for kind in KINDS:
        labels = [_labels(kind, each) for each in met]
        long_term, recent = (interests(kind, labels, weights, usual[kind]) for weights in _weights(met))
        rows += _joined(kind, long_term, recent)[:most]
    return rows


def _joined(kind: str, long_term: Sequence[Interest], recent: Sequence[Interest]) -> list[dict[str, Any]]:
    by_name = [{each.name: each for each in part} for part in (long_term, recent)]
    rows = []
    for name in dict.fromkeys([*by_name[0], *by_name[1]]):
        first, last = (part.get(name) for part in by_name)
        about = first or last
        assert about is not None
        rows.append(
            {
                "kind": kind,
                "name": name,
                "items": about.items,
                "share": about.share,
                "usual": about.usual,
                "long_term": first.strength if first else 0.0,
                "recent": last.strength if last else 0.0,
            }
        )
    return sorted(rows, key=lambda row: (-row["long_term"] - row["recent"], row["name"]))


def _labels(kind: str, met: select.Met) -> Sequence[str] | frozenset[str]:
    return words_of(met.text) if kind == "words" else met.categories if kind == "categories" else met.creators


def _weights(met: Sequence[select.Met]) -> tuple[list[float], list[float]]:
    """Weights of the items over all time, and lately."""
    rated = [each.value for each in met if each.value is not None]
    mean = float(np.mean(rated)) if rated else 0.0
    liked = [BELOW_OWN_MEAN if each.value is not None and each.value < mean else 1.0 for each in met]
    age = range(len(met) - 1, -1, -1)
    return liked, [weight * 2.0 ** (-later / RECENT_HALF_LIFE) for weight, later in zip(liked, age, strict=True)]


def _usual(person: EndUser, met: Sequence[select.Met]) -> dict[str, dict[str, float]]:
    """By kind: how usual the labels of the person's items are among everyone's."""
    counted = popular.popular(catalog_id=person.catalog_id)
    names = {name for each in met for name in (*each.categories, *each.creators)}
    labels = select.usual_labels(names, counted.items.tolist(), counted.counts.tolist()) if names else {}
    found: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for (kind, name), share in labels.items():
        found[kind][name] = share
    return found | {"words": _words(person.catalog_id) if met else {}}


def _words(catalog_id: int) -> dict[str, float]:
    key = f"usual-words:{catalog_id}:{serving.catalogue_version(catalog_id)}"
    kept: dict[str, float] | None = cache.get(key)
    if kept is None:
        kept = select.usual_words(catalog_id)
        cache.set(key, kept, WORDS_SECONDS)
    return kept
