"""One file that holds an installation: the database as pg_dump writes it, and every file of the storage.

A tar of `about.json`, `database.dump` (pg_dump's custom format) and `files/…`. Secrets of the machine (SECRET_KEY,
passwords of servers) are not in it; keys of clients are, as hashes.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection

from recommender.exceptions import BadInput
from recommender.services.versions import code_version
from recsite.embedded.places import binaries, places

ABOUT, DUMP, FILES = "about.json", "database.dump", "files/"
TABLES = (
    "recommender_catalog",
    "recommender_enduser",
    "recommender_item",
    "recommender_interaction",
    "recommender_run",
)


def backup(*, path: Path) -> dict[str, Any]:
    """Write everything to `path`, which must not be there; it appears complete or not at all. Raises BadInput.

    The database is one moment's; files that are removed while they are copied are left out, so it is best made while
    nothing trains.
    """
    if path.exists():
        raise BadInput(f"{path} is there already; name a new file.", field="file")
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.touch(mode=0o600)  # before anything is in it
        with tempfile.TemporaryDirectory() as place, tarfile.open(draft, "w") as archive:
            dump = Path(place) / DUMP
            _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}")
            about = {"made": datetime.now(UTC).isoformat(), "code": code_version(), "rows": counts()}
            _add(archive, ABOUT, io.BytesIO(json.dumps(about).encode()), None)
            archive.add(dump, DUMP)
            files = sum(_add_stored(archive, name) for name in stored(""))
        draft.replace(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be written: {error.strerror or error}.", field="file") from error
    finally:
        draft.unlink(missing_ok=True)
    return {"file": str(path), "bytes": path.stat().st_size, "files": files, "rows": about["rows"]}


def restore(*, path: Path) -> dict[str, Any]:
    """Fill an empty database and the storage from a backup. Raises BadInput, the database unchanged, where it is not
    empty or the file is no backup."""
    if connection.introspection.table_names():
        where = "DATA_DIR" if settings.EMBEDDED else "database"
        raise BadInput(f"The database is not empty; name an empty {where}. Nothing was changed.", field="file")
    try:
        with tarfile.open(path) as archive, tempfile.TemporaryDirectory() as place:
            about = json.loads(_member(archive, ABOUT).read())
            dump = Path(place) / DUMP
            with dump.open("wb") as copy:
                shutil.copyfileobj(_member(archive, DUMP), copy)
            name = f"--dbname={connection.settings_dict['NAME']}"
            _run(
                "pg_restore", "--no-owner", "--no-comments", "--exit-on-error", "--single-transaction", name, str(dump)
            )
            files = sum(_take_out(archive, member) for member in archive if member.name.startswith(FILES))
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise BadInput(f"{path} is no backup, or is damaged: {error}.", field="file") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.", field="file") from error
    return {"made": about["made"], "code": about["code"], "files": files, "rows": about["rows"]}


def counts() -> dict[str, int]:
    """Rows of the tables that matter most."""
    found = {}
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")
            found[table.removeprefix("recommender_")] = int(cursor.fetchone()[0])
    return found


def stored(folder: str) -> Iterator[str]:
    """Names of all files in the storage."""
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in files:
        yield f"{folder}/{name}".lstrip("/")
    for name in folders:
        yield from stored(f"{folder}/{name}".lstrip("/"))


def _add_stored(archive: tarfile.TarFile, name: str) -> int:
    with suppress(FileNotFoundError), default_storage.open(name, "rb") as file:
        _add(archive, FILES + name, file, default_storage.size(name))
        return 1
    return 0


def _add(archive: tarfile.TarFile, name: str, file: Any, size: int | None) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(file.getvalue()) if size is None else size
    entry.mtime = datetime.now(UTC).timestamp()
    archive.addfile(entry, file)


def _member(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    if file is None:
        raise ValueError(f"{name} is not a file")
    return file


def _take_out(archive: tarfile.TarFile, member: tarfile.TarInfo) -> int:
    """Into the storage, which refuses names that lead outside of it."""
    file = archive.extractfile(member)
    if file is None:
        return 0
    name = member.name.removeprefix(FILES)
    if default_storage.exists(name):
        default_storage.delete(name)
    if default_storage.save(name, File(file)) != name:
        raise ValueError(f"the file {name} could not be given its name")
    return 1


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on the database of the settings. Raises BadInput with its last line."""
    done = subprocess.run(
        [_program(program), *arguments],
        env=os.environ | _address(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise BadInput(f"{program} failed: {lines[-1]}", field="file")


def _program(name: str) -> str:
    """The system's own for a real server, which fits its version; else the embedded one."""
    found = None if settings.EMBEDDED else shutil.which(name)
    return found or str(binaries(places(settings.DATA_DIR))[0] / name)


def _address() -> dict[str, str]:
    """The database's address in the words of libpq; a password is in no list of processes."""
    known = connection.settings_dict
    names = {"PGHOST": "HOST", "PGPORT": "PORT", "PGUSER": "USER", "PGPASSWORD": "PASSWORD", "PGDATABASE": "NAME"}
    given = {theirs: str(known.get(ours) or "") for theirs, ours in names.items()}
    given["PGSSLMODE"] = str(known.get("OPTIONS", {}).get("sslmode", ""))
    return {name: value for name, value in given.items() if value}
