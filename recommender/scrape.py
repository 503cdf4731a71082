"""/metrics: this installation in Prometheus' text format, for those who may read it."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from recommender.models import Catalog
from recommender.selectors import runs
from recommender.services import answers, monitoring

LOOPBACK = frozenset({"127.0.0.1", "::1"})
FORWARDED = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Forwarded")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Counters of all web processes, and the state of queues, runs, recommenders and data."""
    if not may_read(request):
        return HttpResponse("Metrics are for this machine, or for whoever sends the token.\n", "text/plain", 403)
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)
        counted = generate_latest(registry)
    else:
        counted = generate_latest(REGISTRY)
    state = CollectorRegistry()
    state.register(State())
    return HttpResponse(counted + generate_latest(state), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """With METRICS_TOKEN whoever sends it as a bearer token; without it, who asks from this machine, not by a proxy."""
    if settings.METRICS_TOKEN:
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(sent.encode(), settings.METRICS_TOKEN.encode())
    passed_on = any(name in request.headers for name in FORWARDED)
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not passed_on


class State:
    """What is asked for at the moment of reading."""

    def collect(self) -> Iterator[Any]:
        servers, workers = monitoring.server_status(), monitoring.worker_status()
        yield gauge("recsite_server_up", "Whether a server answers", ["server"],
                    {(name,): float(each["ok"]) for name, each in servers.items()})  # fmt: skip
        yield gauge("recsite_queue_depth", "Tasks that wait", ["queue"],
                    {(name,): depth for name, depth in monitoring.queue_depths().items()})  # fmt: skip
        yield gauge("recsite_workers", "Workers heard of just now", [],
                    {(): float(sum(each["alive"] for each in workers))})  # fmt: skip
        if servers["database"]["ok"]:
            yield from self.of_the_database()
        yield from cached()

    def of_the_database(self) -> Iterator[Any]:
        yield gauge("recsite_live_runs", "Runs that wait or train", [], {(): float(len(runs.live_runs()))})
        yield gauge("recsite_deployed_model_age_seconds", "Seconds since the serving run was trained",
                    ["catalog", "algorithm"],
                    {(run["catalog"], run["algorithm"]): run["model_age"] for run in runs.deployed_runs()})  # fmt: skip
        yield gauge("recsite_newest_interaction_age_seconds", "Seconds since the newest interaction", ["catalog"],
                    {(name,): age for name, age in newest().items()})  # fmt: skip


def newest() -> dict[str, float | None]:
    """Age of each catalog's newest interaction, asked for at most once a minute: it reads all of them."""

    def read() -> dict[str, float | None]:
        return {catalog.name: runs.data_age(catalog=catalog)["newest_age"] for catalog in Catalog.objects.all()}

    found: dict[str, float | None] = cache.get_or_set("metrics:newest", read, 60) or {}
    return found


def gauge(name: str, words: str, labels: list[str], values: dict[tuple[str, ...], float | None]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for label, value in values.items():
        if value is not None:
            family.add_metric(list(label), value)
    return family


def cached() -> Iterator[CounterMetricFamily]:
    hits, misses = answers.counts()
    family = CounterMetricFamily("recsite_answer_cache", "Answers taken from the cache or made", labels=["result"])
    family.add_metric(["hit"], hits)
    family.add_metric(["miss"], misses)
    yield family


urlpatterns = [path("metrics", metrics, name="metrics")]
