"""How far a single explanation can be trusted, in one word and a sentence.

By its own gap, and by the newest examination of the run's explanations (services.trust).
"""

from __future__ import annotations

from explain.attribution import registry
from explain.attribution.base import WEIGHTS, Attribution
from explain.attribution.game import MARGIN, PROBABILITY
from explain.selectors import trust as select

COMPLETE, APPROXIMATE, UNRELIABLE, UNTESTED = "complete", "approximate", "unreliable", "untested"
EXACT_GAP = 1e-5
"""Relative gap up to which an exact method's parts sum to what is explained."""
WORDS = {MARGIN: "lead", PROBABILITY: "probability"}


def badge(*, run_id: int, method: str, attribution: Attribution) -> dict[str, str]:
    """{"level", "text"}: attention is never reliable; of others what an examination found wrong comes first, then
    whether the parts are exact, then how far they are off; without an examination an inexact one is untested."""
    if method in registry.METHODS and registry.get(method).kind == WEIGHTS:
        return {"level": UNRELIABLE, "text": "not an explanation: weights say what was mixed, not what it did"}
    judged = _judged(run_id, method, margin=attribution.target.kind == MARGIN)
    if judged and judged.get("faults"):
        return {"level": UNRELIABLE, "text": f"not reliable for this recommender: {_lower(judged['faults'][0])}"}
    if attribution.exact and attribution.relative_gap <= EXACT_GAP:
        return {"level": COMPLETE, "text": f"complete: the parts sum to the {_word(attribution)}"}
    if not judged or not judged["decided"]:
        words = "examined with too few people" if judged else "not examined yet"
        return {"level": UNTESTED, "text": f"{words} for this recommender"}
    return {"level": APPROXIMATE, "text": f"approximate: {_off(attribution)}; {_tested(judged['people'])}"}


def mark(*, run_id: int) -> str:
    """Changes when a badge may: explanations that are kept are made anew after an examination."""
    return str(select.latest_id(run_id) or "")


def _judged(run_id: int, method: str, *, margin: bool) -> dict[str, object] | None:
    """Of a margin what was found on margins, else what was found on scores."""
    keys = [f"{method}, margin", method] if margin else [method]
    return next((dict(found) for key in keys if (found := select.judged(run_id, key))), None)


def _word(attribution: Attribution) -> str:
    return WORDS.get(attribution.target.kind, "score")


def _off(attribution: Attribution) -> str:
    word = _word(attribution)
    if attribution.fidelity is not None:
        return f"a simpler model stands in, with R² {attribution.fidelity:.2f} where it was not fitted"
    if not attribution.additive:
        return f"what is lost without each one alone, which does not sum to the {word}"
    share = 100 * attribution.relative_gap
    return (
        f"the parts miss the {word} by {share:.1f}%"
        if share >= 0.05
        else f"the parts sum to the {word}, each is an estimate"
    )


def _tested(people: object) -> str:
    return f"with {people} people it found what counts better than chance"


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")
