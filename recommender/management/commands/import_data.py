"""Put a data set into a catalog."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommender.data.readers import FORMATS, open_reading
from recommender.data.readers.columns import KNOWN
from recommender.exceptions import BadInput
from recommender.models import Catalog, DataImport
from recommender.services.catalogs import create_catalog, withdraw_catalog
from recommender.services.import_preview import previewed
from recommender.services.importing import create_import, run_import

COUNTED = ("read", "new", "changed", "same", "bare", "rejected", "duplicates", "contradicting")


class Command(BaseCommand):
    help = (
        "Put MovieLens (100K, 1M, latest), RecBole's atomic files, CSV, JSON lines or Parquet into a catalog. CSV has "
        "the header user,item[,rating][,timestamp][,kind][,event_id] and any further columns, which become context; "
        "JSON lines and Parquet have the same names. The same file twice changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, help="folder, zip or file")
        parser.add_argument("--catalog", required=True, metavar="NAME", help="made where there is none of that name")
        parser.add_argument("--format", choices=FORMATS, default="", help="found out where not given")
        parser.add_argument(
            "--users", type=Path, metavar="FILE", help="a file with the column user; the others become attributes"
        )
        parser.add_argument(
            "--items",
            type=Path,
            metavar="FILE",
            help="a file with the column item and any of title, description, categories, creators, year, released, "
            "price, image; several values are separated by |; the others become attributes",
        )
        parser.add_argument(
            "--column",
            action="append",
            default=[],
            metavar="OURS=THEIRS",
            help="another name of a column (user=visitor_id), or its place without a header (user=1); repeatable",
        )
        parser.add_argument(
            "--ignore",
            action="append",
            default=[],
            metavar="TABLE.COLUMN",
            help="a column to leave out (items.secret; interactions, users or items); repeatable",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="only say what it would do, with the first rows and what the columns mean; nothing is written",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        path = options["path"].resolve()
        given = {name: options[name].resolve() for name in ("users", "items") if options[name]}
        try:
            columns = named_columns(options["column"])
            ignored = ignored_columns(options["ignore"])
            if options["dry_run"]:
                self._preview(path, given, columns, ignored, options)
                return
            open_reading(path, format=options["format"], columns=columns, ignored=ignored, **given)
            catalog, made = catalog_named(options["catalog"])
            row = create_import(
                catalog=catalog,
                source=str(options["path"]),
                format=options["format"],
                options={
                    "path": str(path),
                    "columns": columns,
                    "ignored": ignored,
                    **{name: str(one) for name, one in given.items()},
                },
            )
            done = self._run(row, made=made)
        except BadInput as error:
            raise CommandError(str(error)) from None
        self._show(done, as_json=options["json"])

    def _preview(
        self, path: Path, given: dict[str, Path], columns: dict[str, str], ignored: Any, options: dict[str, Any]
    ) -> None:
        """As the page shows it; a catalog that is not there yet counts as empty."""
        found = Catalog.objects.filter(name=options["catalog"]).first() or Catalog(name=options["catalog"], pk=0)
        row = DataImport(
            catalog=found,
            format=options["format"],
            options={"columns": columns or None, "ignored": ignored},
            source=str(options["path"]),
        )
        told = previewed(row, {"path": path, **given})
        if options["json"]:
            self.stdout.write(json.dumps({"catalog": found.name, **told, "columns": row.options["columns"]}))
        else:
            self._show_preview(row, told)
        if told.get("error"):
            raise CommandError(told["error"])

    def _show_preview(self, row: DataImport, told: dict[str, Any]) -> None:
        self.stdout.write(f"{row.source} ({told['format']}) → {row.catalog.name}; nothing was written")
        for table in told["tables"]:
            how = ", ".join(
                filter(None, [table["encoding"], f"cut at {table['delimiter']!r}" * bool(table["delimiter"])])
            )
            self.stdout.write(f"  {table['name']} ({table['role']}{'; ' + how if how else ''})")
            for at, name in enumerate(table["header"]):
                values = " · ".join(one[at] for one in table["rows"][:3] if at < len(one) and one[at])
                self.stdout.write(f"    {name} = {table['meaning'][at] or 'kept'}: {values[:100]}")
        for role, counts in told.get("counts", {}).items():
            shown = ", ".join(f"{counts[name]:,} {name}" for name in COUNTED if counts.get(name))
            self.stdout.write(f"  {role}: {shown or 'none'}")
        for reason, number in told.get("reasons", {}).items():
            self.stdout.write(f"  {number:,} rows would be set aside: {reason}")
            for one in told["samples"]:
                if one["reason"] == reason:
                    self.stdout.write(f"    {one['file']}:{one['line']}: {one['row'][:100]}")
        for ours, theirs in (row.options["columns"] or {}).items():
            self.stdout.write(f"  --column {ours}={theirs}")

    def _run(self, row: DataImport, *, made: bool) -> DataImport:
        """A catalog that was made for an import that failed goes with it, unless something else is in it by now."""
        try:
            return run_import(import_id=row.pk, report=self._progress if sys.stderr.isatty() else None)
        except BaseException:
            if made:
                withdraw_catalog(catalog=row.catalog)
            raise
        finally:
            if sys.stderr.isatty():
                self.stderr.write("\r\033[K", ending="")

    def _progress(self, phase: str, done: float) -> None:
        self.stderr.write(f"\r\033[K{done:4.0%} {phase}", ending="")
        self.stderr.flush()

    def _show(self, done: DataImport, *, as_json: bool) -> None:
        counts = done.counts
        if as_json:
            shown = {
                "import": done.pk,
                "catalog": done.catalog.name,
                "format": done.format,
                "status": done.status,
                "has_clock": done.has_clock,
                "rejects": done.rejects or None,
                **counts,
            }
            self.stdout.write(json.dumps(shown, ensure_ascii=False))
            return
        self.stdout.write(f"{done.source} ({done.format}) → {done.catalog.name} in {counts['durations']['total']:g} s")
        for role in ("users", "items", "interactions"):
            given = counts.get(role, {})
            found = ", ".join(f"{given[name]:,} {name}" for name in COUNTED if given.get(name))
            self.stdout.write(f"  {role}: {found or 'none'}")
        for note in counts["notes"]:
            self.stdout.write(f"  {note}")
        for reason, number in counts["reasons"].items():
            self.stdout.write(f"  {number:,} rows set aside: {reason}")
        if done.rejects:
            self.stdout.write(f"  the rows set aside are in the storage as {done.rejects}")


def named_columns(pairs: list[str]) -> dict[str, str]:
    columns = {}
    for pair in pairs:
        ours, mark, theirs = pair.partition("=")
        if not (mark and ours.strip() and (theirs.strip() or "." in ours)):
            raise BadInput(f"--column {pair}: write it as user=visitor_id.", field="column")
        columns[ours.strip()] = theirs.strip()
    return columns


def ignored_columns(names: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        role, mark, column = name.partition(".")
        if not mark or role not in KNOWN or not column:
            raise BadInput(f"--ignore {name}: write it as items.secret (or interactions., users.).", field="ignore")
        found.setdefault(role, []).append(column)
    return found


def catalog_named(name: str) -> tuple[Catalog, bool]:
    """The catalog of that name and whether it was made now."""
    catalog = Catalog(name=name)
    if found := Catalog.objects.filter(name=name).first():
        return found, False
    try:
        catalog.full_clean()
    except ValidationError as error:
        message = " ".join(error.messages)
        raise BadInput(f"--catalog {name}: {message}", field="catalog") from None
    return create_catalog(name=name), True
