"""Every table of every page comes as CSV: the test asks each page for its tables, so that none can be forgotten."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from recommender.views.tables import OWN, WHOLE, cells_of, names
from tests.recommender.pages import films, login
from tests.recommender.test_views_rights import PAGES, addresses

pytestmark = pytest.mark.django_db
LINK = re.compile(r'<p class="table-csv"><a href="([^"]+)"')


def read(answer: Any) -> list[list[str]]:
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_every_table_of_every_page_has_its_file() -> None:
    catalog, client, met = films(), Client(), set()
    client.force_login(login("superuser"))
    for page in [name for name, methods in PAGES.items() if "GET" in methods]:
        where = addresses(catalog, page)
        answer = client.get(where)
        if answer.status_code != 200 or not answer["Content-Type"].startswith("text/html"):
            continue
        html = answer.content.decode()
        if "<html" not in html or "Content-Disposition" in answer:  # a fragment, whose page holds the link; a file
            continue
        tables = [each for each in WHOLE.finditer(html) if OWN not in each["told"]]
        links = LINK.findall(html)
        assert len(links) == len(tables), page
        for table, link in zip(tables, links, strict=True):
            rows = read(client.get(where + link.replace("&amp;", "&")))
            columns, body = cells_of(table["inside"])
            assert rows[0] == columns, (page, link)
            assert len(rows) == 1 + len(body), (page, link)
            met.add(page)
    assert {"runs", "run", "people", "items", "measurement"} <= met


def test_figures_link_their_own_files_and_those_answer() -> None:
    catalog, client = films(), Client()
    client.force_login(login("superuser"))
    html = client.get(reverse("runs", args=[catalog.name])).content.decode()
    assert re.findall(rf"<table {OWN}>", html)
    for link in re.findall(r'<div class="figure-foot">.*?<a href="([^"]+)">CSV</a>', html, re.DOTALL):
        assert len(read(client.get(link.replace("&amp;", "&")))) > 1


def test_a_table_that_is_not_there_names_those_that_are() -> None:
    catalog, client = films(), Client()
    client.force_login(login("superuser"))
    answer = client.get(reverse("people", args=[catalog.name]), {"format": "csv", "table": "nothing"})
    assert answer.status_code == 404
    assert "people" in answer.content.decode()


def test_cells_are_texts_without_forms_and_with_exact_times() -> None:
    html = (
        "<caption>A &amp; b</caption><thead><tr><th>Who</th><th>When</th></tr></thead><tbody><tr>"
        '<th scope="row"><a href="/x">Ada <b>L.</b></a> <span class="visually-hidden">opens</span></th>'
        '<td><time datetime="2020-01-01T00:00">5 min ago</time><form><button>Go</button></form></td></tr></tbody>'
    )
    assert cells_of(html) == (["Who", "When"], [["Ada L.", "2020-01-01T00:00"]])
    assert names(f"<table>{html}</table><table>{html}</table><table></table>") == ["a-b", "a-b-2", "table"]
