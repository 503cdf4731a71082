"""The explanation page in Chromium: switching off, a second item, what-ifs, marking, keyboard, the saved file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from explain.services.asking import Question
from explain.services.reranking import rerank
from recommender.models import Attribute, Catalog, EndUser, Item, Run
from tests.browser.test_keyboard import signed_in
from tests.browser.test_screens import AUDIT, SIZES
from tests.explain.conftest import catalog, deploy, filled, nothing_loaded  # noqa: F401 (fixtures)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WAIT = "() => !document.querySelector('.htmx-request')"
AT_ONCE = """(name) => new Promise((done) => {
  const box = document.querySelector(`input[name=without][value="${name}"]`);
  const list = document.getElementById("ranking");
  const began = performance.now();
  new MutationObserver((changes, watch) => {
    if (!list.querySelector("[data-all-on]")) return;
    watch.disconnect();
    requestAnimationFrame(() => done(performance.now() - began));
  }).observe(list, {childList: true, subtree: true});
  box.click();
})"""
"""Milliseconds from the click on a box to the next frame that shows the new list."""


@pytest.fixture
def club(filled: Catalog, deploy: Callable[..., Run]) -> Catalog:  # noqa: F811
    """Linear and neural runs; a town that ncf reads."""
    Attribute.objects.create(catalog=filled, scope="user", name="town", type="category", feature=True)
    for person in EndUser.objects.all():
        EndUser.objects.filter(pk=person.pk).update(attributes={"town": "AB"[int(person.client_id[1:]) % 2]})
    deploy(filled, "ncf", serve=False)
    deploy(filled, "ease")
    return filled


def address(club: Catalog, item: str = "i8", **query: Any) -> str:
    more = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/films/explanations/people/u0/items/{item}/{'?' + more if more else ''}"


def opened(browser: Any, live_server: Any, path: str, **options: Any) -> Any:
    page = signed_in(browser, live_server, **{"viewport": {"width": 1440, "height": 900}} | options)
    page.wrong = []
    page.on("console", lambda said: page.wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.goto(path)
    page.wait_for_selector("#figure-waterfall .plot[data-drawn]")
    page.wait_for_function("() => !document.querySelector('.waiting-line') && !document.querySelector('.htmx-request')")
    return page


def titles(page: Any) -> list[str]:
    return [text.strip() for text in page.locator("#ranking ol.ranked .title").all_inner_texts()]


def test_switching_an_item_shows_the_new_ranking_within_300_ms(browser: Any, live_server: Any, club: Catalog) -> None:
    page = opened(browser, live_server, address(club))
    page.evaluate(AT_ONCE, "i0")  # the first time loads what later times find loaded
    page.locator("[data-all-on]").click()
    page.wait_for_function("() => !document.querySelector('[data-all-on]')")
    page.wait_for_function(WAIT)
    taken = []
    for name in ("i1", "i2", "i3"):
        taken.append(page.evaluate(AT_ONCE, name))
        expected = rerank(Question(club.pk, "u0", "i8", without=frozenset({name})))
        assert titles(page) == [row.label for row in expected.rows]
        assert f"without={name}" in page.url
        page.locator("[data-all-on]").click()
        page.wait_for_function("() => !document.querySelector('[data-all-on]')")
    assert sorted(taken)[1] < 300, f"milliseconds from click to the new list: {taken}"
    assert not page.wrong


def test_moves_are_drawn_and_the_answer_follows_the_list(browser: Any, live_server: Any, club: Catalog) -> None:
    page = opened(browser, live_server, address(club))
    before = page.locator(".sentence").inner_text()
    for name in ("i0", "i1", "i2", "i3", "i4"):
        page.locator(f"input[value={name}]").check()
    page.wait_for_function("() => document.querySelector('#unit-values').textContent.split(',').length === 1")
    expected = rerank(Question(club.pk, "u0", "i8", without=frozenset(f"i{at}" for at in range(5))))
    page.wait_for_function(WAIT)
    assert titles(page) == [row.label for row in expected.rows]
    left = page.locator("#ranking .left .title").all_inner_texts()
    assert left == [row.label for row in expected.left] and left
    ups = [row for row in expected.rows if row.before is not None and row.before > row.place]
    assert page.locator("#ranking .up").count() == len(ups)
    assert page.locator(".sentence").inner_text() != before or "Title 5" in before
    assert page.locator("[data-unit=i5] .chip-value").inner_text() != ""
    page.reload()
    assert page.locator("input[name=without]:checked").count() == 5, "the address holds the state"


def test_the_button_of_the_counterfactual_takes_the_item_out(browser: Any, live_server: Any, club: Catalog) -> None:
    first = rerank(Question(club.pk, "u0", "i8")).rows[0].item
    page = opened(browser, live_server, address(club, first, k=1))
    assert "would fall from place 1" in page.locator("#reach").inner_text()
    page.locator("[data-switch-off]").click()
    page.wait_for_selector("#ranking [data-all-on]")
    assert page.evaluate("() => window.location.search").count("without=") >= 1
    assert "explained" not in page.locator("#ranking ol.ranked").inner_text()


def test_picking_a_second_item_explains_the_lead_over_it(browser: Any, live_server: Any, club: Catalog) -> None:
    first = rerank(Question(club.pk, "u0", "i8")).rows[0]
    page = opened(browser, live_server, address(club, first.item))
    page.locator("#ranking a", has_text="not this?").last.click()
    page.wait_for_url("**other=*")
    page.wait_for_selector("#figure-waterfall .plot[data-drawn]")
    assert page.locator(".sentence").inner_text().startswith(f"“{first.label}” stands above")
    assert page.locator("#target").input_value() == "margin"
    page.fill("#q", "Title 20")
    page.keyboard.press("Enter")
    page.wait_for_selector(".found a")
    page.locator(".found a", has_text="Why not this?").first.click()
    page.wait_for_url("**other=i20*")
    assert "Title 20" in page.locator(".sentence").inner_text()


def test_a_what_if_about_the_person_ranks_again(browser: Any, live_server: Any, club: Catalog) -> None:
    run = Run.objects.get(algorithm="ncf").pk
    page = opened(browser, live_server, address(club, run=run))
    assert "as stored: A" in page.locator("#said-1").inner_text()
    page.locator("#said-1").select_option("?")
    page.wait_for_selector("#ranking [data-all-on]")
    expected = rerank(Question(club.pk, "u0", "i8", run=run, attributes={"town": None}))
    assert titles(page) == [row.label for row in expected.rows]
    assert "set.town=%3F" in page.url


def test_what_is_marked_in_one_figure_is_marked_in_all(browser: Any, live_server: Any, club: Catalog) -> None:
    page = opened(browser, live_server, address(club))
    page.locator("a", has_text="Compare ").click()
    page.wait_for_selector("#figure-methods .plot[data-drawn]")
    page.locator("#figure-waterfall").scroll_into_view_if_needed()
    page.locator("#figure-waterfall .bars .point path").first.click(force=True)
    page.wait_for_selector(".chip.marked")
    unit = page.locator(".chip.marked").get_attribute("data-unit")
    heights = page.evaluate(
        "(unit) => ['waterfall', 'methods'].map((key) => { const plot = document.querySelector(`#figure-${key} .plot`);"
        " const mark = plot.layout.shapes.find((shape) => shape.name === 'mark');"
        " return [plot.layout.meta.units[unit], (mark.y0 + mark.y1) / 2]; })",
        unit,
    )
    assert all(own == drawn for own, drawn in heights)
    assert "Marked" in page.locator(".mark-note").inner_text()
    page.keyboard.press("Escape")
    assert page.locator(".marked").count() == 0
    shapes = page.evaluate("() => document.querySelector('#figure-methods .plot').layout.shapes.length")
    assert shapes == 0 and not page.wrong


def test_the_keyboard_marks_switches_and_clears(browser: Any, live_server: Any, club: Catalog) -> None:
    page = opened(browser, live_server, address(club))
    page.locator("input[value=i5]").focus()
    assert page.locator(".chip.marked").get_attribute("data-unit") == "i5"
    page.keyboard.press("Tab")
    assert page.locator(".chip.marked").get_attribute("data-unit") == "i4"
    page.keyboard.press("Space")
    page.wait_for_selector("#ranking [data-all-on]")
    assert page.evaluate("() => document.activeElement.value") == "i4", "the focus stays where it was"
    page.keyboard.press("Escape")
    assert page.locator(".marked").count() == 0
    page.keyboard.press("/")
    page.wait_for_function("() => document.activeElement.id === 'q'")


def test_the_saved_file_opens_without_a_network(browser: Any, live_server: Any, club: Catalog, tmp_path: Path) -> None:
    page = opened(browser, live_server, address(club))
    page.locator("input[value=i0]").check()
    page.wait_for_selector("#ranking [data-all-on]")
    with page.expect_download() as saved:
        page.locator("#report-link").click()
    path = tmp_path / saved.value.suggested_filename
    saved.value.save_as(path)
    alone = browser.new_context(offline=True).new_page()
    asked: list[str] = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(path.as_uri())
    assert asked == [path.as_uri()]
    assert "1 item of the history left out" in alone.locator("body").inner_text()
    assert alone.locator("svg rect").count() >= 3
    assert alone.locator("svg").bounding_box()["height"] > 100


def test_without_javascript_a_form_and_links_do_the_same(browser: Any, live_server: Any, club: Catalog) -> None:
    page = signed_in(browser, live_server, java_script_enabled=False)
    page.goto(address(club))
    page.locator("input[value=i0]").check()
    page.get_by_role("button", name="Rank again").click()
    page.wait_for_url("**without=i0*")
    assert titles(page) == [row.label for row in rerank(Question(club.pk, "u0", "i8", without=frozenset({"i0"}))).rows]
    page.locator("a", has_text="Compare ").click()
    page.locator("#methods table").first.wait_for()
    page.goto(address(club, run=Run.objects.get(algorithm="ncf").pk))
    page.get_by_role("link", name="Explain now").click()
    page.locator(".sentence").wait_for()


@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_hold_together_on_every_screen(
    browser: Any, live_server: Any, club: Catalog, size: str, scheme: str
) -> None:
    Item.objects.filter(client_id__in=["i0", "i8"]).update(title="A very long title, as learned books had them, " * 4)
    width, height = SIZES[size]
    options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme, "reduced_motion": "reduce"}
    page = opened(browser, live_server, address(club, without="i1"), **options)
    for text, waited in (("Compare ", "#figure-agreement [data-drawn]"), ("Mark the words", "#words .marked-text")):
        page.locator("a", has_text=text).click()
        page.locator("#methods-in").scroll_into_view_if_needed()
        page.wait_for_selector(waited)
    assert page.evaluate(AUDIT) == []
    page.goto("/films/explanations/")
    assert page.evaluate(AUDIT) == []
    page.goto(address(club, run=Run.objects.get(algorithm="ncf").pk))
    page.wait_for_selector("#figure-waterfall .plot[data-drawn]")
    assert page.evaluate(AUDIT) == []
    if folder := os.environ.get("SCREENSHOTS"):
        page.wait_for_function(WAIT)
        page.screenshot(path=f"{folder}/explanation-{size}-{scheme}.png", full_page=True)
    page.goto(address(club, target="probability"))
    assert "There is no explanation here" in page.locator("main").inner_text()
    assert page.evaluate(AUDIT) == []
    assert not page.wrong, json.dumps(page.wrong)
