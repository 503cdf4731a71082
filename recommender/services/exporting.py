"""Recommendations for everyone, as a file."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from recommender.algorithms.base import mask_seen, top_k
from recommender.data.dataset import Float, Histories, Int
from recommender.exceptions import BadInput
from recommender.models import EndUser, Item, Run
from recommender.selectors.dataset import item_counts, load_histories
from recommender.services.deploying import Served, load_final
from recommender.services.extending import extended

COLUMNS = ("user", "item", "rank", "score")
CELLS = 4_000_000
"""Scores of a batch of people; bounds memory."""
MOST_PEOPLE = 1024
DEEPEST = 10_000


def export_recommendations(
    *, run: Run, k: int, out: Path, users: Path | None = None, progress: Callable[[float], None] = lambda share: None
) -> dict[str, Any]:
    """Write `user,item,rank,score` for every person of the run's catalog, or those in the file `users`.

    Neither what a person has already met nor a hidden item is listed; items that came after the training are where the
    recommender knows them by their text, as in answers. The file appears whole or not at all. Returns
    {"run", "users", "rows", "out"}. Raises BadInput naming the field, Conflict for an unfinished run.
    """
    if not 1 <= k <= DEEPEST:
        raise BadInput(f"k must be from 1 to {DEEPEST}.", field="k")
    served = extended(load_final(run=run))
    people = _people(run.catalog_id, users)
    lists = Lists(served, run.catalog_id, k)
    rows = 0
    with written(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for start in range(0, len(people), lists.batch):
            part = people[start : start + lists.batch]
            for row in lists.of(part):
                writer.writerow(row)
                rows += 1
            progress((start + len(part)) / len(people))
    return {"run": run.pk, "users": len(people), "rows": rows, "out": str(out)}


class Lists:
    """Lists of a recommender for many people of a catalog."""

    def __init__(self, served: Served, catalog_id: int, k: int) -> None:
        self.served, self.catalog_id, self.k = served, catalog_id, k
        names = dict(Item.objects.filter(catalog_id=catalog_id, hidden=False).values_list("id", "client_id"))
        self.names = [names.get(key) for key in served.items.keys.tolist()]
        self.barred = np.array([name is None for name in self.names], dtype=np.bool_)  # hidden, or deleted since
        self.counts = item_counts(catalog_id=catalog_id, items=served.items).astype(np.float32)
        self.batch = min(MOST_PEOPLE, max(1, CELLS // max(1, len(served.items))))

    def of(self, people: Sequence[tuple[int, str]]) -> Iterator[tuple[str, str, int, str]]:
        """Rows of the file for (key, client's id) of each person."""
        keys = [key for key, _ in people]
        histories = load_histories(catalog_id=self.catalog_id, users=keys, items=self.served.items)
        positions, scores = self._best(histories)
        for (_, user), found, values in zip(people, positions, scores, strict=True):
            for rank, (at, score) in enumerate(zip(found.tolist(), values.tolist(), strict=True), start=1):
                if at >= 0:
                    yield user, str(self.names[at]), rank, f"{score:.6g}"

    def _best(self, histories: Histories) -> tuple[Int, Float]:
        scores = self.served.model.score(histories)
        if scores.shape[1]:
            silent = scores.min(axis=1) == scores.max(axis=1)  # of a person without history a model may know nothing
            scores[silent] = self.counts
        mask_seen(scores, histories)
        scores[:, self.barred] = -np.inf
        return top_k(scores, self.k)


def _people(catalog_id: int, users: Path | None) -> list[tuple[int, str]]:
    """(key, client's id) of everyone, or of those in the file in its order. Raises BadInput naming the unknown."""
    known = EndUser.objects.filter(catalog_id=catalog_id).order_by("id").values_list("id", "client_id")
    if users is None:
        return list(known)
    wanted = _wanted(users)
    keys = {name: key for key, name in known.filter(client_id__in=[name for name in wanted if "\x00" not in name])}
    unknown = [name for name in wanted if name not in keys]
    if unknown:
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        shown = ", ".join(f"“{name[:50]}”".replace("\x00", "\\0") for name in unknown[:10])
        raise BadInput(f"{users} names people the catalog does not know: {shown}{more}.", field="users")
    return [(keys[name], name) for name in wanted]


def _wanted(path: Path) -> list[str]:
    """The column `user` of a CSV, each once. Raises BadInput."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if "user" not in (reader.fieldnames or ()):
                raise BadInput(f"{path} needs a header with the column user.", field="users")
            return list(dict.fromkeys((row["user"] or "").strip() for row in reader))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a CSV file in UTF-8"
        raise BadInput(f"{path} cannot be read: {reason}.", field="users") from error


@contextmanager
def written(path: Path) -> Iterator[TextIO]:
    """A file that takes its name when all is written; until then nothing there changes. Raises BadInput."""
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name a file.", field="out")
    if path.exists() and not path.is_file():  # a device or pipe takes what is written; it must not be replaced
        with path.open("w", newline="", encoding="utf-8") as file:
            yield file
        return
    waiting = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with waiting.open("w", newline="", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        waiting.replace(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror}.", field="out") from error
    finally:
        with suppress(OSError):
            waiting.unlink(missing_ok=True)
