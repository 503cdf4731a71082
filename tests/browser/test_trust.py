"""The page of trust in Chromium: with figures and before an examination, wide and narrow, light and dark."""

from __future__ import annotations

import pytest
from django.urls import reverse

from explain.models import Examination
from tests.browser.test_screens import Visitor, sign_in, visitor
from tests.explain.trusted import examined_people, examined_run

__all__ = ["visitor"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
FOUND = examined_people()


def test_the_page_of_trust(visitor: Visitor) -> None:
    run = examined_run(FOUND)
    sign_in(visitor)
    where = reverse("explain_trust", args=[run.catalog.name, run.pk])
    wrong = visitor.open(where)
    visitor.keep("trust")
    Examination.objects.all().delete()
    wrong += visitor.open(where)
    visitor.keep("trust-before")
    assert not wrong, "\n".join(wrong)
