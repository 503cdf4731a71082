"""What a method takes in seconds, found before it begins, so that nobody waits minutes for a page: one coalition is
timed, and a method asks at least so many."""

from __future__ import annotations

from collections.abc import Callable

from explain.attribution.game import Game

IN_REQUEST = 2.0
"""Seconds after which what can be stopped (drawing permutations, trying sets) stops in a request."""
MOST = 5.0
"""Seconds that a method which cannot be stopped may take in a request, by the estimate."""
MOST_AT_LAST = 15.0
"""The same where no method is left that would take less."""
LAST = "ablation"
COALITIONS: dict[str, Callable[[int], int]] = {
    "shapley": lambda units: 2**units,
    "shapley_sampling": lambda units: 2 * (units + 1),
    LAST: lambda units: units + 2,
}
"""Coalitions of so many units that a method asks at least. Those not named follow gradients or closed forms."""


def too_slow(method: str, game: Game) -> str:
    """Why `method` cannot answer within a request, in a sentence; "" where it can."""
    if method not in COALITIONS or not game.units:
        return ""
    asked = COALITIONS[method](len(game.units))
    seconds = asked * game.seconds_each
    if seconds <= (MOST_AT_LAST if method == LAST else MOST):
        return ""
    other = "" if method == LAST else f", or by `{LAST}`"
    return (
        f"{method} of {len(game.units)} things would take about {seconds:,.0f} s here; ask in bulk "
        f"(POST /api/v1/explanations/) or on the command line{other}."
    )
