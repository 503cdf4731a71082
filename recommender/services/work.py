"""How a worker carries out whatever it holds under a lease: one way to begin, to end and to be told to stop.

Whatever goes wrong is written to the row (a line for people, and the traceback); nothing is raised but
KeyboardInterrupt, which cancels, and SystemExit, which puts the row back into the queue for the next worker.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db.models.functions import Now

from recommender.exceptions import Cancelled, LeaseLost, RecommenderError
from recommender.models.leased import Leased
from recommender.services.leases import Kind, Lease, claim, give_back
from recommender.services.recording import lasting

logger = logging.getLogger(__name__)
Status = Leased.Status
Do = Callable[[Lease], None]


def execute(*, kind: Kind, row_id: int, do: Do, tidy: Do = lambda lease: None) -> bool:
    """Carry a row out by `do`, from wherever it was left. False, nothing being done, where another holds it, it is
    over, or something it waits for is not done. `tidy` follows where it did not succeed."""
    lease = claim(row_id, kind)
    if lease is None:
        return False
    with lease.kept():
        try:
            do(lease)
        except LeaseLost:
            logger.warning("%s %s was taken over by another worker; its work here is dropped", _name(kind), row_id)
        except Cancelled:
            _end(lease, Status.CANCELLED, tidy)
        except KeyboardInterrupt:
            _end(lease, Status.CANCELLED, tidy)
            raise
        except SystemExit:  # this process is told to end: the next worker takes it up
            give_back(lease)
            raise
        except Exception as error:
            logger.info("%s %s failed", _name(kind), row_id, exc_info=not isinstance(error, RecommenderError))
            _end(lease, Status.FAILED, tidy, error=one_line(error), traceback=_readable(traceback.format_exc()))
    return True


def succeeded(lease: Lease, **results: Any) -> None:
    """Close a row whose work is done, with its results."""
    lasting(lambda: lease.write(**_over(Status.SUCCEEDED), progress=1.0, **results))


def stop(*, row: Leased) -> bool:
    """Cancel a row that waits at once, one that is worked on within seconds. False where it is over."""
    mine = type(row)._default_manager.filter(pk=row.pk)
    waiting, running = mine.filter(status=Status.QUEUED), mine.filter(status=Status.RUNNING)
    ended = waiting.update(**_over(Status.CANCELLED), cancel_requested=True)
    asked = ended or running.update(cancel_requested=True)
    row.refresh_from_db()
    return bool(asked)


def one_line(error: Exception) -> str:
    """The reason of a failure for people."""
    if isinstance(error, MemoryError):
        return "There was not enough memory."
    first = _readable(str(error)).strip().partition("\n")[0][:500]
    return first if isinstance(error, RecommenderError) and first else f"{type(error).__name__}: {first}".rstrip(": ")


def _end(lease: Lease, status: Status, tidy: Do, **changes: Any) -> None:
    with suppress(LeaseLost, Cancelled):
        lasting(lambda: lease.write(**_over(status), **changes))
    tidy(lease)


def _over(status: Status) -> dict[str, Any]:
    return {"status": status, "finished": Now(), "finishes": None, "phase": ""}


def _readable(text: str) -> str:
    return text.replace("\x00", "")  # which PostgreSQL does not take


def _name(kind: Kind) -> str:
    return str(kind._meta.verbose_name)
