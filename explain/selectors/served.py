"""Reading what was served, for audits: answers as arrays, streamed, and whether people followed them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from django.db import connection, transaction

from recommender.data.dataset import IdMap, Int
from recommender.models import EndUser, Impression, Item

DAYS = 7
"""Days after an answer in which meeting one of its items counts as following it; until they are over, it is not known
whether an answer is followed."""
MOST = 2_000_000
"""The newest so many answers are looked at; bounds memory."""
CHUNK = 20_000
QUERY = """
    SELECT shown.user_id, shown.items[1:%(k)s - shown."offset"], shown."offset", extract(epoch FROM shown.time)::float8,
           EXISTS (
               SELECT 1 FROM recommender_interaction met
               WHERE met.user_id = shown.user_id AND met.time >= shown.time
                 AND (met.recommendation_id = shown.id
                      OR (met.time <= shown.time + %(days)s * interval '1 day'
                          AND met.item_id = ANY(shown.items[1:%(k)s - shown."offset"])))
           )
    FROM recommender_impression shown
    WHERE shown.catalog_id = %(catalog)s AND shown.user_id IS NOT NULL AND shown.time >= %(since)s
      AND shown."offset" < %(k)s AND (%(run)s::bigint IS NULL OR shown.run_id = %(run)s)
    ORDER BY shown.time DESC, shown.id LIMIT %(most)s
"""


@dataclass(frozen=True)
class Answers:
    """n answers to known people, the newest first: `users` (n,) database keys, `lists` (n, k) positions of items, −1
    where a place was empty, came on another page or its item is gone; `times` (n,) seconds since 1970; `followed` (n,)
    whether the person met one of the items within DAYS, or told of it with the answer's id."""

    users: Int
    lists: Int
    times: np.ndarray
    followed: np.ndarray

    def __len__(self) -> int:
        return len(self.users)


def items_of(catalog_id: int) -> tuple[IdMap, np.ndarray]:
    """All items there are, and (n_items,) whether each may be shown."""
    rows = list(Item.objects.filter(catalog_id=catalog_id).order_by("id").values_list("id", "hidden"))
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return IdMap(table[:, 0]), table[:, 1] == 0


def answers(*, catalog_id: int, run_id: int | None, since: datetime, k: int, items: IdMap) -> Answers:
    """What was served to known people since then, by one run or by all (the fallback without a run too)."""
    given = {"catalog": catalog_id, "run": run_id, "since": since, "k": k, "days": DAYS, "most": MOST}
    parts: list[Answers] = []
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.itersize = CHUNK
        cursor.execute(QUERY, given)
        while rows := cursor.fetchmany(CHUNK):
            parts.append(_arrays(rows, k, items))
    if not parts:
        return Answers(np.zeros(0, np.int64), np.zeros((0, k), np.int64), np.zeros(0), np.zeros(0, bool))
    return Answers(*(np.concatenate([getattr(part, name) for part in parts]) for name in Answers.__dataclass_fields__))


def _arrays(rows: list[tuple[int, list[int], int, float, bool]], k: int, items: IdMap) -> Answers:
    lists = np.full((len(rows), k), -1, dtype=np.int64)
    lengths = np.array([len(row[1]) for row in rows])
    keys = np.fromiter((key for row in rows for key in row[1]), dtype=np.int64, count=int(lengths.sum()))
    starts = np.array([row[2] for row in rows])
    at = np.repeat(np.arange(len(rows)), lengths)
    place = np.arange(len(keys)) - np.repeat(np.cumsum(lengths) - lengths, lengths) + starts[at]
    inside = place < k
    lists[at[inside], place[inside]] = items.positions(keys)[inside]
    users, times, followed = (np.array([row[column] for row in rows]) for column in (0, 3, 4))
    return Answers(users.astype(np.int64), lists, times.astype(np.float64), followed.astype(bool))


def left_out(*, catalog_id: int, run_id: int | None, since: datetime) -> int:
    """Answers to someone who was not known, which belong to nobody."""
    found = Impression.objects.filter(catalog_id=catalog_id, user__isnull=True, time__gte=since)
    return (found if run_id is None else found.filter(run_id=run_id)).count()


def runs_that_served(*, catalog_id: int, since: datetime) -> list[int]:
    """The runs whose answers to known people there are, of those that were not deleted."""
    found = Impression.objects.filter(catalog_id=catalog_id, user__isnull=False, run__isnull=False, time__gte=since)
    return sorted(found.order_by().values_list("run_id", flat=True).distinct())


def people_there(users: Int) -> Int:
    """Those of `users` who have not been erased meanwhile, ascending."""
    there = EndUser.objects.filter(pk__in=users.tolist()).order_by("pk").values_list("pk", flat=True)
    return np.fromiter(there, dtype=np.int64)


def mondays(times: np.ndarray) -> Int:
    """(n,) days since 1970 of the Monday (UTC) of each time; 1970 began on a Thursday."""
    days = np.floor_divide(times, 86_400).astype(np.int64)
    return np.asarray(days - (days + 3) % 7, dtype=np.int64)


def by_list(answers: Answers, now: datetime) -> pd.DataFrame:
    """A row per answer, as Material.listed: `response` 1 where it was followed, else 0; nan while it may yet be, for
    counting those that were followed at once would make the newest look worse than they are, or better."""
    over = answers.times <= (now - timedelta(days=DAYS)).timestamp()
    return pd.DataFrame({"response": np.where(over, answers.followed.astype(np.float64), np.nan)})
