"""Every table of every page as CSV: `?format=csv&table=NAME` gives the table of that name as the page shows it.

A table is named by its caption. A link is put below each when a page is drawn, so that no template can forget it;
tables that say where a fuller file of theirs is (`data-csv`), or whose figure links one, keep that link.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape
from html.parser import HTMLParser

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.text import slugify

from recommender.views.figures import csv_answer

FORMAT, TABLE = "format", "table"
WHOLE = re.compile(r"<table(?P<told>[^>]*)>(?P<inside>.*?)</table>(?P<after>\s*</div>)?", re.DOTALL)
CAPTION = re.compile(r"<caption[^>]*>(.*?)</caption>", re.DOTALL)
OWN = "data-csv"
SILENT = {"button", "form", "script", "style"}
HIDDEN = "visually-hidden"


def answered(request: HttpRequest, page: HttpResponse, title: str) -> HttpResponse:
    """The page with a link below each table, or the one table that the address asks for. 404 where there is none."""
    html = page.content.decode()
    if "<table" not in html:
        return page
    named = names(html)
    if request.GET.get(FORMAT) == "csv" and request.method in ("GET", "HEAD"):
        wanted = request.GET.get(TABLE, named[0])
        if wanted not in named:
            raise Http404(f"This page has no table “{wanted}”. It has: {', '.join(named)}.")
        found = list(WHOLE.finditer(html))[named.index(wanted)]
        columns, rows = cells_of(found["inside"])
        return csv_answer(slugify(f"{title} {wanted}") or "table", columns, rows)
    page.content = linked(request, html, named).encode()
    if "Content-Length" in page:
        page["Content-Length"] = str(len(page.content))
    return page


def names(html: str) -> list[str]:
    """A name per table of a page, in order: its caption, numbered where two are alike."""
    found: list[str] = []
    for each in WHOLE.finditer(html):
        caption = CAPTION.search(each["inside"])
        name = slugify(unescape(re.sub("<[^>]+>", "", caption[1])))[:60] if caption else ""
        name = name or "table"
        while name in found:
            stem, _, number = name.rpartition("-")
            name = f"{stem}-{int(number) + 1}" if stem and number.isdigit() else f"{name}-2"
        found.append(name)
    return found


def linked(request: HttpRequest, html: str, named: Sequence[str]) -> str:
    order = iter(named)

    def with_link(found: re.Match[str]) -> str:
        name = next(order)
        if OWN in found["told"]:
            return found[0]
        query = request.GET.copy()
        query[FORMAT], query[TABLE] = "csv", name
        address = escape(f"?{query.urlencode()}")
        label = escape(name.replace("-", " "))
        return f'{found[0]}<p class="table-csv"><a href="{address}" aria-label="{label} as CSV" download>CSV</a></p>'

    return WHOLE.sub(with_link, html)


def cells_of(inside: str) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a table's HTML, as texts; a row of fewer cells (a group's name) is filled up."""
    reader = _Cells()
    reader.feed(inside)
    reader.close()
    if not reader.rows:
        return [], []
    columns = reader.rows[0]
    return columns, [row + [""] * (len(columns) - len(row)) for row in reader.rows[1:]]


class _Cells(HTMLParser):
    """Texts of th and td by row, without forms and what only a screen reader hears; of a time its exact value."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.cell: list[str] | None = None
        self.depth: list[bool] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self.cell = []
        elif self.cell is not None and tag not in ("br", "img", "input", "wbr", "hr"):
            quiet = tag in SILENT or HIDDEN in (given.get("class") or "") or tag == "time"
            if tag == "time" and not self.silent:
                self.cell.append(given.get("datetime") or "")
            self.depth.append(quiet)
            self.silent += quiet
            self.cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td") and self.cell is not None:
            self.rows[-1].append(" ".join("".join(self.cell).split()))
            self.cell, self.depth, self.silent = None, [], 0
        elif self.cell is not None and self.depth and tag not in ("tr", "thead", "tbody"):
            self.silent -= self.depth.pop()

    def handle_data(self, data: str) -> None:
        if self.cell is not None and not self.silent:
            self.cell.append(data)
