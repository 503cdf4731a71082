"""MovieLens as GroupLens publishes it: 100K (u.*), 1M (*.dat) and latest (CSV)."""

from __future__ import annotations

import re
from collections.abc import Callable

from recommender.data.readers.files import Folder, text
from recommender.data.readers.tables import Table, csv_rows, split_rows
from recommender.exceptions import BadImport

TITLE = re.compile(r"(.*?)\s*\((\d{4})(?:[–-]\d{0,4})?\)\s*(?:\(V\))?\s*", re.DOTALL)
"""A title with its year, or the years of a series; “(V)” marks a film that was only sold as a video."""

NO_GENRE = frozenset({"unknown", "(no genres listed)"})
OCCUPATIONS = (
    *("other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service"),
    *("doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer"),
    *("retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman"),
    *("unemployed", "writer"),
)
AGES = {"1": "under 18", "18": "18–24", "25": "25–34", "35": "35–44", "45": "45–49", "50": "50–55", "56": "56 and over"}
INTERACTIONS = {"user": 0, "item": 1, "rating": 2, "timestamp": 3}
HEADER = ["user", "item", "rating", "timestamp"]
PEOPLE = {"gender": "category", "occupation": "category", "zip": "category"}
GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)


def tables(source: Folder) -> list[Table] | None:
    """The tables of `source`, or None where it is not MovieLens."""
    names = set(source.names())
    if "u.data" in names:
        return ml_100k(source, names)
    if "ratings.dat" in names:
        return ml_1m(source, names)
    if {"ratings.csv", "movies.csv"} <= names:
        return ml_latest(source, names)
    return None


def split_title(title: str) -> tuple[str, str]:
    """“Toy Story (1995)” → “Toy Story”, “1995”; without a year the title stays as it is."""
    found = TITLE.fullmatch(title)
    return (found[1], found[2]) if found and found[1] else (title.strip(), "")


def ml_100k(source: Folder, names: set[str]) -> list[Table]:
    found = [Table(source, "u.data", "interactions", split_rows("\t"), HEADER, INTERACTIONS, has_header=False)]
    if "u.user" in names:
        header = ["user", "age", "gender", "occupation", "zip"]
        rows, types = split_rows("|"), PEOPLE | {"age": "number"}
        found.append(Table(source, "u.user", "users", rows, header, {"user": 0}, has_header=False, types=types))
    if "u.item" in names:
        genres = genres_100k(source) if "u.genre" in names else list(GENRES_100K)
        header = ["item", "title", "year", "released", "imdb", "categories"]
        columns = {"item": 0, "title": 1, "year": 2, "released": 3, "categories": 5}
        table = Table(source, "u.item", "items", split_rows("|"), header, columns, has_header=False, expected="latin-1")
        table.width, table.transform, table.types = 5 + len(genres), item_100k(genres), {"imdb": "text"}
        found.append(table)
    return found


def genres_100k(source: Folder) -> list[str]:
    with source.open("u.genre") as binary, text(binary, "latin-1") as file:
        return [line.split("|")[0] for line in file.read().splitlines() if "|" in line]


def item_100k(genres: list[str]) -> Callable[[list[str]], list[str]]:
    def transform(row: list[str]) -> list[str]:
        title, year = split_title(row[1])
        marked = [genre for genre, mark in zip(genres, row[5:], strict=True) if mark == "1" and genre not in NO_GENRE]
        address = row[4].strip()
        return [row[0], title, year, row[2], address, "|".join(marked)]

    return transform


def ml_1m(source: Folder, names: set[str]) -> list[Table]:
    rows = split_rows("::")
    found = [Table(source, "ratings.dat", "interactions", rows, HEADER, INTERACTIONS, has_header=False)]
    if "users.dat" in names:
        header, types = ["user", "gender", "age", "occupation", "zip"], PEOPLE | {"age": "category"}
        table = Table(source, "users.dat", "users", rows, header, {"user": 0}, has_header=False, types=types)
        table.transform = person_1m
        found.append(table)
    if "movies.dat" in names:
        more = extras_1m(source) if EXTRA_INFORMATION in names else {}
        header = ["item", "title", "year", "categories", *EXTRAS_1M]
        columns = {name: at for at, name in enumerate(header) if name not in EXTRA_TYPES}
        table = Table(source, "movies.dat", "items", rows, header, columns, has_header=False, expected="latin-1")
        table.width, table.transform, table.types = 3, movie_1m(more), EXTRA_TYPES if more else {}
        if not more:
            table.header, table.columns = header[:4], {name: at for at, name in enumerate(header[:4])}
        found.append(table)
    return found


def person_1m(row: list[str]) -> list[str]:
    user, gender, age, code, post = row
    known = code.isdecimal() and int(code) < len(OCCUPATIONS)
    return [user, gender, AGES.get(age, age), OCCUPATIONS[int(code)] if known else code, post]


EXTRA_INFORMATION = "movies_extrainfos.dat"
EXTRAS_1M = ["mpaa", "directors", "creators", "description", "image", "released"]
EXTRA_TYPES = {"mpaa": "category", "directors": "categories"}
EXTRA_FIELDS = 11
"""id, title, year, MPAA rating, day of release, genres, directors, writers, actors, plot, picture."""


def extras_1m(source: Folder) -> dict[str, list[str]]:
    """What movies_extrainfos.dat adds to each film. Rows of another width say nothing."""
    with source.open(EXTRA_INFORMATION) as binary, text(binary, "utf-8-sig") as file:
        return {row[0]: extras(row) for _, row in split_rows("::")(file) if len(row) == EXTRA_FIELDS}


def extras(row: list[str]) -> list[str]:
    """MPAA rating, directors, creators (directors, then actors), plot, picture and day of release of a film."""
    known = ["" if field.strip() == "N/A" else field.strip() for field in row]
    directors, actors = (known[at].replace(", ", "|") for at in (6, 8))
    creators = "|".join(names for names in (directors, actors) if names)
    image = known[10] if known[10].startswith("http") else ""
    return [known[3], directors, creators, known[9], image, known[4]]


def extra_information(source: Folder) -> Table:
    """movies_extrainfos.dat by itself, as a file of items: its own titles, years and genres too."""
    header = ["item", "title", "year", "categories", *EXTRAS_1M]
    columns = {name: at for at, name in enumerate(header) if name not in EXTRA_TYPES}
    rows = split_rows("::")
    table = Table(source, source.names()[0], "items", rows, header, columns, has_header=False, types=EXTRA_TYPES)

    def transform(row: list[str]) -> list[str]:
        genres = "" if row[5] == "N/A" else row[5].replace(", ", "|")
        return [row[0], row[1], row[2][:4], genres, *extras(row)]

    table.width, table.transform = EXTRA_FIELDS, transform
    return table


def movie_1m(more: dict[str, list[str]]) -> Callable[[list[str]], list[str]]:
    nothing = [""] * len(EXTRAS_1M) if more else []

    def transform(row: list[str]) -> list[str]:
        return [row[0], *split_title(row[1]), row[2], *more.get(row[0], nothing)]

    return transform


def ml_latest(source: Folder, names: set[str]) -> list[Table]:
    rows = csv_rows(",")
    tags = tags_latest(source) if "tags.csv" in names else {}
    links = links_latest(source) if "links.csv" in names else {}
    header = ["item", "title", "year", "categories", "tags", "imdb", "tmdb"]
    columns = {name: at for at, name in enumerate(header[:4])}
    movies = Table(source, "movies.csv", "items", rows, header, columns, width=3)
    movies.types = {"tags": "categories", "imdb": "text", "tmdb": "text"}

    def transform(row: list[str]) -> list[str]:
        genres = "|".join(genre for genre in row[2].split("|") if genre not in NO_GENRE)
        return [row[0], *split_title(row[1]), genres, "|".join(tags.get(row[0], ())), *links.get(row[0], ("", ""))]

    movies.transform = transform
    expect_header(source, "ratings.csv", ["userId", "movieId", "rating", "timestamp"])
    expect_header(source, "movies.csv", ["movieId", "title", "genres"])
    return [Table(source, "ratings.csv", "interactions", rows, HEADER, INTERACTIONS), movies]


def expect_header(source: Folder, name: str, header: list[str]) -> None:
    with source.open(name) as binary, text(binary, "utf-8-sig") as file:
        first = next(csv_rows(",")(file), (0, []))[1]
    if first != header:
        raise BadImport(f"{name} is not MovieLens: its first line should be {','.join(header)}.", field="path")


def tags_latest(source: Folder) -> dict[str, list[str]]:
    """Each film's tags in small letters, the most given first."""
    given: dict[str, dict[str, int]] = {}
    with source.open("tags.csv") as binary, text(binary, "utf-8-sig") as file:
        for _, row in csv_rows(",")(file):
            if len(row) == 4 and (tag := row[2].strip().lower().replace("|", " ")):
                counts = given.setdefault(row[1], {})
                counts[tag] = counts.get(tag, 0) + 1
    return {item: sorted(counts, key=lambda tag: (-counts[tag], tag)) for item, counts in given.items()}


def links_latest(source: Folder) -> dict[str, tuple[str, str]]:
    with source.open("links.csv") as binary, text(binary, "utf-8-sig") as file:
        return {row[0]: (row[1], row[2]) for _, row in csv_rows(",")(file) if len(row) == 3}


RATINGS = (0.5, 5.0)
"""MovieLens' scale; anything else is impossible."""
