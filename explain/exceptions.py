"""What can go wrong in explaining, in words that reach the person who asked."""

from __future__ import annotations

from recommender.exceptions import BadInput, Conflict


class CannotExplain(BadInput):
    """A method cannot answer for this recommender, person or item; the message says why and what can."""


class Gone(Conflict):
    """What was to be explained (the run, the person, the item) was deleted meanwhile."""


class Unknown(BadInput):
    """There is no such person, item or run in the catalog."""
