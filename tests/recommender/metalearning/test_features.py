"""Features of items and people from what is said of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from recommender.metalearning.features import ItemFeatures, PeopleFeatures
from tests.recommender.builders import dataset, histories

FRAME = pd.DataFrame(
    {
        "categories": [["Drama"], ["Drama", "War"], ["War"], None],
        "year": [1990, 1992, None, 1994],
        "title": list("abcd"),
    },
    dtype=object,
)


def test_fields_years_and_texts_become_columns() -> None:
    vectors = np.zeros((4, 384), dtype=np.float32)
    vectors[0, 0] = vectors[1, 1] = 1
    data = replace(dataset([[0, 1]], 4), item_fields=FRAME, item_vectors=vectors)
    about = ItemFeatures.of(data)
    found = about.encode(FRAME, vectors, 4)
    assert found.shape == (4, about.width)
    np.testing.assert_allclose((found[:, :2] ** 2).sum(axis=1), [1, 1, 1, 0])  # however many categories there are
    assert found[:, 2].tolist() == [1, 1, 0, 1]  # the year is known
    np.testing.assert_allclose(found[0, -384:-382], [0.5, -0.5])  # centred
    assert not found[2, -384:].any()
    again = ItemFeatures.unpacked(about.packed())
    assert np.array_equal(again.encode(FRAME, vectors, 4), found)


def test_an_item_that_comes_later_is_read_by_the_same_columns() -> None:
    about = ItemFeatures.of(replace(dataset([[0]], 4), item_fields=FRAME))
    late = pd.DataFrame({"categories": [["war", "Western"]], "year": ["1991"]}, dtype=object)
    row = about.encode(late, None, 1)[0]
    assert (row[:2] > 0).sum() == 1


def test_peoples_attributes() -> None:
    data = replace(dataset([[0], [0]], 1), user_fields=pd.DataFrame({"gender": ["F", "M"]}, dtype=object))
    about = PeopleFeatures.of(data)
    asked = replace(histories([[], [], []]), fields={"gender": np.array(["M", "F", "x"], dtype=object)})
    assert sorted(about.encode(asked).sum(axis=1).tolist()) == [0, 1, 1]
    assert PeopleFeatures.of(data, fields=False).encode(asked).shape == (3, 0)
