"""MovieLens-1M in MeLU's parts: warm people × warm items to train on, and what new people and new items are asked.

Read straight from the files, with all that is said of films (plots, directors, writers, actors), and people's gender,
age and occupation, which the published protocols use too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recommender.data.dataset import Dataset, Histories, IdMap, Int
from recommender.data.readers import movielens
from recommender.data.text import compose
from recommender.evaluation.cold_start.protocols import SCENARIOS, Partition, within
from recsite.benchmarks import Say
from recsite.benchmarks.catalogs import located, vectors

FILES = dict(zip(SCENARIOS, ("user_cold_state", "item_cold_state", "user_and_item_cold_state"), strict=True))
TWICE = {860: 811, 1795: 1741}
"""Films that ml-1m lists twice, and the one that MeLU takes both for."""
PEOPLE_SHARE, NEWEST = 0.2, (1996, 1997)
"""Validation, cut from the training part: this share of its people, and its newest films."""


def catalog(say: Say) -> Dataset:
    """Everyone and everything of MovieLens-1M; of a film listed twice the first of someone's ratings counts."""
    place = located("ml-1m")
    users, people = _people(place)
    items, films, texts = _films(place)
    histories = _histories(_ratings(place), users, items, people)
    return Dataset(users, items, histories, people, films, item_vectors=vectors(texts, say))


def partition(say: Say) -> Partition:
    whole, place = catalog(say), located("ml-1m")
    rows = _ratings(place)
    times = {(user, item): time for user, item, time in rows[["user", "item", "time"]].itertuples(index=False)}
    asked = {name: _asked(place / "melu", file, times) for name, file in FILES.items()}
    given = {name: _histories(each, whole.users, whole.items, whole.user_fields) for name, each in asked.items()}
    new_people = np.union1d(*(np.flatnonzero(given[name].lengths) for name in ("new people", "both")))
    new_items = np.union1d(*(given[name].items for name in ("new items", "both")))
    all_of = whole.histories
    warm = ~np.isin(all_of.rows, new_people) & ~np.isin(all_of.items, new_items)
    return Partition(whole.with_histories(all_of.keep(warm)), given)


def _ratings(place: Path) -> pd.DataFrame:
    rows = pd.read_csv(place / "ratings.dat", sep="::", engine="python", names=["user", "item", "rating", "time"])
    return rows.assign(item=rows["item"].replace(TWICE)).drop_duplicates(["user", "item"])


def validation(whole: Partition) -> Partition:
    """The same division inside the training part."""
    histories = whole.train.histories
    warm = np.flatnonzero(histories.lengths)
    people = np.random.default_rng(0).permutation(warm)[: int(PEOPLE_SHARE * len(warm))]
    years = whole.train.item_fields["year"].to_numpy(dtype=np.float64)
    return within(whole, people=people, items=newest(years, histories))


def newest(years: Any, histories: Histories) -> Int:
    return np.intersect1d(np.flatnonzero(np.isin(years, NEWEST)), histories.items)


def _asked(place: Path, file: str, times: dict[tuple[int, int], int]) -> pd.DataFrame:
    met, given = (json.loads((place / f"{file}{end}.json").read_text()) for end in ("", "_y"))
    rows = [
        (int(user), int(item), value, times[int(user), int(item)])
        for user, items in met.items()
        for item, value in zip(items, given[user], strict=True)
    ]
    return pd.DataFrame(rows, columns=["user", "item", "rating", "time"])


def _histories(rows: pd.DataFrame, users: IdMap, items: IdMap, people: pd.DataFrame) -> Histories:
    rows = rows.sort_values(["user", "time"], kind="stable")
    whose = users.positions(rows["user"].to_numpy())
    indptr = np.concatenate([[0], np.cumsum(np.bincount(whose, minlength=len(users)))]).astype(np.int64)
    found = Histories(
        indptr, items.positions(rows["item"].to_numpy()), rows["rating"].to_numpy(dtype=np.float32),
        rows["time"].to_numpy(dtype=np.float64), np.zeros(len(rows), dtype=np.int16),
    )  # fmt: skip
    return replace(found, fields={name: people[name].to_numpy(dtype=object) for name in people})


def _people(place: Path) -> tuple[IdMap, pd.DataFrame]:
    rows = [line.split("::") for line in (place / "users.dat").read_text().splitlines()]
    table = pd.DataFrame([row[1:4] for row in rows], columns=["gender", "age", "occupation"], dtype=object)
    return IdMap(np.array([int(row[0]) for row in rows])), table


def _films(place: Path) -> tuple[IdMap, pd.DataFrame, list[str]]:
    more = {}
    for line in (place / "movies_extrainfos.dat").read_text("utf-8-sig").splitlines():
        row = line.split("::")
        if len(row) == movielens.EXTRA_FIELDS:
            more[row[0]] = row
    ids, films, texts = [], [], []
    for line in (place / "movies.dat").read_text("latin-1").splitlines():
        item, title, genres = line.split("::")
        film = _film(title, genres.split("|"), more.get(item, [""] * movielens.EXTRA_FIELDS))
        ids.append(int(item))
        texts.append(
            compose(
                **{name: film[name] for name in ("title", "categories", "description")}, creators=film["creators"][:6]
            )
        )
        films.append({name: value or None for name, value in film.items()})
    return IdMap(np.array(ids)), pd.DataFrame(films, dtype=object), texts


def _film(title: str, genres: list[str], row: list[str]) -> dict[str, Any]:
    name, year = movielens.split_title(title)
    mpaa, directors, creators, plot, _, _ = movielens.extras(row)
    writers = [] if row[7] in ("", "N/A") else [writer.split(" (")[0] for writer in row[7].split(", ")]
    return {
        "title": name, "year": int(year) if year else None, "categories": genres, "mpaa": mpaa,
        "directors": [each for each in directors.split("|") if each],
        "creators": [each for each in creators.split("|") if each], "writers": writers, "description": plot,
        "kinds": [] if row[5] in ("", "N/A") else row[5].split(", "),
    }  # fmt: skip
