"""A whole preparation: nothing is lost by default, and the report says what each step did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recommender.data.dataset import Dataset
from recommender.data.preparation import fingerprint
from recommender.data.preparation.choice import column_scores
from recommender.data.preparation.fusion import Fused, encode, fuse, kinds_of
from recommender.data.preparation.preparing import prepare
from recommender.data.preparation.settings import PreparationConfig
from recommender.exceptions import BadConfig
from tests.recommender.data.preparation.data import column, dataset, histories

TYPES = {"user": {"plan": "category", "age": "number"}, "item": {}}


def prepared(given: Dataset | None = None, **settings: Any) -> tuple[Dataset, dict[str, Any]]:
    return prepare(given or dataset(), PreparationConfig.from_mapping(settings), TYPES)


def test_the_defaults_change_nothing() -> None:
    given = dataset()
    fields = {name: given.user_fields[name].to_numpy(dtype=object) for name in given.user_fields}
    given = given.with_histories(replace(given.histories, fields=fields))
    found, report = prepared(given)
    assert fingerprint(found) == fingerprint(given) and PreparationConfig().changes_nothing
    assert report["before"] == report["after"] == {"interactions": 7, "people": 3, "items": 4}
    assert report["steps"] == []


def test_the_report_has_before_and_after_of_every_step() -> None:
    found, report = prepared(
        duplicates="drop", contradictions="mean", scale_low="1", scale_high="5", outside="clip", min_person=2, core="no"
    )
    told = [(step["step"], step["before"]["interactions"], step["after"]["interactions"]) for step in report["steps"]]
    assert told == [("duplicates", 7, 6), ("scale", 6, 6), ("contradictions", 6, 5), ("minimal counts", 5, 4)]
    assert report["steps"][1]["changed"] == 1 and report["after"] == {"interactions": 4, "people": 2, "items": 3}
    assert found.histories.values.tolist() == [4.0, 3.5, 5.0, 3.0] and found.n_users == 3


def test_gaps_and_types_by_column() -> None:
    found, report = prepared(cast=True, gaps_number="mean", gaps="user.plan=unknown, item.categories=drop")
    assert found.user_fields["plan"].tolist() == ["pro", "unknown", "pro"]
    assert found.user_fields["age"].tolist() == [20.0, 30.0, 40.0]  # “old” is no number, so it is a gap
    assert found.histories.fields["age"].tolist() == [20.0, 30.0, 40.0]
    assert found.item_fields["year"].tolist() == [1990, 2003.3333333333333, 2000, 2020]
    assert list(found.item_fields) == ["title", "year"]
    rows = {(row["side"], row["column"]): row for row in report["columns"]}
    age = {"side": "user", "column": "age", "type": "number", "gaps": 0, "cast": 1, "how": "mean", "after": 0}
    assert rows["user", "age"] == age | {"with": 30.0}
    assert rows["item", "categories"]["how"] == "left out" and rows["item", "title"]["after"] == 1


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"gaps": "year=median"}, "gaps"),
        ({"gaps": "item.year=middle"}, "gaps"),
        ({"scale_low": 5, "scale_high": 1}, "scale_high"),
        ({"min_person": -1}, "min_person"),
        ({"choose": "luck"}, "choose"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadConfig) as told:
        PreparationConfig.from_mapping(settings)
    assert told.value.field == field


def telling(ratings: bool) -> Dataset:
    """Items of colour red are liked (or met) by everyone; shape says nothing."""
    n_items, n_people = 40, 30
    red = np.arange(n_items) % 2 == 0
    pairs = [(p, i) for p in range(n_people) for i in range(n_items) if (ratings and (p + i) % 3 == 0) or red[i]]
    rows = [(p, i, (5.0 if red[i] else 1.0) if ratings else 1.0, float(i)) for p, i in pairs]
    items = pd.DataFrame(
        {
            "title": column(*[f"thing {i % 5}" for i in range(n_items)]),
            "colour": column(*["red" if one else "blue" for one in red]),
            "shape": column(*["round" if i // 2 % 2 else "square" for i in range(n_items)]),
        }
    )
    users = pd.DataFrame({"plan": column(*["pro" if p % 2 else "free" for p in range(n_people)])})
    given = dataset(rows, n_people, n_items)
    return replace(given, user_fields=users, item_fields=items, histories=histories(rows, n_people))


@pytest.mark.parametrize("ratings", [True, False])
@pytest.mark.parametrize("how", ["mutual information", "chi2"])
def test_the_column_that_tells_is_chosen(how: str, ratings: bool) -> None:
    found, report = prepared(telling(ratings), choose=how, columns=1)
    assert list(found.item_fields) == ["title", "colour"] and list(found.user_fields) == []
    assert report["target"] == ("rating" if ratings else "interaction")
    best = report["features"][0]
    assert (best["side"], best["column"], best["kept"]) == ("item", "colour", True)
    assert [row["kept"] for row in report["features"][1:]] == [False, False]
    assert prepared(telling(ratings), choose=how, columns=1)[1] == report


@pytest.mark.parametrize("how", ["mutual information", "chi2"])
def test_what_validation_and_test_ask_about_has_no_say_in_the_choice(how: str) -> None:
    """Ratings held out by leave-last-out (each person's last two) are turned round; no score changes."""
    given = telling(ratings=True)
    values = given.histories.values.copy()
    held_out = np.concatenate([given.histories.indptr[1:] - 1, given.histories.indptr[1:] - 2])
    values[held_out] = 6.0 - values[held_out]
    turned = given.with_histories(replace(given.histories, values=values))
    assert (
        prepared(turned, choose=how, columns=1)[1]["features"] == prepared(given, choose=how, columns=1)[1]["features"]
    )
    values[:] = 6.0 - values
    values[::2] = 3.0
    other = given.with_histories(replace(given.histories, values=values))
    assert (
        prepared(other, choose=how, columns=1)[1]["features"] != prepared(given, choose=how, columns=1)[1]["features"]
    )


def test_scores_are_those_of_the_definitions() -> None:
    """A feature that equals a fair coin has mutual information log 2; χ² = Σ (observed − expected)² / expected."""
    levels = np.array([0, 0, 1, 1])
    equal, none = np.array([0, 0, 1, 1.0]), np.array([0, 1, 0, 1.0])
    fused = Fused(encode_pair(equal, none), [("item", "equal"), ("item", "none")])
    mutual = column_scores(fused, levels, "mutual information")
    assert mutual["item", "equal"] == pytest.approx(np.log(2)) and mutual["item", "none"] == pytest.approx(0)
    chi = column_scores(fused, levels, "chi2")
    assert chi["item", "equal"] == pytest.approx(2.0) and chi["item", "none"] == pytest.approx(0)  # (0−1)² + (2−1)²


def encode_pair(first: Any, second: Any) -> Any:
    return encode(pd.DataFrame(), {}, "item").matrix.__class__(np.column_stack([first, second]))


def test_one_matrix_of_people_items_context_and_text() -> None:
    given = dataset()
    contexts = {"hour": column("day", "night", None, "day", None, None, None).to_numpy()}
    vectors = np.eye(4, dtype=np.float32)[:, :2]
    given = replace(given, histories=replace(given.histories, contexts=contexts), item_vectors=vectors)
    at = np.array([0, 1, -1])
    fused = fuse(given, kinds_of(given, TYPES), np.array([0, 0, 2]), np.array([0, 0, 3]), at, scale="standard")
    sides = {(side, name) for side, name in fused.names}
    assert fused.matrix.shape == (3, len(fused.names))
    assert {("user", "plan"), ("user", "age"), ("item", "categories"), ("item", "year"), ("item", "title")} <= sides
    assert {("context", "hour"), ("item", "text vector")} <= sides
    plan = [at for at, name in enumerate(fused.names) if name == ("user", "plan")]
    assert fused.matrix[:, plan].toarray().tolist() == [[0, 1], [0, 1], [0, 1]]  # "" and pro


def test_fused_directions_become_columns_of_items() -> None:
    found, report = prepared(fuse=True, components=2)
    assert report["fused"] == [name for name in found.item_fields if name.startswith(("fused", "text"))]
    assert {"fused 1", "text 1"} <= set(report["fused"])
    numbers = found.item_fields["text 1"].astype(float)
    assert numbers.mean() == pytest.approx(0, abs=1e-5) and numbers.std(ddof=0) == pytest.approx(1, abs=1e-5)
    assert fingerprint(found) == fingerprint(prepared(fuse=True, components=2)[0])


def test_an_empty_catalog_is_prepared() -> None:
    given = dataset([], 3, 4)
    found, report = prepared(given, choose="chi2", fuse=True, busy="z", min_person=2, contradictions="mean")
    assert len(found.histories.items) == 0 and report["after"]["people"] == 0
