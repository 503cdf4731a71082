"""Groups of people, by value, band, behaviour and crossed."""

from __future__ import annotations

import numpy as np
import pytest

from explain.fairness import groups
from explain.fairness.base import BAND, BEHAVIOUR, CROSSED, Grouping
from tests.explain.fairness.materials import histories


def formed(made: groups.Formed) -> Grouping:
    assert isinstance(made, Grouping), made
    return made


def test_a_value_each_numbers_by_size_and_blanks_not_known():
    found = formed(groups.by_value("town", "Town", ["10", "9", None, "9", float("nan"), " ", "b"], sensitive=True))
    assert found.names == ("9", "10", "b") and found.sensitive
    assert found.codes.tolist() == [1, 0, -1, 0, -1, -1, 2]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([None, float("nan"), ""], "Nobody here has the attribute Town"),
        ([f"town {at}" for at in range(900)], "Town has 900 values, more than the 50"),
    ],
)
def test_an_attribute_that_makes_no_groups_gets_a_sentence(values: list[object], sentence: str):
    assert sentence in str(groups.by_value("town", "Town", values))


def test_bands_between_edges_and_bands_of_as_many_people():
    ages = np.array([17, 18, 30, 65, np.nan, np.inf])
    by_edges = formed(groups.by_band("age", "Age", ages, edges=(18, 65)))
    assert by_edges.names == ("under 18", "18 to under 65", "65 and more") and by_edges.kind == BAND
    assert by_edges.codes.tolist() == [0, 1, 1, 2, -1, -1]
    quarters = formed(groups.by_band("age", "Age", np.arange(1.0, 9.0)))
    assert quarters.names == ("1–2", "3–4", "5–6", "7–8") and quarters.codes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert "Nobody here" in str(groups.by_band("age", "Age", np.full(3, np.nan)))


def test_the_name_of_a_band_tells_of_as_many_people_as_a_group_must_have():
    ages = np.r_[np.full(20, 20.0), 21.0, np.full(40, 30.0), np.arange(31.0, 50.0)]
    assert formed(groups.by_band("age", "Age", ages)).names == ("20", "21", "30–49"), "of 20, one and 59 people"
    held = formed(groups.by_band("age", "Age", ages, least=20))
    assert (held.names, np.bincount(held.codes).tolist()) == (("20–21", "30–49"), [21, 59])
    assert formed(groups.by_band("age", "Age", np.arange(50.0), least=20)).names == ("0–24", "25–49")
    assert groups.by_band("age", "Age", np.arange(19.0), least=20) == (
        "Age is known of fewer than 20 people here, so there are no groups by it."
    )


def test_activity_is_how_much_people_did_and_taste_how_popular_what_they_met_is():
    rows = [[0] * (at + 1) for at in range(8)]
    activity = formed(groups.by_activity(histories(rows)))
    assert activity.codes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3] and activity.kind == BEHAVIOUR
    met = histories([[0], [0, 1], [1], [1], [1, 2], [2], []])
    taste = formed(groups.by_taste(met, np.array([0.1, 0.5, 0.9])))  # means .1 .3 .5 .5 .7 .9; fifths end at .3 and .7
    assert taste.names == ("niche", "both", "popular") and taste.codes.tolist() == [0, 0, 1, 1, 2, 2, -1]
    assert "Nobody here has a history" in str(groups.by_taste(histories([[], []]), np.ones(3)))


def test_crossing_has_a_group_per_pair_somebody_is_of():
    gender = Grouping("gender", "Gender", "attribute", np.array([0, 0, 1, 1, -1]), ("F", "M"), True)
    age = Grouping("age", "Age", "attribute", np.array([1, 0, 1, 1, 0]), ("young", "old"))
    both = groups.cross(gender, age)
    assert both.names == ("F, young", "F, old", "M, old") and both.codes.tolist() == [1, 0, 2, 2, -1]
    assert (both.name, both.kind, both.parts, both.sensitive) == ("gender × age", CROSSED, ("gender", "age"), True)
