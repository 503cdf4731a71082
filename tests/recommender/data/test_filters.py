"""The language of filters: read, written back, decided; and every fault with its position."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.data import filters
from recommender.data.filters import And, Comparison, Not, Or, holds, read, write
from recommender.exceptions import BadInput

ATTRIBUTES = {"language": "category", "tags": "categories", "running time": "number", "note": "text", "dubbed": "flag"}
ITEM = {
    "id": "alien", "title": "Alien", "description": "In space", "categories": ["Horror", "Sci-Fi"],
    "creators": ["Ridley Scott"], "year": 1979, "price": 9.5, "released": date(1979, 5, 25),
    "attributes": {"language": "en", "tags": ["cat"], "running time": 117, "dubbed": False},
}  # fmt: skip
EMPTY = {"id": "x", "title": "", "description": "", "categories": [], "creators": [], "year": None, "price": None,
         "released": None, "attributes": {}}  # fmt: skip

letters = st.text(st.sampled_from("abAB '\"ü%_\\é日)("), max_size=6)
words = st.sampled_from(["Drama", "drama", "a", "b", "it's", 'say "b"', "100%", "_"]) | letters
numbers = st.integers(-3000, 3000).map(float) | st.floats(-1e6, 1e6).map(lambda value: round(value, 3) + 0.0)
dates = st.dates(date(1900, 1, 1), date(2100, 1, 1))
VALUES = {"word": words, "list": words, "text": words, "long": words, "number": numbers, "date": dates,
          "flag": st.booleans()}  # fmt: skip


@st.composite
def comparisons(draw):
    named = [(name, kind, False) for name, kind in filters.FIELDS.items()]
    named += [(name, filters.OF_ATTRIBUTES[kind], True) for name, kind in ATTRIBUTES.items()]
    name, kind, attribute = draw(st.sampled_from(named))
    operator = draw(st.sampled_from(filters.OPERATORS[kind]))
    wanted = VALUES[kind].filter(bool) if operator == "contains" else VALUES[kind]
    values = draw(st.lists(wanted, min_size=1, max_size=3 if operator == "in" else 1))
    return Comparison(name, kind, operator, tuple(values), attribute)


def joined(inner):
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return inner.map(Not) | several.map(And) | several.map(Or)


conditions = st.recursive(comparisons(), joined, max_leaves=8)
items = st.fixed_dictionaries({
    "id": words, "title": words, "description": words, "categories": st.lists(words, max_size=3),
    "creators": st.lists(words, max_size=2), "year": st.none() | st.integers(-3000, 3000),
    "price": st.none() | numbers.map(abs), "released": st.none() | dates,
    "attributes": st.fixed_dictionaries({}, optional={
        name: words | st.lists(words, max_size=2) | numbers | st.booleans() | st.none() for name in ATTRIBUTES
    }),
})  # fmt: skip


@settings(max_examples=200)
@given(conditions)
def test_what_is_written_is_read_as_it_was(condition):
    assert read(write(condition), ATTRIBUTES) == condition


@settings(max_examples=300)
@given(st.text(max_size=40) | st.lists(st.sampled_from(
    ["not", "and", "or", "(", ")", "year", "=", "1", "'a'", "in", ",", "category", "attribute", ".", "dubbed", "!"]
)).map(" ".join))  # fmt: skip
def test_nonsense_is_told_with_its_position_and_nothing_else_happens(text):
    try:
        read(text, ATTRIBUTES)
    except BadInput as error:
        assert error.field == "filter" and str(error).startswith("filter, position ")


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("year = 1979", True),
        ("YEAR >= 1979 AND Price < 9.5", False),
        ("category = 'Horror'", True),
        ("category = 'horror'", False),
        ("category contains 'sci'", True),
        ("category != 'Horror'", False),
        ("category in ('Drama', 'Sci-Fi')", True),
        ("creator contains 'scott' and not text contains 'TIME'", True),
        ("text contains 'SPACE'", True),
        ("released < '1979-05-26' and released > '1979-05-24'", True),
        ("id in ('brazil')", False),
        ("attribute.language = 'en' or year = 1", True),
        ("attribute.'running time' > 100 and attribute.dubbed = false", True),
        ("attribute.note contains 'x'", False),
        ("attribute.tags = 'cat'", True),
        ("year = 1 or year = 1979 and price > 9", True),
        ("(year = 1 or year = 1979) and price > 10", False),
        ("not (year = 1 or not year = 1979)", True),
    ],
)
def test_it_means_what_it_says(text, true):
    assert holds(read(text, ATTRIBUTES), ITEM) is true


@pytest.mark.parametrize(
    ("text", "true"),
    [("year = 0", False), ("year != 0", True), ("year < 5", False), ("not year < 5", True), ("title = ''", True),
     ("released > '1900-01-01'", False), ("attribute.dubbed = false", False), ("category != 'a'", True)],
)  # fmt: skip
def test_where_there_is_no_value_a_comparison_is_false(text, true):
    assert holds(read(text, ATTRIBUTES), EMPTY) is true


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "expected one of id, category"),
        ("   colour = 'red'", 4, "not “colour”"),
        ("year", 5, "after year comes one of = != in < <= > >=, not the end"),
        ("year contains 1", 6, "not “contains”"),
        ("year = '1995'", 8, "expected a number"),
        ("year = 1995abc", 8, "means nothing here"),
        ("category = Comedy", 12, "expected a text in quotes, not “Comedy”"),
        ("category = 'Comedy", 12, "the quote is never closed"),
        ("released > '31.12.1995'", 12, "expected a date in quotes"),
        ("year = 1 year = 2", 10, "expected “and”, “or” or the end"),
        ("(year = 1", 10, "“)” is missing before the end"),
        ("year in 1", 9, "“(” is missing"),
        ("attribute.colour = 'red'", 11, "no declared attribute “colour”; declared: dubbed, language"),
        ("attribute.dubbed = 1", 20, "expected true or false"),
        ("text contains ''", 15, "“contains” needs some text"),
        ("year = 1; drop table", 9, "“;” means nothing here"),
        ("not " * 30 + "year = 1", 85, "at most 20 deep"),
        ("(" * 30, 22, "at most 20 deep"),
        (" or ".join(["year = 1"] * 101), 1201, "at most 100 times"),
        (f"year in ({', '.join(['1'] * 101)})", 310, "at most 100 values"),
        ("x" * 2001, 2001, "at most 2,000 characters"),
    ],
)
def test_a_fault_is_named_with_its_position(text, position, words):
    with pytest.raises(BadInput) as caught:
        read(text, ATTRIBUTES)
    assert str(caught.value).startswith(f"filter, position {position}: ") and words in str(caught.value)


def test_the_examples_of_the_docs_can_be_read():
    docs = (Path(__file__).parents[3] / "docs" / "filter.md").read_text()
    examples = docs.split("```filter\n")[1].split("```")[0].splitlines()
    assert len(examples) >= 5
    for example in examples:
        read(example, ATTRIBUTES)
    for field in (*filters.FIELDS, "attribute.NAME"):
        assert f"`{field}`" in docs
