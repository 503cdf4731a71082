"""What is done with the keyboard, with fragments, and without JavaScript."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from recommender.models import Catalog, Run
from tests.recommender.pages import PASSWORD, films, login

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def catalog() -> Catalog:
    return films()


def signed_in(browser: Any, live_server: Any, **options: Any) -> Any:
    client = Client()
    client.force_login(login("superuser"))
    context = browser.new_context(base_url=live_server.url, **options)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    return context.new_page()


def focused(page: Any) -> str:
    return str(page.evaluate("() => document.activeElement.id || document.activeElement.className"))


def test_signing_in_needs_no_mouse(browser: Any, live_server: Any, catalog: Catalog) -> None:
    login("superuser")
    page = browser.new_context(base_url=live_server.url).new_page()
    page.goto("/films/runs/")
    page.keyboard.press("Tab") if focused(page) != "id_username" else None
    page.keyboard.type("superuser")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/films/runs/")


def test_the_first_tab_skips_to_the_content(browser: Any, live_server: Any, catalog: Catalog) -> None:
    page = signed_in(browser, live_server)
    page.goto("/films/items/")
    page.keyboard.press("Tab")
    assert focused(page) == "skip"
    outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    assert focused(page) == "content"


def test_slash_goes_to_the_search_and_escape_leaves_it(browser: Any, live_server: Any, catalog: Catalog) -> None:
    page = signed_in(browser, live_server)
    page.goto("/films/items/")
    page.keyboard.press("/")
    assert focused(page) == "q"
    page.keyboard.type("Film 3")
    page.keyboard.press("Escape")
    assert focused(page) != "q"
    page.keyboard.press("/")
    page.keyboard.type("Film 3")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=Film+3**")
    assert page.locator("tbody tr").count() == 1


def test_escape_closes_the_menu(browser: Any, live_server: Any, catalog: Catalog) -> None:
    Catalog.objects.create(name="books")
    page = signed_in(browser, live_server)
    page.goto("/films/items/")
    page.locator(".switcher > summary").press("Enter")
    page.get_by_role("link", name="books").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="books").wait_for(state="hidden")


def test_switching_the_catalog_stays_in_the_section(browser: Any, live_server: Any, catalog: Catalog) -> None:
    Catalog.objects.create(name="books")
    page = signed_in(browser, live_server)
    page.goto("/films/items/")
    page.locator(".switcher > summary").click()
    page.get_by_role("link", name="books").click()
    page.wait_for_url("**/books/items/")


def test_dark_is_remembered_and_figures_follow(browser: Any, live_server: Any, catalog: Catalog) -> None:
    page = signed_in(browser, live_server, color_scheme="light")
    page.goto("/films/runs/")
    page.wait_for_selector("[data-figure][data-drawn]")
    before = page.evaluate("() => getComputedStyle(document.querySelector('.xtick text')).fill")
    page.locator(".bar-foot > .theme button[value=dark]").click()
    page.wait_for_function("b => getComputedStyle(document.querySelector('.xtick text')).fill !== b", arg=before)
    page.goto("/films/")
    assert page.locator("html[data-theme=dark]").count() == 1


def test_progress_moves_without_a_reload(browser: Any, live_server: Any, catalog: Catalog) -> None:
    page = signed_in(browser, live_server)
    page.goto("/films/")
    page.evaluate("() => { window.untouched = true; }")
    Run.objects.filter(status="running").update(progress=0.77, phase="epoch 9")
    page.get_by_text("epoch 9").wait_for()
    page.get_by_text("77%").wait_for()
    assert page.evaluate("() => window.untouched")


def test_a_run_that_ends_shows_its_results(browser: Any, live_server: Any, catalog: Catalog) -> None:
    run = Run.objects.get(status="running")
    page = signed_in(browser, live_server)
    page.goto(f"/films/runs/{run.pk}/")
    Run.objects.filter(pk=run.pk).update(status="failed", error="The worker was stopped.")
    page.get_by_text("The worker was stopped.").wait_for()


def test_the_button_says_how_many_will_be_trained(browser: Any, live_server: Any, catalog: Catalog) -> None:
    page = signed_in(browser, live_server)
    page.goto("/films/runs/new/")
    button = page.locator("[data-count-label]")
    assert button.inner_text() == "Train 3 recommenders"
    page.locator("input[value=popularity]").uncheck()
    page.locator("input[value=ease]").uncheck()
    assert button.inner_text() == "Train 1 recommender"
    page.locator("input[value=item_knn]").uncheck()
    assert button.is_disabled()


def test_pages_work_without_javascript(browser: Any, live_server: Any, catalog: Catalog) -> None:
    page = signed_in(browser, live_server, java_script_enabled=False)
    page.goto("/films/runs/?metric=hit@5")
    assert page.get_by_text("ease #").first.is_visible()
    page.locator("#figure-accuracy summary", has_text="Table").click()
    page.locator("#figure-accuracy table").wait_for()
    page.locator(".bar-foot > .theme button[value=dark]").click()
    page.locator("html[data-theme=dark]").wait_for()
    page.goto("/films/items/")
    page.fill("#q", "Film 5")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**q=Film+5**")
    assert page.locator("tbody tr").count() == 1
