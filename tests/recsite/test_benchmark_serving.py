"""The driver of the serving benchmark: what it sends, what it reports, and how the bars are judged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from recommender.exceptions import Conflict
from recommender.models import Interaction
from recommender.services import keys
from recsite.benchmarks import serving
from recsite.benchmarks.wrk import Driver, Load
from tests.recommender.api.conftest import catalog, filled  # noqa: F401 (fixtures)
from tests.support import until

needs_wrk = pytest.mark.skipif(not Driver.there(), reason="needs wrk (Debian package wrk)")


@needs_wrk
@pytest.mark.django_db(transaction=True)
def test_people_are_asked_for_and_events_sent(live_server, filled):  # noqa: F811
    secret = keys.create(catalog=filled, name="load", scope="write").secret
    before = Interaction.objects.count()
    driver = Driver(live_server.url, secret, ["u0", "u 'quoted\""], ["i1", "i2"], connections=2)
    found = loads(lambda: driver.recommendations(1, events=0.5))
    assert any(0 < each.p50_ms <= each.p99_ms and each.rate > 0 for each in found)
    assert Interaction.objects.count() > before
    assert loads(lambda: driver.empty(1))


def loads(load: Callable[[], Load]) -> list[Load]:
    """A busy machine may answer nothing within a second: again until it has answered a few times."""
    found: list[Load] = []
    until(lambda: found.append(load()) or sum(each.calls for each in found) >= 8, what="eight answers")
    return found


@needs_wrk
@pytest.mark.django_db(transaction=True)
def test_a_call_that_goes_wrong_ends_the_benchmark(live_server):
    with pytest.raises(Conflict, match="calls went wrong"):
        Driver(live_server.url, "no key", ["u0"], ["i1"], connections=1).recommendations(1)


def test_half_the_load_by_pauses(monkeypatch):
    """8 connections at 400 a second take 20 ms a call; for 200 a second each call and its pause take 40 ms."""
    given = {}
    driver = Driver("", "", [], [], connections=8)
    monkeypatch.setattr(driver, "recommendations", lambda seconds, **more: given.update(more))
    serving.at_half(driver, Load(400.0, 10.0, 30.0, 8000))
    assert given == {"events": 0.05, "pause_ms": 35.0}


@pytest.mark.parametrize(
    ("figures", "good"),
    [
        ({"ratio": 0.25, "uncached_per_core": 150.0, "half_p99_ms": 60.0, "p50_ms": 25.0, "memory_mb": 700.0}, True),
        ({"ratio": 0.24}, False),
        ({"ratio": 0.3, "half_p99_ms": 61.0}, False),
        ({"ratio": 0.3, "memory_mb": 701.0}, False),
    ],
)
def test_every_bar_that_was_measured_must_hold(figures, good):
    assert serving.reached(figures) is good
