"""Dense numbers for items and people: what is said of them, whether or not anyone met them.

On top of the vocabularies of `data.features`: fields become columns, scaled so that each field weighs alike; text
vectors, centred, stand beside them; popularity is no content and stays apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.dataset import Dataset, Float, Histories
from recommender.data.features import MOST, TEXT, Field, Vocabulary, learn, listed, missing, number_of, word_of

LEAST = 3
"""Items of which a creator, a tag or another word must be said, or it says nothing about others."""
LEFT_OUT = frozenset({"image", "year", "released"})
"""Pictures' addresses say nothing; the year has columns of its own (`_years`)."""
YEAR = "year"
DECADES = tuple(range(1920, 2030, 10))


@dataclass(frozen=True)
class ItemFeatures:
    """How items' fields and texts become rows. Learned from a catalog once; then also encodes items that come later.

    `centre` (width of a text vector,) the mean text; `years` mean and spread of years.
    """

    vocabulary: Vocabulary
    centre: Float
    years: tuple[float, float]

    @classmethod
    def of(cls, train: Dataset, *, text: bool = True, fields: bool = True) -> ItemFeatures:
        frame = train.item_fields if fields else pd.DataFrame(index=range(train.n_items))
        vectors = train.item_vectors if text else None
        centre = np.zeros(0, dtype=np.float32)
        if vectors is not None:
            told = vectors.any(axis=1)
            centre = vectors[told].mean(axis=0) if told.any() else np.zeros(vectors.shape[1], dtype=np.float32)
        known = years_of(frame)
        known = known[np.isfinite(known)]
        years = (float(known.mean()), float(known.std()) or 1.0) if len(known) else (0.0, 1.0)
        return cls(_learned(frame), centre, years)

    @property
    def width(self) -> int:
        return self.vocabulary.width + 2 + len(DECADES) + len(self.centre)

    def told(self, row: Float) -> dict[str, slice]:
        """Columns of each field that `row` (width,), as `encode` gives, says something of: fields, year, text."""
        widths = {field.name: field.width for field in self.vocabulary.fields}
        widths |= {YEAR: 2 + len(DECADES), TEXT: len(self.centre)}
        ends = np.cumsum(list(widths.values())).tolist()
        places = {name: slice(end - width, end) for (name, width), end in zip(widths.items(), ends, strict=True)}
        return {name: place for name, place in places.items() if row[place].any()}

    def known(self, row: Float, known: NDArray[np.bool_]) -> Float:
        """(n, width) `row` with only what is `known` (n, those `told`)."""
        found = np.tile(row, (len(known), 1))
        for at, place in enumerate(self.told(row).values()):
            found[:, place] *= known[:, at : at + 1]
        return found

    def encode(self, frame: pd.DataFrame, vectors: Float | None, n: int) -> Float:
        """(n, width): fields with 1/√m in each of a field's m values, year, decades, text. Zeros where unknown."""
        said = self.vocabulary.encode(columns(frame), n)
        said.data = np.sqrt(said.data)
        text = np.zeros((n, len(self.centre)), dtype=np.float32)
        if vectors is not None and len(self.centre):
            text = np.where(vectors.any(axis=1, keepdims=True), vectors - self.centre, 0.0).astype(np.float32)
        return np.hstack([said.toarray(), self._years(frame, n), text]).astype(np.float32)

    def _years(self, frame: pd.DataFrame, n: int) -> Float:
        """(n, 2 + decades): whether the year is known, the standardised year, and nearness to each decade."""
        years = years_of(frame) if len(frame) else np.full(n, np.nan)
        told = np.isfinite(years)
        standard = np.where(told, (years - self.years[0]) / self.years[1], 0.0)
        near = np.exp(-(((np.where(told, years, 0.0)[:, None] - np.array(DECADES)) / 10) ** 2)) * told[:, None]
        return np.hstack([told[:, None], standard[:, None], near]).astype(np.float32)

    def packed(self) -> dict[str, NDArray[Any]]:
        years = np.array(self.years)
        return {"items.vocabulary": self.vocabulary.packed(), "items.centre": self.centre, "items.years": years}

    @classmethod
    def unpacked(cls, state: Mapping[str, NDArray[Any]]) -> ItemFeatures:
        mean, spread = state["items.years"].tolist()
        return cls(Vocabulary.unpacked(state["items.vocabulary"]), state["items.centre"], (mean, spread))


@dataclass(frozen=True)
class PeopleFeatures:
    """How people's attributes that may be features become rows."""

    vocabulary: Vocabulary

    @classmethod
    def of(cls, train: Dataset, *, fields: bool = True) -> PeopleFeatures:
        return cls(learn(columns(train.user_fields)) if fields else Vocabulary())

    @property
    def width(self) -> int:
        return self.vocabulary.width

    def encode(self, histories: Histories) -> Float:
        """(n_people, width) of the attributes among `histories.fields`; zeros for values never seen in training."""
        return cast(Float, self.vocabulary.encode(histories.fields, len(histories)).toarray().astype(np.float32))

    def packed(self) -> dict[str, NDArray[Any]]:
        return {"people.vocabulary": self.vocabulary.packed()}

    @classmethod
    def unpacked(cls, state: Mapping[str, NDArray[Any]]) -> PeopleFeatures:
        return cls(Vocabulary.unpacked(state["people.vocabulary"]))


def columns(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    return {str(name): frame[name].to_numpy(dtype=object) for name in frame if str(name) not in LEFT_OUT}


def years_of(frame: pd.DataFrame) -> NDArray[np.float64]:
    """(n,) year, else that of the day of release; nan where neither is known."""
    found = np.full(len(frame), np.nan)
    for name in ("released", "year"):
        if name in frame:
            given = [number_of(value) for value in frame[name].to_numpy(dtype=object)]
            told = np.array([np.nan if number is None else number for number in given], dtype=np.float64)
            found = np.where(np.isfinite(told), told, found)
    return found


def _learned(frame: pd.DataFrame) -> Vocabulary:
    """Fields of a value per item as elsewhere; of several (categories, creators) every word that enough items share,
    however many others are said only once."""
    given = columns(frame)
    several = {name for name, column in given.items() if any(isinstance(value, list | tuple) for value in column)}
    single = learn({name: column for name, column in given.items() if name not in several})
    least = LEAST if len(frame) >= 10 * LEAST else 1
    found = [field for field in (_words(name, given[name], least) for name in sorted(several)) if field.values]
    return Vocabulary((*single.fields, *found))


def _words(name: str, column: NDArray[Any], least: int) -> Field:
    counts = Counter(word for value in column if not missing(value) for word in set(map(word_of, listed(value))))
    return Field(name, values=tuple(word for word, count in counts.most_common(MOST) if count >= least))
