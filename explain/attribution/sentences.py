"""One sentence that a customer understands, built from an attribution alone and never more certain than it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from explain.attribution.base import Attribution, Values
from explain.attribution.game import ATTRIBUTE, CONTEXT_FIELD, ITEM, ITEM_FIELD, OLDER, Unit

NAMED = 3
"""Reasons that are named at most."""
STANDS_OUT = 0.1
"""Least share of all that raises the target which a reason must have to be named."""
MOST_OF_IT = 0.5
CLOSED = 1e-5
"""Relative gap up to which parts count as complete."""
ERRORS = 2.0
"""Standard errors of sampling that a named reason must lie above zero."""
SAID_OF_IT = "what is said of it: "
"""How the label of a field of the item begins."""
OF_ITS_OWN = {"text": "what its text says", "itself": "what others did with it"}
"""What is known of an item that is no field."""

Label = Callable[[Unit], str]


def sentence(
    found: Attribution,
    *,
    label: Label,
    item: str,
    over: str = "",
    reliable: bool = True,
    met: bool = False,
    outside: bool = False,
    silent: Callable[[Unit], bool] = lambda unit: False,
) -> str:
    """`item` is suggested because of …; `over`: the item it stands above, where that was asked. `reliable`: whether
    explanations by this method have been found to hold for this recommender, or were never found not to. Units that
    are `silent` (a hidden item) count but are never named. `outside`: the item is in no list of theirs."""
    what = _what(item, over, met, outside)
    behind = bool(over) and found.prediction <= 0
    if behind:
        what = f"“{item}” does not stand above “{over}”"
    if not reliable:
        return (
            f"We cannot say reliably why {what[0].lower() + what[1:]}: such reasons do not hold for this recommender."
        )
    if not (found.values > 0).any() or _nothing(found):
        return f"{what}." if behind else _without_reason(found, what, over, shown=not (met or outside))
    chosen = [at for at in named_reasons(found) if not silent(found.units[at])]
    told = listed([phrase(found.units[at], label) for at in chosen]) if chosen else ""
    surely = "" if _certain(found) else "probably "
    if behind:
        return f"{what}; what speaks for it all the same is {surely}{told or 'many things together'}."
    if not told:
        return f"{what} because of many things in {_grounds(found)} together; none of them can be named alone."
    raises = np.clip(found.values, 0, None)
    mainly = "mainly " if raises[chosen].sum() >= MOST_OF_IT * raises.sum() else "among other things "
    return f"{what} {surely}{mainly}because of {told}."


def named_reasons(found: Attribution) -> list[int]:
    """Places of the units that are named: the strongest that raise the target, stand out and are surely above zero."""
    raises = np.clip(found.values, 0, None)
    total = float(raises.sum())
    if total <= 0:
        return []
    least = np.zeros(len(raises)) if found.errors is None else ERRORS * np.nan_to_num(found.errors)
    able = [int(at) for at in found.order if raises[at] > least[at] and raises[at] / total >= STANDS_OUT]
    return able[:NAMED]


def phrase(unit: Unit, label: Label) -> str:
    if unit.kind == ITEM:
        return f"“{label(unit)}” in your history"
    if unit.kind == OLDER:
        return "what you did longer ago"
    if unit.kind == ATTRIBUTE:
        return f"what is known of you ({label(unit)})"
    if unit.kind == CONTEXT_FIELD:
        return f"the moment ({label(unit)})"
    if unit.kind == ITEM_FIELD:
        return OF_ITS_OWN.get(str(unit.key)) or f"its {label(unit).removeprefix(SAID_OF_IT)}"
    return label(unit)


def listed(words: Sequence[str]) -> str:
    """“a”, “b” and “c”; what several share at the end is said once."""
    tail = " in your history"
    if len(words) > 1 and all(word.endswith(tail) for word in words):
        return listed([word.removesuffix(tail) for word in words]) + tail
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _certain(found: Attribution) -> bool:
    return found.exact and found.errors is None and found.relative_gap <= CLOSED


def _nothing(found: Attribution) -> bool:
    """Whether no unit changes anything."""
    return not len(found.values) or not np.any(np.abs(found.values) > _noise(found.values, found.prediction))


def _noise(values: Values, prediction: float) -> float:
    return 1e-6 * max(abs(prediction), float(np.abs(values).max(initial=0.0)) * 1e-3, 1e-12)


def _what(item: str, over: str, met: bool, outside: bool) -> str:
    if met:
        return f"“{item}”, which you know already, scores as it does"
    if over:
        return f"“{item}” stands above “{over}”"
    return f"“{item}”, which is not in your list, scores as it does" if outside else f"“{item}” is suggested"


def _of_history(found: Attribution) -> bool:
    return any(unit.kind in (ITEM, OLDER) for unit in found.units) or not len(found.units)


def _grounds(found: Attribution) -> str:
    """Where the units are, in words."""
    return "your history" if _of_history(found) else "what is known of you and said of it"


def _without_reason(found: Attribution, what: str, over: str, *, shown: bool = True) -> str:
    if _nothing(found):
        alike = "everyone is shown it alike" if shown else "it scores alike for everyone"
        end = f": {alike}" if _of_history(found) else ""  # without it, the history may well change that
        return f"{what}, and nothing in {_grounds(found)} changes that{end}."
    return f"{what} in spite of {_grounds(found)}: nothing in it speaks for it{' against the other' if over else ''}."
