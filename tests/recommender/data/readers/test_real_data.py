"""Real data sets through the readers, against their published figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from recommender.data.readers import Reading, open_reading

GOODBOOKS = {"user": "user_id", "item": "book_id", "creators": "authors", "year": "original_publication_year"}


def needed(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"needs {path}")
    return path


def read(reading: Reading) -> dict[str, int]:
    counts = {}
    for one in (*reading.users, *reading.items):
        one.declare({})
        counts[one.table.role] = sum(1 for _ in one.rows(reading.rejects))
    batches = list(reading.interactions.batches(reading.rejects))
    people = {word for batch in batches for word in batch.users.words}
    return counts | {"interactions": sum(map(len, batches)), "people": len(people), "rejected": len(reading.rejects)}


def test_ml_1m(datasets: Path) -> None:
    reading = open_reading(needed(datasets / "ml-1m"))
    found = read(reading)
    assert found == {"users": 6_040, "items": 3_883, "interactions": 1_000_209, "people": 6_040, "rejected": 0}
    assert reading.interactions.duplicates == reading.interactions.contradicting == 0 and not reading.notes()
    assert reading.done == 1.0


def test_ml_1m_knows_directors_actors_and_plots(datasets: Path) -> None:
    reading = open_reading(needed(datasets / "ml-1m" / "movies_extrainfos.dat").parent)
    (items,) = reading.items
    assert {one.name: one.type for one in items.declare({})} == {"mpaa": "category", "directors": "categories"}
    films = {film.client_id: film for film in items.rows(reading.rejects)}
    assert sum("description" in film.fields for film in films.values()) == 3_845
    assert films["1"].fields["creators"][:2] == ["John Lasseter", "Tom Hanks"]
    assert films["1"].attributes == {"mpaa": "G", "directors": ["John Lasseter"]}


def test_goodbooks_has_duplicates_and_contradictions(datasets: Path) -> None:
    folder = needed(datasets / "goodbooks-10k")
    reading = open_reading(folder / "ratings.csv", items=folder / "books.csv", columns=GOODBOOKS)
    found = read(reading)
    assert (found["interactions"], found["people"]) == (981_756, 53_424) and not reading.interactions.has_clock
    assert (reading.interactions.duplicates, reading.interactions.contradicting) == (1_644, 634)
    assert found["items"] + found["rejected"] == 10_000


def test_frappe_has_context_instead_of_a_clock(datasets: Path) -> None:
    folder = needed(datasets / "frappe" / "frappe")
    reading = open_reading(folder / "frappe.csv", items=folder / "meta.csv")
    found = read(reading)
    assert (found["interactions"], found["people"]) == (96_203, 957) and not reading.interactions.has_clock
    assert found["items"] + found["rejected"] == 4_082
    (batch, *_) = reading.interactions.batches(reading.rejects)
    assert '"daytime": "morning"' in batch.contexts.words[batch.contexts.codes[0]]
