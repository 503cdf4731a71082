"""Keeps a run's lease alive from a process of its own: `python -P pulse.py`, told what to do on its standard input.

A thread would not do: a solver that holds Python's global lock for minutes would look dead to the other workers. The
process ends with the one that started it. It says one word on its standard output and ends: `cancelled` once it has
carried out someone's wish to cancel, `lost` when the lease is another's. It needs psycopg only, no Django.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from typing import Any

import psycopg

LOOK_SECONDS = 1.0
"""How soon a wish to cancel is noticed."""
HELD = "id = %(run)s AND worker = %(worker)s AND status = 'running'"


def look(connection: psycopg.Connection[Any], given: dict[str, Any]) -> str:
    """What became of the lease: "" while it is held, else the word to say."""
    row = connection.execute(f"SELECT cancel_requested FROM {given['table']} WHERE {HELD}", given).fetchone()
    if row is None:
        return "lost"
    if not row[0]:
        return ""
    changes = "status = 'cancelled', phase = '', finishes = NULL, finished = clock_timestamp()"
    done = connection.execute(f"UPDATE {given['table']} SET {changes} WHERE {HELD}", given)
    return "cancelled" if done.rowcount else "lost"


def beat(connection: psycopg.Connection[Any], given: dict[str, Any]) -> None:
    connection.execute(f"UPDATE {given['table']} SET heartbeat = clock_timestamp() WHERE {HELD}", given)


def holder_gone(given: dict[str, Any], seconds: float) -> bool:
    """Wait `seconds`; true once the process that holds the lease has ended or let go (end of standard input)."""
    readable, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(readable) or os.getppid() != given["holder"]


def watch(given: dict[str, Any]) -> str:
    """Beat and look until there is a word to say; a database that is away for a while is waited for."""
    while True:
        try:
            with psycopg.connect(given["database"], autocommit=True) as connection:
                due = 0.0
                while not (word := look(connection, given)):
                    if time.monotonic() >= due:
                        beat(connection, given)
                        due = time.monotonic() + given["seconds"]
                    if holder_gone(given, LOOK_SECONDS):
                        return ""
                return word
        except psycopg.OperationalError:
            if holder_gone(given, LOOK_SECONDS):
                return ""


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # it ends when its holder does, not before
        signal.signal(number, signal.SIG_IGN)
    word = watch(json.loads(sys.stdin.readline()))
    if word:
        print(word, flush=True)


if __name__ == "__main__":
    main()
