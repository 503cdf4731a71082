"""Attributes, context and histories as columns, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from recommender.data.features import Field, Fields, Vocabulary, before, learn, recent
from tests.recommender.builders import dataset, histories


def test_words_lists_and_truths_get_a_column_each_and_share_their_field() -> None:
    words = learn({"genres": [["a", "b"], ["a"], None, []], "member": [True, False, None, True]})
    assert [(field.name, field.values) for field in words.fields] == [
        ("genres", ("a", "b")), ("member", ("true", "false")),
    ]  # fmt: skip
    asked = words.encode({"genres": [["b", "a"], ["c"], None], "member": ["true", None, False]}, 3)
    assert asked.toarray().tolist() == [[0.5, 0.5, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1]]


def test_many_numbers_become_ten_ranges_and_few_stay_values() -> None:
    field = learn({"age": list(range(100))}).fields[0]
    assert len(field.edges) == 9
    assert field.width == 10
    assert [field.columns(value) for value in (-5, 55, "99", "old", None)] == [[0], [5], [9], [], []]
    assert learn({"stars": [1, 2.0, 2, 3]}).fields[0].values == ("2", "1", "3")
    assert learn({"released": [date(1900 + year, 1, 1) for year in range(50)]}).fields[0].width == 10


@pytest.mark.parametrize("column", [["x"] * 5, [f"name {number}" for number in range(50)], [None, None], []])
def test_what_says_nothing_is_left_out(column: list[object]) -> None:
    assert learn({"field": column, "title": ["a", "b"]}).fields == ()


def test_a_vocabulary_survives_being_packed() -> None:
    words = Vocabulary((Field("a", values=("x", "ü")), Field("b", edges=(1.0, 2.5))))
    assert Vocabulary.unpacked(words.packed()) == words
    assert Vocabulary.unpacked(Vocabulary().packed()) == Vocabulary()


def test_whoever_asks_has_attributes_and_the_context_of_the_moment() -> None:
    data = replace(
        dataset([[0], [1]], 2),
        user_fields=pd.DataFrame({"job": ["a", "b"]}),
        item_fields=pd.DataFrame({"categories": [["x"], ["x", "y"]]}),
    )
    data = data.with_histories(replace(data.histories, contexts={"job": np.array(["tv", "web"], dtype=object)}))
    fields = Fields.of(data)
    assert fields.item_side(data).toarray().tolist() == [[1, 0, 1, 0], [0, 1, 0.5, 0.5]]
    asked = replace(histories([[], []]), fields={"job": np.array(["b", None]), "context.job": np.array(["tv", "web"])})
    assert fields.person_side(asked).toarray().tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]]
    assert Fields.unpacked(fields.packed()) == fields


def test_recent_interactions_weigh_more_and_sum_to_one() -> None:
    met = histories([[0, 1, 2], [], [3]])
    assert recent(met, 4, 2, 1.0).toarray() == pytest.approx(
        np.array([[0, 1 / 3, 2 / 3, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
    )
    assert recent(met, 4, 5, 0.0).toarray()[0] == pytest.approx(np.array([1, 1, 1, 0]) / 3)
    assert recent(histories([]), 4, 2, 1.0).shape == (0, 4)


def test_what_was_done_before_a_place() -> None:
    met = histories([[0, 1, 2], [3, 0]])
    found = before(met, np.array([0, 0, 1]), np.array([0, 2, 4]), 4, 10, 0.0)
    assert found.toarray().tolist() == [[0, 0, 0, 0], [0.5, 0.5, 0, 0], [0, 0, 0, 1]]
