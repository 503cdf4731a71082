"""Which words of two texts make the explained item similar to what counts most of a person's history."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from threading import Lock
from typing import Any

from explain.attribution.game import ITEM
from explain.exceptions import CannotExplain
from explain.services.asking import Case
from recommender.data import text
from recommender.models import Item

LONGEST = 2000
"""Characters of a text that are looked at."""

_encoder: list[Any] = []
_loading = Lock()


@dataclass(frozen=True)
class Wording:
    """`about`: what words of the item's text add to the likeness, `other`: those of the text of the item `than`."""

    than: str
    about: Any
    other: Any


def wording(case: Case, strongest: str) -> Wording:
    """`strongest`: the id of an item of the history. Raises CannotExplain where either has no text, or no encoder is
    installed."""
    found = {row.client_id: row for row in Item.objects.filter(
        catalog_id=case.question.catalog_id, client_id__in=[case.item.client_id, strongest]
    ).defer("text_vector")}  # fmt: skip
    texts = [composed(found[name]) if name in found else "" for name in (case.item.client_id, strongest)]
    if not all(texts):
        raise CannotExplain("Nothing is said of one of the two items, so there are no words to look at.")
    method = import_module("explain.attribution.words")
    about, other = method.both_ways(encoder(), *texts)
    row = found[strongest]
    return Wording(row.title or row.client_id, about, other)


def composed(item: Item) -> str:
    """What the encoder reads of an item."""
    whole = text.compose(
        title=item.title, categories=item.categories, creators=item.creators, description=item.description
    )
    return whole[:LONGEST]


def encoder() -> Any:
    """In float32, which gradients need; loaded once per process, whichever thread asks first: the others wait for it.
    torch's own network, no further library."""
    with _loading:
        if not _encoder:
            _encoder.append(_loaded())
        return _encoder[0]


def _loaded() -> Any:
    try:
        return import_module("recommender.data.text_encoder").SentenceEncoder("float32")
    except (ModuleNotFoundError, OSError) as error:
        raise CannotExplain("The sentence encoder is not installed here, so no words can be looked at.") from error


def strongest_of(units: list[dict[str, Any]]) -> str:
    """The item of the history that raises the score most; "" where none does."""
    raising = [unit for unit in units if unit["kind"] == ITEM and unit["value"] > 0]
    return max(raising, key=lambda unit: unit["value"])["id"] if raising else ""
