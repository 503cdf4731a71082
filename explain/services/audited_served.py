"""What is audited of a catalog's answers: lists that were served to known people, and whether they followed them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
from django.utils import timezone

from explain.fairness.base import Asked, Material
from explain.fairness.seen import of_owners
from explain.models import DisparityAudit
from explain.selectors import served as select
from explain.selectors.served import Answers
from explain.services.audited_held_out import groupings_of, met_by
from explain.services.classed import classes_of
from recommender.data.dataset import Histories, IdMap, Int
from recommender.exceptions import Conflict
from recommender.selectors.dataset import load_histories
from recommender.services.progress import Progress

WEEKS = 8
NONE_SERVED = "Nothing was served to a known person in the last {weeks} weeks{by}, so there is nothing to look at."


def material(row: DisparityAudit, names: list[str] | None, asked: Asked, told: Progress) -> Material:
    """Of the last weeks, by the run of the row or by whatever served. Raises Conflict where there were no answers."""
    told.say("reading what was served", 0.05)
    weeks = int(row.settings.get("weeks", WEEKS))
    asked_for = {"catalog_id": row.catalog_id, "run_id": row.run_id, "since": timezone.now() - timedelta(weeks=weeks)}
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
    response = of_owners(answers.followed.astype(np.float64), owners, len(users))
    return Material(
        users=users, lists=answers.lists, owners=owners, quality=pd.DataFrame({"response": response}), histories=known,
        targets=None, shares=shares, offered=offered, new=shares == 0, groupings=tuple(groupings),
        classes=tuple(classes), problems=problems, unclassed=tuple(unclassed),
        weeks=select.mondays(answers.times), listed=select.by_list(answers.followed),
        data={"weeks back": weeks, "answers": len(answers), "answers to nobody known": select.left_out(**asked_for)},
    )  # fmt: skip


def _of(answers: Answers, mask: np.ndarray) -> Answers:
    return Answers(answers.users[mask], answers.lists[mask], answers.times[mask], answers.followed[mask])


def _known_before(catalog_id: int, users: Int, items: IdMap, answers: Answers, owners: Int) -> Histories:
    """What each person had done before the first answer that is looked at."""
    met = load_histories(catalog_id=catalog_id, users=users.tolist(), items=items)
    first = np.full(len(users), np.inf)
    np.minimum.at(first, owners, answers.times)
    return met.keep(met.times < first[met.rows])
