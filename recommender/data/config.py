"""Settings that are declared once, with their meaning and range, and checked wherever they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from typing import Any, Self, get_args, get_type_hints

import numpy as np

from recommender.exceptions import BadConfig


def hyper(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Any, ...] = (),
    tune: bool = True,
    late: bool = False,
) -> Any:
    """Declare a hyperparameter once: its default, its meaning, its range (inclusive), whether a search over settings
    may vary it (a limit of size, say, is not for tuning), and whether it is told after all others."""
    about = {"help": help, "low": low, "high": high, "choices": choices, "tune": tune, "late": late}
    return field(default=default, metadata=about)


def chosen_epochs() -> Any:
    """The hyperparameter `stop_after` of whatever trains in epochs that validation may end."""
    words = "Stop after so many of the epochs; set by validation for the training on everything."
    return hyper(None, words, low=1, high=1000)


@dataclass(frozen=True)
class Config:
    """Settings of an algorithm or a preparation: a frozen dataclass of `hyper(...)` fields (bool, int, float, str)."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for each in fields(self):
            object.__setattr__(self, each.name, _checked(each, hints[each.name], getattr(self, each.name)))

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Self:
        """Build from a form's, the API's or the command line's values (strings are converted).

        Raises BadConfig naming the field.
        """
        known = {each.name for each in fields(cls)}
        for name in given:
            if name not in known:
                allowed = ", ".join(sorted(known)) or "none"
                raise BadConfig(f"There is no setting “{name}”. Known: {allowed}.", field=name)
        return cls(**given)

    def replace(self, **changes: Any) -> Self:
        return replace(self, **changes)


def _checked(declared: Field[Any], hint: Any, value: Any) -> Any:
    kind = next((arg for arg in get_args(hint) if arg is not type(None)), hint)
    optional = type(None) in get_args(hint)
    if optional and value in (None, "", "none"):
        return None
    try:
        value = _converted(kind, value)
    except (TypeError, ValueError):
        message = f"{declared.name} must be of type {kind.__name__}, not {value!r}."
        raise BadConfig(message, field=declared.name) from None
    _check_range(declared, value)
    return value


def _converted(kind: type, value: Any) -> Any:
    if kind is bool:
        words = {
            "true": True,
            "1": True,
            "yes": True,
            "on": True,
            "false": False,
            "0": False,
            "no": False,
            "off": False,
        }
        if isinstance(value, bool):
            return value
        if str(value).lower() not in words:
            raise ValueError(value)
        return words[str(value).lower()]
    if kind is int and (isinstance(value, bool) or (isinstance(value, float) and value != int(value))):
        raise ValueError(value)
    if kind is float and isinstance(value, bool):
        raise ValueError(value)
    converted = kind(value)
    if kind is float and not np.isfinite(converted):
        raise ValueError(value)
    return converted


def _check_range(declared: Field[Any], value: Any) -> None:
    low, high, choices = (declared.metadata.get(key) for key in ("low", "high", "choices"))
    if choices and value not in choices:
        raise BadConfig(f"{declared.name} must be one of {', '.join(map(str, choices))}.", field=declared.name)
    if low is not None and value < low:
        raise BadConfig(f"{declared.name} must be at least {low:g}.", field=declared.name)
    if high is not None and value > high:
        raise BadConfig(f"{declared.name} must be at most {high:g}.", field=declared.name)


def describe(config: type[Config]) -> list[dict[str, Any]]:
    """Rows of (name, type, default, help, low, high, choices, tune, optional): form, API and docs."""
    hints = get_type_hints(config)
    rows = []
    for each in sorted(fields(config), key=lambda declared: bool(declared.metadata.get("late"))):
        arguments = get_args(hints[each.name])
        kind = next((arg for arg in arguments if arg is not type(None)), hints[each.name])
        default = None if each.default is MISSING else each.default
        about = {"name": each.name, "type": kind.__name__, "default": default, "optional": type(None) in arguments}
        rows.append(about | {name: said for name, said in each.metadata.items() if name != "late"})
    return rows
