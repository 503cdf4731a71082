"""The benchmarks of transfer and of context, from their draws to their verdicts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from recsite.benchmarks import context, transfer
from tests.recommender.builders import blocks


def table(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"user": np.arange(len(values)), "ndcg@10": values})


def test_nobody_who_is_asked_is_learned_from_and_validation_is_held_out() -> None:
    data = blocks(n_people=40, length=8)
    people, asked = np.arange(10, 40), np.arange(10)
    split = transfer.divided(data, people, asked, 5, np.random.default_rng(0))
    assert split.before_test.histories.lengths.tolist() == [0] * 10 + [5] * 30
    assert split.train.histories.lengths.sum() == 30 * 5 - 6
    for row, person in enumerate(split.validation.people):
        target = split.validation.targets.items_of(row)[0]
        assert target in data.histories.items_of(int(person))
        assert target not in split.train.histories.items_of(int(person))
        assert target not in split.validation.histories.items_of(row)


def test_a_person_is_asked_about_all_that_was_not_given() -> None:
    data = blocks(n_people=12, length=8)
    split = transfer.divided(data, np.arange(6, 12), np.arange(6), 5, np.random.default_rng(0))

    class Knowing:
        name = "knowing"

        def score(self, histories, **_):  # type: ignore[no-untyped-def]
            assert histories.lengths.tolist() == [3] * 6
            return np.stack([np.isin(np.arange(24), data.histories.items_of(row)) for row in range(6)]).astype("f4")

    assert transfer.after(Knowing(), split, 3)["ndcg@10"].tolist() == [1.0] * 6  # type: ignore[arg-type]


def test_rows_compare_with_and_without_a_start() -> None:
    better = {("opened", 5, "with start"): [table([1.0] * 20)], ("opened", 5, "without"): [table([0.5] * 20)]}
    row = transfer.rows_of("a to b", better | {("opened", 5, "popularity"): [table([0.0] * 20)]})[0]
    assert (row["with start"], row["without"], row["above by"], row["people"]) == (1.0, 0.5, 0.5, 20)
    assert row["p"] == pytest.approx(1 / 10_001, rel=0.5)


def test_a_person_counts_once_however_often_asked() -> None:
    found = context.per_person([table([1.0, 0.0]), pd.DataFrame({"user": [0, 0], "ndcg@10": [0.0, 0.5]})])
    assert found["ndcg@10"].tolist() == [0.5, 0.0]


def test_new_places_are_compared_by_what_was_given() -> None:
    drawn = {how: table([0.5] * 10) for how in ("0", "5", "20", "100", "all")} | {"without": table([0.25] * 10)}
    rows = context.rows_of_places([drawn, drawn])
    assert [row["shots in a new place"] for row in rows] == ["0", "5", "20", "100", "all"]
    assert {row["above by"] for row in rows} == {0.25}
