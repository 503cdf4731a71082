"""Counters of this process for Prometheus; with PROMETHEUS_MULTIPROC_DIR set, of all web processes together.

recsite.web sets that for gunicorn before this module is loaded. What is true of the whole installation (queues, runs,
ages) is asked for when it is read, by recommender.scrape.
"""

from __future__ import annotations

from prometheus_client import Counter, Histogram

REQUESTS = Counter("recsite_requests_total", "Answered requests", ["route", "method", "status"])
LATENCY = Histogram(
    "recsite_request_seconds",
    "Seconds from a request's arrival to its answer",
    ["route"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
ANSWERS = Counter("recsite_answers_made_total", "Lists of recommendations made, without those kept", ["algorithm"])
