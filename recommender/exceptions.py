"""What can go wrong, in words that reach the person who caused it."""

from __future__ import annotations


class RecommenderError(Exception):
    """Base of every error that carries a message for a person."""


class BadInput(RecommenderError):
    """Something given from outside cannot be taken.

    `field` names what was wrong in the caller's words; the message says what to do.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class BadConfig(BadInput):
    """A hyperparameter that does not exist or is out of its range."""


class BadImport(BadInput):
    """A file that is not what it says."""


class UnknownAlgorithm(BadInput):
    """A name that is not in the registry."""


class NotFitted(RecommenderError):
    """A recommender was asked for scores before it was trained or loaded."""


class BadCheckpoint(RecommenderError):
    """A stored checkpoint is missing, damaged or of another kind."""


class NotTrainable(RecommenderError):
    """The data do not suffice for what was asked (too few people, items or interactions)."""


class Cancelled(RecommenderError):
    """Someone asked the run to stop; raised by `report`."""


class LeaseLost(RecommenderError):
    """Another worker has taken the run over; this one must stop without writing."""


class Conflict(RecommenderError):
    """What was asked does not fit the present state (deploying a failed run, say)."""
