"""The page of trust in Chromium: with figures and before an examination, wide and narrow, light and dark."""

from __future__ import annotations

import pytest

from explain.services.examining import create_examination, execute_examination
from recommender.services.training import create_run, execute_run
from tests.browser.test_screens import Visitor, sign_in, visitor
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from

__all__ = ["visitor"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_page_of_trust(visitor: Visitor) -> None:
    made = catalog_from(blocks(n_people=30))
    runs = [create_run(catalog=made, algorithm=algorithm) for algorithm in ("ease", "random")]
    for run in runs:
        execute_run(run_id=run.pk)
    execute_examination(examination_id=create_examination(run=runs[0], kind="trust", settings={"people": 30}).pk)
    sign_in(visitor)
    wrong = []
    for name, run in zip(("trust", "trust-before"), runs, strict=True):
        run.refresh_from_db()
        assert run.status == "succeeded"
        wrong += visitor.open(f"/{made.name}/explanations/runs/{run.pk}/trust/")
        visitor.keep(name)
    assert not wrong, "\n".join(wrong)
