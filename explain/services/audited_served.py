"""What is audited of a catalog's answers: lists that were served to known people, and whether they followed them."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from django.utils import timezone

from explain.fairness.base import Asked, Material
from explain.fairness.seen import of_owners
from explain.models import DisparityAudit
from explain.selectors import served as select
from explain.selectors.served import Answers
from explain.services.audited_held_out import groupings_of, met_by, sensitive_read
from explain.services.classed import classes_of
from recommender.data.dataset import Histories, IdMap, Int
from recommender.exceptions import BadCheckpoint, Conflict
from recommender.models import Checkpoint
from recommender.selectors.dataset import load_histories
from recommender.services.checkpoints import load_checkpoint
from recommender.services.progress import Progress

WEEKS = 8
NONE_SERVED = "Nothing was served to a known person in the last {weeks} weeks{by}, so there is nothing to look at."


def material(row: DisparityAudit, names: list[str] | None, asked: Asked, told: Progress) -> Material:
    """Of the last weeks, by the run of the row or by whatever served. Raises Conflict where there were no answers."""
    told.say("reading what was served", 0.05)
    weeks, now = int(row.settings.get("weeks", WEEKS)), timezone.now()
    asked_for = {"catalog_id": row.catalog_id, "run_id": row.run_id, "since": now - timedelta(weeks=weeks)}
    items, offered = select.items_of(row.catalog_id)
    answers = select.answers(**asked_for, k=asked.k, items=items)
    users = select.people_there(np.unique(answers.users))
    answers = _of(answers, np.isin(answers.users, users))
    if not len(answers):
        raise Conflict(NONE_SERVED.format(weeks=weeks, by=f" by {row.run}" if row.run else ""))
    told.say("reading what people did", 0.4)
    owners = IdMap(users).positions(answers.users)
    known = _known_before(row.catalog_id, users, items, answers, owners)
    shares = met_by(known, len(items))
    groupings, problems = groupings_of(row.catalog, users, names, known, shares)
    classes, unclassed = classes_of(row.catalog, items.keys, shares)
    listed = select.by_list(answers, now)
    response = of_owners(listed["response"].to_numpy(), owners, len(users))
    read, certain = sensitive_read_by(row, asked_for["since"])
    return Material(
        users=users, lists=answers.lists, owners=owners, quality=pd.DataFrame({"response": response}), histories=known,
        targets=None, shares=shares, offered=offered, new=shares == 0, groupings=tuple(groupings),
        classes=tuple(classes), problems=problems, amiss=(*unclassed, *_missing(answers, listed)),
        weeks=select.mondays(answers.times), listed=listed, sensitive_features=read, sensitive_known=certain,
        data={"weeks back": weeks, "answers": len(answers), "answers to nobody known": select.left_out(**asked_for)},
    )  # fmt: skip


def _of(answers: Answers, mask: np.ndarray) -> Answers:
    return Answers(answers.users[mask], answers.lists[mask], answers.times[mask], answers.followed[mask])


def _missing(answers: Answers, listed: pd.DataFrame) -> list[str]:
    """What is not known of the answers, a sentence each."""
    young, told = int(listed["response"].isna().sum()), []
    if young:
        told.append(
            f"{young:,} of {len(answers):,} answers are younger than {select.DAYS} days and may yet be followed; they "
            "count in what was shown, not in the share that was followed."
        )
    if len(answers) >= select.MOST:
        told.append(f"Only the newest {select.MOST:,} answers were looked at; there are more.")
    return told


def sensitive_read_by(row: DisparityAudit, since: datetime) -> tuple[tuple[str, ...], bool]:
    """Sensitive attributes that are read by the row's run, or by any that served since; and whether all that is read is
    known: not where weights are gone."""
    runs = [row.run_id] if row.run_id else select.runs_that_served(catalog_id=row.catalog_id, since=since)
    read: set[str] = set()
    certain = True
    for run_id in runs:
        try:
            content = load_checkpoint(run_id=run_id, purpose=Checkpoint.Purpose.MEASURED)
        except BadCheckpoint:
            content = None
        certain &= content is not None
        read |= set() if content is None else set(sensitive_read(row.catalog, content.restore()))
    return tuple(sorted(read)), certain


def _known_before(catalog_id: int, users: Int, items: IdMap, answers: Answers, owners: Int) -> Histories:
    """What each person had done before the first answer that is looked at."""
    met = load_histories(catalog_id=catalog_id, users=users.tolist(), items=items)
    first = np.full(len(users), np.inf)
    np.minimum.at(first, owners, answers.times)
    return met.keep(met.times < first[met.rows])
