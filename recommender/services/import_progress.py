"""What others see of a running import, written through a connection of its own: the import's transaction is open."""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection

from recommender.exceptions import Cancelled
from recommender.models import DataImport

log = logging.getLogger(__name__)

SECONDS = 1.0


class Progress:
    """Writes phase, share done and heartbeat every second until the block ends."""

    def __init__(self, import_id: int, report: Any = None, *, cancelled: bool = False) -> None:
        self.import_id, self._report, self.cancelled = import_id, report, cancelled
        self.phase, self.done = "waiting", 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write_until_over, name="import progress", daemon=True)

    def at(self, phase: str, done: float) -> None:
        """Called by the import as it goes on. Raises Cancelled where someone asked it to stop."""
        if self.cancelled:
            raise Cancelled("The import was cancelled.")
        self.phase, self.done = phase, min(1.0, max(0.0, done))
        if self._report is not None:
            self._report(phase, self.done)

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the writing, so that the import may change its row itself."""
        self._over.set()
        self._thread.join()

    def _write_until_over(self) -> None:
        own = connection.copy()
        try:
            while not self._over.wait(min(SECONDS, settings.LEASE_SECONDS / 3)):
                try:
                    self._write(own)
                except DatabaseError as error:
                    log.debug("progress of import %s was not written: %s", self.import_id, error)
                    own.close()
        finally:
            own.close()

    def _write(self, own: Any) -> None:
        """Never waits long for the row: whoever holds it may be waiting for the import itself."""
        with own.cursor() as cursor:
            cursor.execute("SET lock_timeout = '500ms'")
            cursor.execute(
                f"UPDATE {DataImport._meta.db_table} SET phase = %s, progress = %s, heartbeat = now() "
                "WHERE id = %s AND status = 'running' RETURNING cancel_requested",
                [self.phase, self.done, self.import_id],
            )
            self.cancelled = self.cancelled or (True,) in cursor.fetchall()


def free(*, import_id: int, lease_seconds: float) -> bool:
    """Claims an import that waits, or whose worker has not been heard of; of several callers one gets it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {DataImport._meta.db_table} SET status = 'running', heartbeat = now(), error = '', "
            "phase = 'waiting' WHERE id = %s AND (status = 'queued' "
            "OR status = 'running' AND heartbeat < now() - make_interval(secs => %s))",
            [import_id, lease_seconds],
        )
        return cursor.rowcount == 1
