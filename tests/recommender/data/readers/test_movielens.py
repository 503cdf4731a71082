"""MovieLens in each of its forms, in small."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from recommender.data.readers import open_reading
from recommender.data.readers.movielens import split_title
from recommender.exceptions import BadImport
from tests.recommender.data.readers.test_reading import entities, rejected, rows, written


class TestMovieLens:
    def test_impossible_ratings_are_set_aside(self, tmp_path: Path) -> None:
        reading = open_reading(written(tmp_path, "u.data", "1\t2\t6\t10\n1\t3\t5\t10\n1\t4\t\t10\n1\t5\t0\t10\n"))
        assert [row[1] for row in rows(reading)] == ["3"]
        assert rejected(reading) == [
            (1, "rating is outside 0.5 to 5"),
            (3, "rating is empty"),
            (4, "rating is outside 0.5 to 5"),
        ]

    def test_1m_words_for_codes(self, tmp_path: Path) -> None:
        written(tmp_path, "ratings.dat", "1::10::5::978300760\n")
        written(tmp_path, "users.dat", "1::F::1::10::48067\n")
        written(tmp_path, "movies.dat", "10::Léon (1994)::Crime|Drama\n".encode("latin-1"))
        reading = open_reading(tmp_path)
        assert rows(reading) == [("1", "10", "rating", 5.0, 978_300_760, "")]
        assert entities(reading, "users")[0].attributes == {
            "gender": "F", "age": "under 18", "occupation": "K-12 student", "zip": "48067",
        }  # fmt: skip
        assert entities(reading, "items")[0].fields == {"title": "Léon", "year": 1994, "categories": ["Crime", "Drama"]}
        assert not reading.notes()

    EXTRA = (
        "10::The Professional::1994::R::18 Nov 1994::Crime, Drama::Luc Besson::Luc Besson::Jean Reno, Gary Oldman::"
        "A girl — and a plant.::https://m.example/x.jpg\r\n"
        "11::Nothing Known::1990–1992::N/A::N/A::N/A::N/A::N/A::N/A::N/A::N/A\r\n"
        "12::too short\r\n"
    )

    def test_1m_with_extra_information(self, tmp_path: Path) -> None:
        written(tmp_path, "ratings.dat", "1::10::5::978300760\n")
        written(tmp_path, "movies.dat", "10::Léon (1994)::Crime\n12::Short (1999)::Drama\n".encode("latin-1"))
        written(tmp_path, "movies_extrainfos.dat", self.EXTRA)
        first, second = entities(open_reading(tmp_path), "items")
        assert first.fields == {
            "title": "Léon", "year": 1994, "categories": ["Crime"], "released": date(1994, 11, 18),
            "creators": ["Luc Besson", "Jean Reno", "Gary Oldman"], "description": "A girl — and a plant.",
            "image": "https://m.example/x.jpg",
        }  # fmt: skip
        assert first.attributes == {"mpaa": "R", "directors": ["Luc Besson"]}
        assert second.fields == {"title": "Short", "year": 1999, "categories": ["Drama"]} and not second.attributes

    def test_extra_information_later_as_a_file_of_items(self, tmp_path: Path) -> None:
        ratings = written(tmp_path, "ratings.csv", "user,item\n1,10\n")
        reading = open_reading(ratings, items=written(tmp_path, "movies_extrainfos.dat", self.EXTRA))
        first, second = entities(reading, "items")
        assert (first.fields["title"], first.fields["categories"]) == ("The Professional", ["Crime", "Drama"])
        assert first.attributes == {"mpaa": "R", "directors": ["Luc Besson"]}
        assert second.fields == {"title": "Nothing Known", "year": 1990} and second.attributes == {}
        assert rejected(reading) == [(3, "the row has 2 fields instead of 11")]

    @pytest.mark.parametrize(
        ("given", "title", "year"),
        [
            ("Toy Story (1995)", "Toy Story", "1995"),
            ("Land Before Time III (1995) (V)", "Land Before Time III", "1995"),
            ("Death Note (2006–2007)", "Death Note", "2006"),
            ("2001 (A Space Odyssey) (1968)", "2001 (A Space Odyssey)", "1968"),
            ("unknown", "unknown", ""),
            ("(1995)", "(1995)", ""),
        ],
    )
    def test_titles_and_years(self, given: str, title: str, year: str) -> None:
        assert split_title(given) == (title, year)

    def test_latest_with_tags(self, tmp_path: Path) -> None:
        written(tmp_path, "ratings.csv", "userId,movieId,rating,timestamp\n1,10,0.5,978300760\n")
        written(tmp_path, "movies.csv", 'movieId,title,genres\n10,"Heat, The (1995) ",(no genres listed)\n')
        written(tmp_path, "tags.csv", "userId,movieId,tag,timestamp\n1,10,Slow,1\n2,10,fast,1\n3,10,Fast,1\n")
        reading = open_reading(tmp_path)
        (film,) = entities(reading, "items")
        assert film.fields == {"title": "Heat, The", "year": 1995} and film.attributes == {"tags": ["fast", "slow"]}
        written(tmp_path, "ratings.csv", "user,movie,rating\n")
        with pytest.raises(BadImport, match="is not MovieLens"):
            open_reading(tmp_path)
