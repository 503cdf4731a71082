"""The API's page in Chromium, under the site's strict content-security policy."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client

from recommender.models import Catalog
from recommender.rights import ANALYST

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_page_draws_and_a_call_can_be_tried(browser: Any, live_server: Any) -> None:
    login = User.objects.create_user("ana")
    login.groups.add(Group.objects.get_or_create(name=ANALYST)[0])
    Catalog.objects.create(name="films").members.add(login)
    session = Client()
    session.force_login(login)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    cookie = session.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    page, said, elsewhere = context.new_page(), [], []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: elsewhere.append(request.url) if live_server.url not in request.url else None)
    page.goto(f"{live_server.url}/api/docs/")
    page.wait_for_selector(".opblock")
    assert page.locator(".opblock").count() > 15
    popular = page.locator("#operations-recommendations-popular")
    popular.locator(".opblock-summary").click()
    popular.locator("button.try-out__btn").click()
    popular.locator("tr[data-param-name=catalog] input").fill("films")
    popular.locator("button.execute").click()
    popular.locator(".live-responses-table .response-col_status").first.wait_for()
    assert '"items"' in popular.locator(".live-responses-table").inner_text()
    assert said == []
    assert [url for url in elsewhere if not url.startswith(("data:", "blob:"))] == []
