"""Steps of a preparation on attributes: types and gaps. Tables are as in Dataset: objects, None where missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer

from recommender.data.preparation.settings import UNKNOWN

NUMBER, LIST, WORD, TEXT = "number", "categories", "category", "text"
OWN = {"title": TEXT, "description": TEXT, "categories": LIST, "creators": LIST, "year": NUMBER, "price": NUMBER}
"""The types of the columns that every item has."""
STRATEGIES = {"mean": "mean", "median": "median", "most frequent": "most_frequent"}


def is_gap(value: Any) -> bool:
    return value is None or value == "" or value == [] or (isinstance(value, float) and value != value)


def gaps(column: pd.Series) -> NDArray[np.bool_]:
    return np.fromiter((is_gap(value) for value in column), dtype=np.bool_, count=len(column))


def kind_of(name: str, column: pd.Series, declared: Mapping[str, str]) -> str:
    """number, categories, category or text: as declared, else by the values."""
    if name in declared:
        return WORD if declared[name] == "flag" else declared[name]
    if name in OWN:
        return OWN[name]
    values = [value for value in column if not is_gap(value)]
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return NUMBER
    return LIST if values and all(isinstance(value, list) for value in values) else WORD


def cast_column(column: pd.Series, declared: str) -> pd.Series:
    """Values in their declared type; what does not fit becomes None."""
    return objects([fitted(value, declared) for value in column])


def fitted(value: Any, declared: str) -> Any:
    if is_gap(value):
        return None
    if declared == "number":
        return as_number(value)
    if declared == "flag":
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        return words.get(str(value).strip().lower())
    if declared == "categories":
        return [str(one) for one in value] if isinstance(value, list) else [str(value)]
    return None if isinstance(value, list | dict) else str(value)


def as_number(value: Any) -> float | None:
    try:
        found = None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return found if found is not None and np.isfinite(found) else None


def fill(column: pd.Series, kind: str, how: str) -> tuple[pd.Series, Any]:
    """The column with its gaps filled, and with what. scikit-learn's SimpleImputer finds it; a list's gap becomes a
    list. A column without any value, and numbers that cannot be averaged, stay as they are."""
    missing = gaps(column)
    if not missing.any() or missing.all() or (how in ("mean", "median") and kind != NUMBER):
        return column, None
    if how == UNKNOWN:
        return filled(column, missing, UNKNOWN if kind in (WORD, TEXT) else [UNKNOWN] if kind == LIST else None)
    if kind == LIST:
        words = pd.Series([word for value in column[~missing] for word in value])
        return filled(column, missing, [str(words.mode().iloc[0])])
    if kind == NUMBER:
        numbers = np.array([np.nan if gap else float(one) for one, gap in zip(column, missing, strict=True)])
        imputer = SimpleImputer(strategy=STRATEGIES[how]).fit(numbers[:, None])
        return filled(column, missing, float(imputer.statistics_[0]))
    imputer = SimpleImputer(strategy="most_frequent", missing_values=None)
    imputer.fit(np.array([None if gap else str(one) for one, gap in zip(column, missing, strict=True)])[:, None])
    common = str(imputer.statistics_[0])
    return filled(column, missing, next(one for one in column[~missing] if str(one) == common))


def filled(column: pd.Series, missing: NDArray[np.bool_], value: Any) -> tuple[pd.Series, Any]:
    if value is None:
        return column, None
    return objects([value if gap else one for one, gap in zip(column, missing, strict=True)]), value


def objects(values: list[Any]) -> pd.Series:
    return pd.Series(np.fromiter(values, dtype=object, count=len(values)), dtype=object)
