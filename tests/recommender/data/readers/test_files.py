"""Folders, zips and single files; encodings; what is refused."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from recommender.data.readers import files
from recommender.exceptions import BadImport


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def test_members_of_a_zip_are_found_by_their_last_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"ml/u.data": b"1", "__MACOSX/ml/._u.data": b"x", "ml/old/u.data": b"2"})
    found = files.folder(path)
    assert found.names() == ["u.data"] and found.open("u.data").read() == b"1" and found.size("u.data") == 1


def test_a_zip_by_another_name_is_seen_by_its_content(tmp_path: Path) -> None:
    path = zipped(tmp_path / "upload", {"u.data": b"1"})
    assert files.folder(path).names() == ["u.data"]


@pytest.mark.parametrize("name", ["../u.data", "/etc/u.data", "a/../../u.data", "..\\u.data"])
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadImport, match="leads outside it"):
        files.folder(zipped(tmp_path / "a.zip", {name: b"1"}))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"u.data": b"1"})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BadImport, match="encrypted"):
        files.folder(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {f"{number}.csv": bytes(90 << 20) for number in range(3)})
    with pytest.raises(BadImport, match="more than is taken"):
        files.folder(path)


def test_a_zip_that_lies_about_its_size_is_told_as_damaged(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"u.data": b"1\t2\t3\t4\n" * 100})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", 50)
    path.write_bytes(bytes(content))
    found = files.folder(path)
    with pytest.raises(BadImport, match="damaged"), files.damage_told("u.data"):
        found.open("u.data").read()


@pytest.mark.parametrize("content", [b"PK\x03\x04 and then nothing", b"PK\x03\x04"])
def test_a_torn_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(BadImport, match="not a zip that can be read"):
        files.folder(path)


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadImport, match="There is no file or folder"):
        files.folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("é".encode(), "utf-8"),
        ("é".encode("utf-8-sig"), "utf-8-sig"),
        ("é".encode("latin-1"), "latin-1"),
        ("é".encode("utf-16"), "utf-16"),
        (b"a" * ((1 << 20) - 1) + "é".encode(), "utf-8"),
        (b"a" * (1 << 20) + b"\xe9", "latin-1"),
        (b"", "utf-8"),
    ],
)
def test_encodings_are_told_apart(tmp_path: Path, content: bytes, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert files.encoding_of(files.folder(path), "a.csv") == encoding


@pytest.mark.parametrize(("mark", "words"), [(b"%PDF-1.4", "a PDF document"), (b"\x89PNG", "a picture")])
def test_what_is_no_table_is_named_for_what_it_is(tmp_path: Path, mark: bytes, words: str) -> None:
    path = tmp_path / "ratings.csv"
    path.write_bytes(mark + b"\n\x00\xff")
    with pytest.raises(BadImport, match=rf"ratings\.csv is {words}, not a table\."):
        files.encoding_of(files.folder(path), "ratings.csv")
