"""How far a single explanation can be trusted, in one word and a sentence."""

from __future__ import annotations

from explain.attribution.base import Attribution


def badge(*, run_id: int, method: str, attribution: Attribution) -> dict[str, str]:
    if attribution.exact and attribution.relative_gap <= 1e-5:
        return {"level": "complete", "text": "complete: the parts sum to the score"}
    return {"level": "untested", "text": "not examined yet for this recommender"}


def mark(*, run_id: int) -> str:
    return ""
