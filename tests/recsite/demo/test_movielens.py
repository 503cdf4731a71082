"""Where the demonstration's data come from: each source, its checksum, and what is said when none answers."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from recommender.exceptions import BadInput
from recsite.demo import movielens


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movielens, "ZIP_URL", "http://127.0.0.1:9/ml-100k.zip")


def zipped(path: Path, text: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("ml-100k/u.data", text)
    return path


def test_a_given_path_is_taken_as_it_is(tmp_path: Path) -> None:
    given = zipped(tmp_path / "mine.zip", "1\t1\t5\t1\n")
    assert movielens.obtain(given, tmp_path / "downloads", print) == given
    assert not (tmp_path / "downloads").exists()


def test_a_given_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.zip does not exist") as caught:
        movielens.obtain(tmp_path / "nowhere.zip", tmp_path, print)
    assert caught.value.field == "data"


def test_the_published_zip_is_fetched_checked_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = zipped(tmp_path / "served.zip", "1\t1\t5\t1\n")
    monkeypatch.setattr(movielens, "ZIP_URL", served.as_uri())
    monkeypatch.setattr(movielens, "ZIP_MD5", movielens.digest(served, "md5"))
    downloads, said = tmp_path / "downloads", []
    first = movielens.obtain(None, downloads, said.append)
    assert first.read_bytes() == served.read_bytes()
    served.unlink()
    assert movielens.obtain(None, downloads, said.append) == first
    assert len(said) == 1, "the second time nothing is downloaded"


def test_a_zip_with_another_checksum_is_removed_and_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movielens, "ZIP_URL", zipped(tmp_path / "forged.zip", "x").as_uri())
    with pytest.raises(ValueError, match="not 0e33842e24a9c977be4e0107933c0723"):
        movielens.from_grouplens(tmp_path, print)
    assert not list(tmp_path.glob("ml-100k*"))


def test_without_grouplens_the_copy_on_the_package_index_serves(tmp_path: Path, no_network: None) -> None:
    folder = movielens.obtain(None, tmp_path, print)
    assert len((folder / "ml-100k.inter").read_bytes().splitlines()) == 100_001


def test_when_nothing_answers_one_line_says_what_to_do(
    tmp_path: Path, no_network: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(movielens, "WHEEL", "recbole==0.0.0.does-not-exist")
    with pytest.raises(BadInput, match="give its path with --data"):
        movielens.obtain(None, tmp_path, print)
