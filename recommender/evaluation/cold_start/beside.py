"""The floors beside a run that a cold protocol measures: the same people, the same interactions held out.

What they learn from is what the run had. Settings are chosen within it, never by the test; to keep the cost within
bounds, on few people, and the linear floors learn from a part of the ratings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.dataset import Dataset, Histories, Holdout, Int
from recommender.data.preparation import rated
from recommender.data.splits import Split, splits_of
from recommender.data.splits.base import from_end
from recommender.evaluation.cold_start import listed
from recommender.evaluation.cold_start.against import Figures, against
from recommender.evaluation.cold_start.protocols import Case, absolute_errors, exponential_gain, top_five
from recommender.evaluation.cold_start.tuned import FLOORS, Floor, chosen, described
from recommender.evaluation.measuring import Measured, Opinions
from recommender.evaluation.protocol import evaluate
from recommender.evaluation.significance import intervals
from recommender.exceptions import NotTrainable, RecommenderError

ASKED_TO_TUNE, ASKED = 300, 5_000
"""People of the validation who decide settings, and of the test who are asked; drawn where there are more."""
TUNED_PEOPLE, LEARNED_PEOPLE, LEARNED_RATINGS = 2_000, 10_000, 300
"""What the linear floors learn from: while settings are chosen, and then, so many people (drawn where there are more),
the latest ratings of each. Floors of lists choose settings on LEARNED_PEOPLE and then learn from all."""
DESCRIBED = 100_000
"""Items from which on the linear floors are left out: what is said of items would no longer fit into memory."""
COMPARED = 5_000
"""Items up to which item_knn is a floor: its memory grows with their square."""
MOST_LEVEL = 30.0
"""Ratings above it have no gain of 2^rating."""
LINEAR = ("ridge on content", "hybrid")
NESTED = ("cold-items", "cold-both")
"""Protocols of which validation is easier than the test: it asks about known items."""
LISTED = ("ndcg@10", "recall@10")
Values = NDArray[np.float64]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Told:
    """`floors`: a row each, as JSON can hold it (see `against`); `notes`: sentences about what there is not."""

    floors: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def beside(
    measured: Measured,
    split: Split,
    *,
    algorithm: str,
    protocol: str = "cold-users",
    shots: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> tuple[Measured, Told]:
    """`measured` with NDCG@5 of the asked ratings (`ndcg_rated`, `ndcg_rated_exp`) where the run predicts them, and
    the floors. `protocol`, `shots` and `seed` made the split. `algorithm` is no floor of itself. `progress(0..1)` may
    raise Cancelled."""
    told, some = progress or (lambda _: None), _some(split.test, ASKED, seed)
    table, notes, ratings = _asked_table(measured.said, split), _note(measured.said), dict[str, Figures]()
    lists = dict(_lists(measured, some, split, algorithm, seed, told, notes))
    if table is not None:
        measured = with_orders(measured, table)
        ratings, by = {"": Figures(table)}, tuned_by(split, protocol, shots, seed)
        ratings |= dict(_ratings(split, some, by, seed, lambda share: told(0.3 + 0.7 * share), notes))
    return measured, Told(against({"lists": lists, "ratings": ratings}), notes)


def with_orders(measured: Measured, table: pd.DataFrame) -> Measured:
    """`measured` with each person's NDCG@5 of the ratings asked for, where anybody has one."""
    orders = table.drop(columns="mae_person")
    orders = orders[[name for name in orders if orders[name].notna().any()]]
    per_user = measured.per_user.merge(orders, on="user", how="left")
    return replace(measured, per_user=per_user, metrics=measured.metrics | intervals(orders))


def _note(said: Opinions | None) -> list[str]:
    if said is None:
        return ["No ratings were predicted, so only floors of lists stand beside it."]
    return [] if said.on_scale else ["It learned from no ratings, so its scores are none and have no floor."]


def _some(asked: Holdout, most: int, seed: int) -> Int:
    """Rows of at most so many people with something to predict, ascending."""
    rows = np.flatnonzero(asked.targets.lengths)
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:most])
    return rows


def _rows(asked: Holdout, rows: Int) -> Holdout:
    return replace(
        asked,
        people=asked.people[rows],
        histories=asked.histories.select(rows),
        targets=asked.targets.select(rows),
    )


# lists


def _lists(
    measured: Measured, some: Int, split: Split, algorithm: str, seed: int, told: Progress, notes: list[str]
) -> Iterator[tuple[str, Figures]]:
    """The run's own lists first (under ""), then each floor's, on the same people."""
    if not set(LISTED) <= set(measured.per_user):
        return
    asked, known = _rows(split.test, some), split.before_test
    users = split.full.users.keys[asked.people]
    own = measured.per_user.loc[measured.per_user["user"].isin(users), ["user", *LISTED]]
    yield "", Figures(own.reset_index(drop=True))
    names = [name for name in _list_floors(known) if name != algorithm]
    for at, name in enumerate(names):
        share = 0.3 * at / len(names)
        told(share)
        try:
            setting = _list_setting(name, split, seed, partial(told, share), notes)
            table = evaluate(listed.made(name, setting, known, seed), asked, known, ks=(10,)).per_user
        except RecommenderError:  # nothing to learn from
            continue
        yield name, Figures(table[["user", *LISTED]], setting)


def _list_setting(
    name: str, split: Split, seed: int, check: Callable[[], None], notes: list[str]
) -> Mapping[str, Any] | None:
    """What the split's validation chooses, learned from a bounded part of its training; else the usual."""
    by = _rows(split.validation, _some(split.validation, ASKED_TO_TUNE, seed))
    train = bounded(split.train, LEARNED_PEOPLE, seed)
    if len(by.people) and len(train.histories.items):
        return listed.chosen(name, train, by, seed, check)
    note = "Nobody of the validation could be asked for lists to tune their floors by: they have their usual settings."
    if listed.usual(name) and note not in notes:
        notes.append(note)
    return listed.usual(name)


def _list_floors(known: Dataset) -> list[str]:
    """Popularity; content where anything is said of items; item_knn where its memory is small."""
    said = known.item_vectors is not None and bool(known.item_vectors.any())
    for name in ("categories", "creators"):
        said = said or (name in known.item_fields and bool(known.item_fields[name].map(bool).any()))
    return ["popularity", *(["content"] if said else []), *(["item_knn"] if known.n_items <= COMPARED else [])]


# ratings


def _asked_table(said: Opinions | None, split: Split) -> pd.DataFrame | None:
    """The run's figures of each person of the test, by key; None where it predicted no ratings."""
    if said is None or not said.on_scale:
        return None
    targets = split.test.targets
    table = _table(said.said, targets.keep(rated(targets)))
    return table.assign(user=split.full.users.keys[split.test.people])


def _table(found: Values, query: Histories) -> pd.DataFrame:
    columns = {"mae_person": absolute_errors(found, query)}
    low, high = float(query.values.min(initial=0)), float(query.values.max(initial=0))
    if low >= 0 and high > 0:
        with np.errstate(invalid="ignore"):  # of whoever gave nothing but zeros there is no order
            columns["ndcg_rated"] = top_five(found, query)[1]
            if high <= MOST_LEVEL:
                columns["ndcg_rated_exp"] = exponential_gain(found, query)
    return pd.DataFrame(columns)


def tuned_by(split: Split, protocol: str, shots: int | None, seed: int) -> tuple[Dataset, Case]:
    """What settings are chosen on: ratings to learn from, and whom to ask about which.

    Validation of cold-items and cold-both asks about known items; there `before_test` is divided once more, by the same
    protocol. Where that leaves nothing to learn from or to ask about, the split's own validation decides.
    """
    if protocol in NESTED:
        with suppress(NotTrainable):
            nested = splits_of(split.before_test, protocol, shots=shots, seed=seed)[0]
            train, by = _only_rated(nested.before_test), _tuning_case(nested.test, seed)
            if len(by.people) and len(train.histories.items):
                return train, by
    return _only_rated(split.train), _tuning_case(split.validation, seed)


def _tuning_case(asked: Holdout, seed: int) -> Case:
    return _asked_only(case_of(_rows(asked, _some(asked, ASKED_TO_TUNE, seed))))


def _ratings(
    split: Split, some: Int, tuned: tuple[Dataset, Case], seed: int, told: Progress, notes: list[str]
) -> Iterator[tuple[str, Figures]]:
    """Each floor with the setting that `tuned` (see tuned_by) chose, on the rows `some` of the test."""
    asked, (train, by) = _rows(split.test, some), tuned
    whole, case = _only_rated(split.before_test), case_of(asked)
    if not len(by.people):
        notes.append("Nobody of the validation gave ratings to tune the floors by: they have middle settings.")
    content = _content(whole, notes)
    users = split.full.users.keys[asked.people]
    for at, (name, floor) in enumerate(FLOORS.items()):
        told(at / len(FLOORS))
        if name in LINEAR and (content is None or (name == "ridge on content" and not content.shape[1])):
            continue
        parts = [train, whole]
        if name in LINEAR:
            parts = [bounded(train, TUNED_PEOPLE, seed), bounded(whole, LEARNED_PEOPLE, seed)]
        said = np.zeros((whole.n_items, 0)) if content is None else content
        try:
            option, found = _predicted(floor, parts[0], parts[1], by, case, said)
        except np.linalg.LinAlgError:
            notes.append(f"The floor {name} could not be worked out from so few ratings.")
            continue
        yield name, Figures(_table(found, case.query).assign(user=users), setting_of(option))


def _predicted(
    floor: Floor, train: Dataset, whole: Dataset, by: Case, case: Case, content: Values
) -> tuple[Any, Values]:
    """The setting chosen on `train`, and what the floor, made of `whole` with it, predicts."""
    option = floor.options[len(floor.options) // 2]
    if len(by.people) and len(train.histories.items):
        option = chosen(floor, train, [by], content)[0]
    return option, floor.make(whole, option, content)(case)


def _only_rated(dataset: Dataset) -> Dataset:
    return dataset.with_histories(_plain(dataset.histories))


def _plain(histories: Histories) -> Histories:
    """Nothing but ratings, without the context they came with."""
    return replace(histories, contexts={}).keep(rated(histories))


def case_of(asked: Holdout) -> Case:
    """The history's ratings as what is given, the held-out ones as what is to be predicted."""
    given = _plain(asked.histories)
    return Case(asked.people, given, _plain(asked.targets), given.keep(np.zeros(len(given.items), dtype=np.bool_)))


def _asked_only(case: Case) -> Case:
    at = np.flatnonzero(case.query.lengths)
    return Case(case.people[at], case.given.select(at), case.query.select(at), case.known.select(at))


def bounded(dataset: Dataset, most: int, seed: int) -> Dataset:
    """The latest ratings of each person, of so many people, drawn where there are more."""
    given = dataset.histories
    keep = from_end(given) < LEARNED_RATINGS
    people = np.flatnonzero(given.lengths)
    if len(people) > most:
        taken = np.random.default_rng(seed).permutation(people)[:most]
        keep &= np.isin(given.rows, taken)
    return dataset.with_histories(given.keep(keep))


def _content(train: Dataset, notes: list[str]) -> Values | None:
    """What is said of items, (n_items, 0) where nothing is; None where there are too many."""
    if train.n_items > DESCRIBED:
        notes.append(f"Of more than {DESCRIBED:,} items there are no linear floors.")
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        found = described(train) if train.n_items else np.zeros((0, 0))
    if not found.shape[1] or not np.isfinite(found).all():
        notes.append("Nothing is said of items, so there is no ridge on content.")
        return np.zeros((train.n_items, 0))
    return found


def setting_of(option: Any) -> Mapping[str, Any] | None:
    """What was chosen, as JSON can hold it."""
    if option is None:
        return None
    if is_dataclass(option) and not isinstance(option, type):
        return asdict(option)
    names = ("of_items", "of_people") if isinstance(option, tuple) else ("shrinkage",)
    return dict(zip(names, option if isinstance(option, tuple) else (option,), strict=True))
