"""Where the files of a data set lie: a folder, a zip or one file, opened as streams of bytes or text."""

from __future__ import annotations

import io
import zipfile
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from recommender.exceptions import BadImport

ZIP_SUFFIXES = frozenset({".zip", ".whl"})
MOST_BYTES = 50 << 30
SMALL_BYTES = 256 << 20
MOST_INFLATED = 60
"""A zip may unpack to SMALL_BYTES whatever its ratio; beyond that to at most this many times its size. Text packs to
a tenth; a bomb to a thousandth."""


class Folder(Protocol):
    """Files by name, each of which may be opened as often as one likes."""

    name: str

    def names(self) -> list[str]: ...
    def size(self, name: str) -> int: ...
    def open(self, name: str) -> IO[bytes]: ...


class PlainFolder:
    """Files of a directory; `name` is the directory's."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._files = {entry.name: entry for entry in sorted(path.iterdir()) if entry.is_file()}
        folders = [entry for entry in path.iterdir() if entry.is_dir()]
        if not self._files and len(folders) == 1:
            self._files = {entry.name: entry for entry in sorted(folders[0].iterdir()) if entry.is_file()}

    def names(self) -> list[str]:
        return list(self._files)

    def size(self, name: str) -> int:
        return self._files[name].stat().st_size

    def open(self, name: str) -> IO[bytes]:
        return opened(self._files[name])


class OneFile:
    """A single file as if it lay alone in a folder."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._path = path

    def names(self) -> list[str]:
        return [self.name]

    def size(self, name: str) -> int:
        return self._path.stat().st_size

    def open(self, name: str) -> IO[bytes]:
        return opened(self._path)


class ZipFolder:
    """Members of a zip by their last name; nothing is unpacked to disk.

    Raises BadImport for a damaged or encrypted zip, names that lead outside it, and one that unpacks beyond reason.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
            raise BadImport(f"{path.name} is not a zip that can be read: {error}.", field="path") from error
        members = [member for member in self._zip.infolist() if not member.is_dir()]
        self._refuse(members, path.stat().st_size)
        self._members: dict[str, zipfile.ZipInfo] = {}
        for member in sorted(members, key=lambda one: one.filename.count("/")):
            if not member.filename.startswith("__MACOSX/"):
                self._members.setdefault(PurePosixPath(member.filename.replace("\\", "/")).name, member)

    def _refuse(self, members: list[zipfile.ZipInfo], packed: int) -> None:
        for member in members:
            parts = PurePosixPath(member.filename.replace("\\", "/"))
            if parts.is_absolute() or ".." in parts.parts:
                raise BadImport(f"{self.name} holds a name that leads outside it: {member.filename}.", field="path")
            if member.flag_bits & 1:
                raise BadImport(f"{self.name} is encrypted; give it without a password.", field="path")
        unpacked = sum(member.file_size for member in members)
        if unpacked > MOST_BYTES or (unpacked > SMALL_BYTES and unpacked > MOST_INFLATED * packed):
            raise BadImport(
                f"{self.name} unpacks from {packed:,} to {unpacked:,} bytes, more than is taken.", field="path"
            )

    def names(self) -> list[str]:
        return list(self._members)

    def size(self, name: str) -> int:
        return self._members[name].file_size

    def open(self, name: str) -> IO[bytes]:
        try:
            return self._zip.open(self._members[name])
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            raise BadImport(f"{name} in {self.name} cannot be read: {error}.", field="path") from error


def opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise BadImport(f"{path.name} cannot be read: {error.strerror}.", field="path") from error


def folder(path: Path) -> Folder:
    """The files at `path`. Raises BadImport where there is nothing that can be read."""
    try:
        if path.is_dir():
            return PlainFolder(path)
        if path.is_file():
            return ZipFolder(path) if path.suffix.lower() in ZIP_SUFFIXES or is_zip(path) else OneFile(path)
    except OSError as error:
        raise BadImport(f"{path} cannot be read: {error.strerror}.", field="path") from error
    raise BadImport(f"There is no file or folder {path}.", field="path")


def is_zip(path: Path) -> bool:
    with opened(path) as file:
        return file.read(4) == b"PK\x03\x04"


@contextmanager
def damage_told(name: str) -> Iterator[None]:
    """Errors of a damaged zip in the middle of reading become BadImport."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BadImport(f"{name} is damaged: {error}.", field="path") from error


BINARY = {
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word file",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x1f\x8b": "compressed by gzip",
    b"SQLite": "a database",
}
"""What files that people take for tables begin with."""


def refuse_binary(name: str, block: bytes) -> None:
    """Raise BadImport for what is known to be no text, rather than complain about its columns."""
    what = next((words for mark, words in BINARY.items() if block.startswith(mark)), "")
    if what:
        raise BadImport(f"{name} is {what}, not a table. Save the table as CSV, JSON lines or Parquet.", field="path")


def encoding_of(source: Folder, name: str) -> str:
    """utf-8-sig or utf-16 by its mark, utf-8 where every byte fits, else latin-1. Reads the file once, in blocks."""
    with damage_told(name), source.open(name) as file:
        block = file.read(1 << 20)
        refuse_binary(name, block)
        if block.startswith(BOM_UTF8):
            return "utf-8-sig"
        if block.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
            return "utf-16"
        decoder = getincrementaldecoder("utf-8")()
        try:
            while block:
                decoder.decode(block)
                block = file.read(1 << 20)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8"


def text(binary: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """Characters of an open file with its line ends as they are; what does not decode becomes a replacement mark."""
    return io.TextIOWrapper(binary, encoding=encoding, newline="", errors="replace")
