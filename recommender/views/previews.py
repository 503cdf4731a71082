"""What the page of a previewed upload shows, and what its form says that the columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recommender.data.readers.columns import KNOWN, NEEDED
from recommender.exceptions import BadInput
from recommender.models import DataImport
from recommender.services import importing

COUNTED = ("read", "new", "changed", "same", "rejected")
ROWS_OF = {"users": "people", "items": "items", "interactions": "interactions"}
LEFT_OUT = "-"
Chosen = tuple[dict[str, str], dict[str, list[str]]]


def chosen(sent: Mapping[str, Any], preview: Mapping[str, Any]) -> Chosen:
    """What the columns of every table are to mean, as open_reading takes it; what was not sent stays as it is shown.

    Raises BadInput where two columns are to mean the same.
    """
    columns: dict[str, str] = {}
    ignored: dict[str, list[str]] = {}
    for table in preview.get("tables", []):
        if not table["fixed"]:
            columns |= {f"{table['role']}.{ours}": theirs for ours, theirs in columns_of(sent, table).items()}
            ignored[table["role"]] = left_out(sent, table)
    return columns, ignored


def columns_of(sent: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, str]:
    has_header = bool(sent.get(f"{table['role']}-header")) if sent and table["delimiter"] else table["has_header"]
    header = table["header"]
    if has_header and not table["has_header"] and table["delimiter"] and table["rows"]:
        header = table["rows"][0]
    found = dict.fromkeys(KNOWN[table["role"]], "")
    for at, ours in enumerate(meanings(sent, table)):
        if ours in found:
            if found[ours]:
                raise BadInput(f"Two columns of {table['name']} are to be “{ours}”. Choose one of them.")
            found[ours] = header[at] if has_header or not table["delimiter"] else f"#{at + 1}"
    return found


def meanings(sent: Mapping[str, Any], table: Mapping[str, Any]) -> list[str]:
    own = [LEFT_OUT if name in table["ignored"] else ours for name, ours in columns_shown(table)]
    return [str(sent.get(f"{table['role']}-{at}", ours)) for at, ours in enumerate(own)]


def columns_shown(table: Mapping[str, Any]) -> list[tuple[str, str]]:
    return list(zip(table["header"], table["meaning"], strict=True))


def left_out(sent: Mapping[str, Any], table: Mapping[str, Any]) -> list[str]:
    chosen = zip(table["header"], meanings(sent, table), strict=True)
    return sorted(name for name, ours in chosen if ours == LEFT_OUT)


def preview_context(found: DataImport) -> dict[str, Any]:
    """What the page of a previewed upload shows."""
    told = found.preview
    counts = told.get("counts", {})
    return {
        "preview": told,
        "preview_error": told.get("error", "").partition(" Name it with --column")[0],
        "preview_tables": [table_context(table) for table in told.get("tables", [])],
        "preview_counts": [
            {"name": words, **{part: counts[name].get(part, 0) for part in (*COUNTED, "bare")}}
            for name, words in ROWS_OF.items()
            if counts.get(name)
        ],
        "preview_says": says(counts),
        "preview_reasons": sorted(told.get("reasons", {}).items(), key=lambda row: -row[1]),
        "kept_hours": importing.PREVIEW_HOURS,
    }


def table_context(table: Mapping[str, Any]) -> dict[str, Any]:
    role = table["role"]
    other = "keep as context" if role == "interactions" else "keep as an attribute"
    choices = [("", other), (LEFT_OUT, "leave out"), *((name, need(role, name)) for name in KNOWN[role])]
    rows = [
        {
            "field": f"{role}-{at}",
            "name": name,
            "meaning": LEFT_OUT if name in table["ignored"] else ours,
            "examples": list(dict.fromkeys(row[at] for row in table["rows"] if at < len(row) and row[at]))[:3],
        }
        for at, (name, ours) in enumerate(columns_shown(table))
    ]
    marks = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space"}
    return {**table, "columns": rows, "choices": choices, "mark": marks.get(table["delimiter"], "")}


def need(role: str, name: str) -> str:
    return f"{name} (needed)" if name in NEEDED[role] else name.replace("_", " ")


def says(counts: Mapping[str, Any]) -> str:
    """“It would add 2 people, 6 interactions; change 1 item; set 3 rows aside.”"""
    added = [many(n, role) for role in ROWS_OF if (n := new_of(counts, role))]
    changed = [many(n, role) for role in ROWS_OF if (n := counts.get(role, {}).get("changed", 0))]
    aside = sum(counts.get(role, {}).get("rejected", 0) for role in ROWS_OF)
    parts = [f"add {', '.join(added)}"] if added else []
    parts += [f"change {', '.join(changed)}"] if changed else []
    parts += [f"set {aside:,} row{'s' if aside != 1 else ''} aside"] if aside else []
    return f"It would {'; '.join(parts)}." if parts else "It would change nothing: all of it is here already."


def many(count: int, role: str) -> str:
    one = {"users": "person", "items": "item", "interactions": "interaction"}[role]
    return f"{count:,} {one if count == 1 else ROWS_OF[role]}"


def new_of(counts: Mapping[str, Any], role: str) -> int:
    return int(counts.get(role, {}).get("new", 0)) + int(counts.get(role, {}).get("bare", 0))
