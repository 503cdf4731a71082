"""Rows that imports set aside: a file for each import that had any, from which people can be erased."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from collections.abc import Collection
from typing import IO

from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction

from recommender.models import Catalog, DataImport

WORD = re.compile(r"[\w.-]+")
OVER = (DataImport.Status.SUCCEEDED, DataImport.Status.FAILED, DataImport.Status.UNDONE, DataImport.Status.CANCELLED)


def forget_people(*, catalog: Catalog, client_ids: Collection[str]) -> int:
    """Take rows that name any of these people out of the files of rows set aside; returns how many went.

    Which column was the person's nobody knows of a row that could not be read: one that holds the id as a word goes,
    also where it meant something else. Called within a transaction: should it fail, the old files are still there.
    """
    over = DataImport.objects.filter(catalog=catalog, status__in=OVER).exclude(rejects="")
    return sum(_forget(row, frozenset(client_ids)) for row in over.select_for_update().order_by("pk"))


def _forget(row: DataImport, ids: frozenset[str]) -> int:
    if not ids or not default_storage.exists(row.rejects):
        return 0
    with tempfile.TemporaryFile() as file:
        gone = _copied(row.rejects, file, ids)
        if gone:
            old, row.rejects = row.rejects, default_storage.save(f"imports/{row.pk}/rejects.csv", File(file))
            row.save(update_fields=["rejects"])
            transaction.on_commit(lambda: default_storage.delete(old))
    return gone


def _copied(name: str, file: IO[bytes], ids: frozenset[str]) -> int:
    """Write the rows of a stored file that name none of `ids` to `file`; returns how many do."""
    spaced = [each for each in ids if not WORD.fullmatch(each)]
    gone, text = 0, io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    with default_storage.open(name, "rb") as given:
        writer = csv.writer(text)
        for row in csv.reader(io.TextIOWrapper(given, encoding="utf-8", newline="")):
            told = " ".join(row[2:])  # file and line name nobody
            named = not ids.isdisjoint(WORD.findall(told)) or any(each in told for each in spaced)
            gone += named
            if not named:
                writer.writerow(row)
    text.detach().seek(0)
    return gone
