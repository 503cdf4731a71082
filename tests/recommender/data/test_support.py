"""Whatever is given of a person has a defined answer, and nothing is dropped in silence."""

from __future__ import annotations

from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from recommender.data.support import Given, checked

KNOWN = {"a", "b", "c"}


def rating(item: str, value: float | None, time: float = 0.0, kind: str = "rating") -> Given:
    return Given(item, kind, value, time)


def test_an_unknown_item_is_left_out_and_named():
    found = checked([rating("a", 4), rating("zzz", 5)], known=KNOWN, scale=(1, 5))
    assert [each.item for each in found.taken] == ["a"]
    nothing: dict[str, list[str]] = {"repeated": [], "off_scale": [], "unseen": [], "unread": []}
    assert found.told() == {"used": 1, "unknown": ["zzz"], "too_new": []} | nothing


def test_an_item_the_recommender_cannot_place_is_named_apart_from_one_nobody_knows():
    found = checked([rating("a", 4), rating("n", 5), rating("z", 5)], known={"a"}, too_new={"n"}, scale=(1, 5))
    assert (found.used, found.unknown, found.too_new) == (1, ("z",), ("n",))


def test_of_contradicting_ratings_the_latest_counts_and_at_one_time_the_last():
    found = checked([rating("a", 5, 2), rating("a", 1, 1), rating("b", 2), rating("b", 3)], known=KNOWN, scale=(1, 5))
    assert [(each.item, each.value) for each in found.taken] == [("b", 3), ("a", 5)]
    assert found.repeated == ("a", "b") and found.used == 2


def test_a_rating_off_the_scale_counts_as_its_end():
    found = checked([rating("a", 99), rating("b", -1), rating("c", 7, kind="watched")], known=KNOWN, scale=(1, 5))
    assert [each.value for each in found.taken] == [5, 1, 7]
    assert found.off_scale == ("a", "b")


def test_what_was_viewed_repeatedly_counts_each_time():
    found = checked([rating("a", None, 1, "view"), rating("a", None, 2, "view")], known=KNOWN, scale=(1, 5))
    assert found.used == 2 and not found.repeated


def test_without_a_scale_every_rating_stands():
    assert checked([rating("a", 99)], known=KNOWN, scale=None).taken[0].value == 99


def test_one_rating_and_a_thousand():
    assert checked([rating("a", 3)], known=KNOWN, scale=(1, 5)).used == 1
    many = [rating(f"i{at % 400}", at % 5 + 1, at) for at in range(1000)]
    found = checked(many, known={f"i{at}" for at in range(400)}, scale=(1, 5))
    assert found.used == 400 and len(found.repeated) == 400


@settings(max_examples=60, deadline=None)
@over(
    st.lists(
        st.builds(rating, st.sampled_from("abcxy"), st.none() | st.floats(-10, 10), st.floats(0, 5)),
        max_size=12,
    )
)
def test_every_item_that_was_given_is_used_or_named(given: list[Given]):
    found = checked(given, known=KNOWN, scale=(1, 5))
    assert {each.item for each in found.taken} | set(found.unknown) == {each.item for each in given}
    assert len({each.item for each in found.taken}) == len(found.taken)
    assert all(each.value is None or 1 <= each.value <= 5 for each in found.taken)
    assert list(found.taken) == sorted(found.taken, key=lambda each: each.time)
