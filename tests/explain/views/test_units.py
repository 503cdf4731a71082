"""The explanation page: by what it explains, the history or what is said of person and item."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from recommender.models import Catalog, Run
from tests.explain.views.test_explanation import first, got
from tests.recommender.pages import text_of

pytestmark = pytest.mark.django_db


def test_by_what_is_chosen_only_where_more_than_the_history_is_read(
    filled: Catalog, deploy: Callable[..., Run]
) -> None:
    run = deploy(filled, "ncf")
    item = first(filled)
    page = got(filled, "u0", item, units="fields").content.decode()
    assert '<option value="fields" selected>' in page and '<option value="everything">' in page
    address = re.search(r'hx-get="([^"]+explained/)"', page)[1]
    assert 'name="units" value="fields"' in page, "fragments are asked about the same"
    told = text_of(got(filled, "u0", item, part="explained", role="analyst", units="fields"))
    assert address and "what is said of it: categories" in told
    everything = text_of(got(filled, "u0", item, part="explained", role="operator", units="everything"))
    assert "what is said of it: categories" in everything and "Title 0" in everything
    ease = deploy(filled, "ease", serve=False)
    assert 'name="units"' not in got(filled, "u0", item, role="catalogue manager", run=ease.pk).content.decode()
    assert run.pk != ease.pk
