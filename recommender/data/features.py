"""Attributes and context as numbers: what was seen in training becomes columns, by name and value."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from recommender.data.dataset import CONTEXT, Dataset, Histories, Int

MOST = 1000
"""Values of a field that get a column, the most frequent ones."""
FEW = 12
"""Different numbers up to which each is a value of its own; more are put into ten equally full ranges."""
UNIQUE = 0.5
"""Words of which more than this share occurs once (titles, names) say nothing about others."""
ITSELF, TEXT = "itself", "text"
"""Beside fields, what is known of an item: what was learned of it alone, and its text."""
TEXTS = frozenset({"title", "description"})


@dataclass(frozen=True)
class Field:
    """`values`: a column each, in this order; or `edges` of ranges of a number, a column for each range."""

    name: str
    values: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        return len(self.values) if self.values else len(self.edges) + 1

    def columns(self, value: Any) -> list[int]:
        """The columns (within the field) of a value or a list of values; none for what training did not see."""
        if self.values:
            return [self._places[word] for word in map(word_of, listed(value)) if word in self._places]
        number = number_of(value)
        return [] if number is None else [int(np.searchsorted(self.edges, number, side="right"))]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {value: at for at, value in enumerate(self.values)}


@dataclass(frozen=True)
class Vocabulary:
    """The columns of several fields, side by side."""

    fields: tuple[Field, ...] = ()

    @property
    def width(self) -> int:
        return sum(field.width for field in self.fields)

    def encode(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]], n: int) -> sparse.csr_matrix:
        """(n, width) float32: 1 in a field's column of the value, 1/m in each of m; zeros where nothing is known."""
        rows, places, shares, start = [], [], [], 0
        for field in self.fields:
            for row, value in enumerate(columns.get(field.name, ())):
                found = [] if value is None else field.columns(value)
                rows += [row] * len(found)
                places += [start + at for at in found]
                shares += [1 / max(1, len(found))] * len(found)
            start += field.width
        values = np.array(shares, dtype=np.float32)
        at = (np.array(rows, dtype=np.int64), np.array(places, dtype=np.int64))
        return sparse.csr_matrix((values, at), shape=(n, self.width))

    def packed(self) -> NDArray[np.uint8]:
        """As an array that a checkpoint can hold."""
        return np.frombuffer(json.dumps([asdict(field) for field in self.fields]).encode(), dtype=np.uint8)

    @classmethod
    def unpacked(cls, array: NDArray[np.uint8]) -> Vocabulary:
        given = json.loads(array.tobytes() or b"[]")
        return cls(tuple(Field(each["name"], tuple(each["values"]), tuple(each["edges"])) for each in given))


def learn(columns: Mapping[str, Iterable[Any]]) -> Vocabulary:
    """A field for each column that says something: words, lists of words, truths, numbers, dates (their year).

    Titles and descriptions, columns of one value and those of mostly unique words are left out.
    """
    found = (_field(name, [value for value in column if not missing(value)]) for name, column in columns.items())
    return Vocabulary(tuple(field for field in found if field is not None and field.width > 1))


def _field(name: str, values: list[Any]) -> Field | None:
    if name in TEXTS or not values:
        return None
    numbers = [number_of(value) for value in values if not isinstance(value, bool | str | list | tuple)]
    if len(numbers) == len(values) and len(set(numbers)) > FEW:
        edges = np.unique(np.quantile([number for number in numbers if number is not None], np.arange(1, 10) / 10))
        return Field(name, edges=tuple(edges.tolist()))
    counts = Counter(word for value in values for word in map(word_of, listed(value)))
    once = sum(count == 1 for count in counts.values())
    if len(counts) > FEW and once > UNIQUE * len(values):
        return None
    return Field(name, values=tuple(word for word, _ in counts.most_common(MOST)))


def listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def missing(value: Any) -> bool:
    return value is None or value == [] or (isinstance(value, float) and np.isnan(value))


def word_of(value: Any) -> str:
    """A value as it is compared: 9, 9.0 and "9" are one, so are True and "true"."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).casefold()


def number_of(value: Any) -> float | None:
    """None for what is not a number; of a date its year."""
    if isinstance(value, date):
        return float(value.year)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


@dataclass(frozen=True)
class Fields:
    """Vocabularies of people's attributes, of the context of interactions and of items' fields."""

    people: Vocabulary
    contexts: Vocabulary
    items: Vocabulary

    @classmethod
    def none(cls) -> Fields:
        return cls(Vocabulary(), Vocabulary(), Vocabulary())

    @property
    def person_width(self) -> int:
        return self.people.width + self.contexts.width

    @property
    def names(self) -> frozenset[str]:
        """Of `Histories.fields`, those that are read."""
        attributes = {field.name for field in self.people.fields}
        return frozenset(attributes | {CONTEXT + field.name for field in self.contexts.fields})

    def told(self, bag: sparse.csr_matrix) -> tuple[str, ...]:
        """What `bag`, an item's row of `item_side`, says something of: `ITSELF`, and fields in their order."""
        return tuple(dict.fromkeys(self._owners(bag)))

    def known(self, bag: sparse.csr_matrix, known: NDArray[np.bool_]) -> sparse.csr_matrix:
        """(n, columns) the row `bag` with only what is `known` (n, those `told`)."""
        names = self.told(bag)
        owner = [names.index(name) for name in self._owners(bag)]
        rows, at = np.nonzero(known[:, owner])
        return sparse.csr_matrix((bag.data[at], (rows, bag.indices[at])), shape=(len(known), bag.shape[1]))

    def _owners(self, bag: sparse.csr_matrix) -> list[str]:
        """The name of what each entry of `bag` belongs to."""
        ends = np.cumsum([bag.shape[1] - self.items.width, *(field.width for field in self.items.fields)])
        names = (ITSELF, *(field.name for field in self.items.fields))
        return [names[at] for at in np.searchsorted(ends, bag.indices, side="right")]

    @classmethod
    def of(cls, train: Dataset, *, contexts: bool = True) -> Fields:
        """What `train` knows; sensitive attributes are not in it unless the run was allowed them."""
        of_moment = learn(train.histories.contexts) if contexts else Vocabulary()
        return cls(learn(_columns(train.user_fields)), of_moment, learn(_columns(train.item_fields)))

    def person_side(self, histories: Histories) -> sparse.csr_matrix:
        """(n_people, people's + contexts' width) of whoever asks: attributes, and the context of the moment."""
        now = {name[len(CONTEXT) :]: each for name, each in histories.fields.items() if name.startswith(CONTEXT)}
        n = len(histories)
        return beside(self.people.encode(histories.fields, n), self.contexts.encode(now, n))

    def item_side(self, train: Dataset) -> sparse.csr_matrix:
        """(n_items, n_items + items' width): the item itself, then its fields."""
        own = sparse.identity(train.n_items, dtype=np.float32, format="csr")
        return beside(own, self.items.encode(_columns(train.item_fields), train.n_items))

    def packed(self) -> dict[str, NDArray[np.uint8]]:
        return {f"fields.{name}": getattr(self, name).packed() for name in ("people", "contexts", "items")}

    @classmethod
    def unpacked(cls, state: Mapping[str, NDArray[Any]]) -> Fields:
        return cls(*(Vocabulary.unpacked(state[f"fields.{name}"]) for name in ("people", "contexts", "items")))


def _columns(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    return {str(name): frame[name].to_numpy(dtype=object) for name in frame}


def beside(*parts: sparse.csr_matrix) -> sparse.csr_matrix:
    """The columns of all parts."""
    return sparse.csr_matrix(sparse.hstack(parts, format="csr", dtype=np.float32))


def recent(histories: Histories, n_items: int, length: int, half_life: float) -> sparse.csr_matrix:
    """(n_people, n_items) weights of the last `length` interactions, which sum to 1; see `before` for them."""
    return before(histories, np.arange(len(histories)), histories.indptr[1:], n_items, length, half_life)


def before(
    histories: Histories, rows: Int, ends: Int, n_items: int, length: int, half_life: float
) -> sparse.csr_matrix:
    """(n, n_items): the last `length` things that person `rows[j]` did before place `ends[j]` of `histories.items`.

    Weights are 2^(−n / half_life) for n things done later (half_life 0: all alike) over their sum.
    """
    starts = np.maximum(histories.indptr[rows], ends - length)
    lengths = ends - starts
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    later = np.repeat(indptr[1:], lengths) - 1 - np.arange(indptr[-1])
    weights = 2.0 ** (-later / half_life) if half_life else np.ones(len(later))
    places = np.repeat(ends, lengths) - 1 - later
    sums = np.add.reduceat(np.append(weights, 0.0), np.minimum(indptr[:-1], max(0, len(weights))))
    weights = weights / np.repeat(np.where(lengths > 0, sums, 1.0), lengths)
    found = sparse.csr_matrix((weights.astype(np.float32), histories.items[places], indptr), shape=(len(rows), n_items))
    return cast(sparse.csr_matrix, found)
