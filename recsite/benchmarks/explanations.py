"""Explanations in requests on MovieLens-1M: what a client of the API waits for, of linear recommenders and of sasrec.

The catalog is imported for this; each recommender is deployed as a run, and people's first items are asked about over
the API in this process, without a web server around it, one core. Nothing is answered from what was kept before. The
peer is the list that is explained: a recommendation asked for in the same way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from django.conf import settings
from django.test import Client, override_settings

from explain.models import Explanation
from recommender.algorithms.base import Recommender
from recommender.algorithms.checkpoint import Checkpoint as Content
from recommender.data.dataset import Dataset
from recommender.data.splits import leave_last_out
from recommender.models import Catalog, Deployment, EndUser, Run
from recommender.selectors.dataset import load_dataset
from recommender.services import checkpoints, encoding, keys, loaded
from recsite.benchmarks import Say
from recsite.benchmarks.adaptation import threads
from recsite.benchmarks.ensemble import catalog_1m
from recsite.benchmarks.trained_1m import trained_1m

EXACT = ("ease", "item_knn", "ials", "content")
NEURAL = "sasrec"
MILLISECONDS, GAP = 20.0, 1e-5
"""Bars of the exact methods: half of the requests, and the largest gap in parts of the score."""
ASKED = 200
"""People who are asked about, evenly spread."""


def run(say: Say) -> dict[str, Any]:
    """ours: the slowest exact method's median, peer: the median of a list by ease; a row per recommender, with and
    without the search for a counterfactual."""
    with catalog_1m("benchmark-explanations", say) as catalog, threads(1), unlimited():
        encoding.ensure_vectors(catalog_id=catalog.pk, newest=None, report=lambda *_: None)
        dataset = load_dataset(catalog_id=catalog.pk, text=True)
        client = client_of(catalog)
        rows = [measured(name, catalog, dataset, client, say) for name in (*EXACT, NEURAL)]
    exact = [row for row in rows if row["algorithm"] in EXACT]
    ours = max(row["p50 ms"] for row in exact)
    peer = next(row["list p50 ms"] for row in rows if row["algorithm"] == "ease")
    reached = all(row["reached"] for row in exact)
    figures = {"ours": ours, "peer": peer, "ratio": ours / peer, "unit": "ms"}
    return figures | {"bars": [MILLISECONDS, GAP], "reached": reached, "rows": rows}


def measured(name: str, catalog: Catalog, dataset: Dataset, client: Client, say: Say) -> dict[str, Any]:
    """Milliseconds to answer, and the largest gap in parts of the score."""
    model = trained_1m(name, leave_last_out(dataset), say)
    deployed(name, model, catalog, dataset)
    asked = list(questions(catalog, client))
    lists = [seconds(client, f"/api/v1/users/{user}/recommendations/")[0] for user, _ in asked]
    plain = [seconds(client, address(user, item, counterfactual="off")) for user, item in asked]
    Explanation.objects.filter(run__catalog=catalog).delete()
    searched = [seconds(client, address(user, item)) for user, item in asked]
    gaps = [found["gap"] / max(abs(found["prediction"]), 1e-12) for _, found in plain]
    half, most = np.percentile([1000 * taken for taken, _ in plain], [50, 99])
    with_search = np.percentile([1000 * taken for taken, _ in searched], [50, 99])
    row = {
        "algorithm": name, "method": plain[0][1]["method"], "p50 ms": round(float(half), 2),
        "p99 ms": round(float(most), 2), "with counterfactual p50 ms": round(float(with_search[0]), 2),
        "with counterfactual p99 ms": round(float(with_search[1]), 2),
        "list p50 ms": round(1000 * float(np.median(lists)), 2), "largest gap": max(gaps),
    }  # fmt: skip
    say(", ".join(f"{what} {value}" for what, value in row.items()))
    exact = name in EXACT
    return row | {"reached": not exact or (half <= MILLISECONDS and max(gaps) <= GAP)}


def deployed(name: str, model: Recommender, catalog: Catalog, dataset: Dataset) -> Run:
    """A run that serves, with these weights."""
    run = Run.objects.create(catalog=catalog, algorithm=name, status=Run.Status.SUCCEEDED, progress=1)
    content = Content(name, model.config, dataset.items, model.state())
    checkpoints.save_checkpoint(
        run_id=run.pk, purpose="final", phase="", epoch=0, content=content, together=lambda: None
    )  # fmt: skip
    Deployment.objects.create(catalog=catalog, run=run)
    loaded.get(run.pk)
    return run


def questions(catalog: Catalog, client: Client) -> Iterator[tuple[str, str]]:
    """People, evenly spread, each with the first item of their list."""
    ids = list(EndUser.objects.filter(catalog=catalog).order_by("id").values_list("client_id", flat=True))
    for at in np.unique(np.linspace(0, len(ids) - 1, ASKED).astype(np.int64)):
        found = client.get(f"/api/v1/users/{ids[at]}/recommendations/?n=1").json()
        if found["items"]:
            yield ids[at], found["items"][0]["item"]


def address(user: str, item: str, **query: str) -> str:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return f"/api/v1/users/{user}/recommendations/{item}/explanation/?{asked}"


def seconds(client: Client, where: str) -> tuple[float, Mapping[str, Any]]:
    started = time.perf_counter()
    answer = client.get(where)
    taken = time.perf_counter() - started
    if answer.status_code != 200:
        raise RuntimeError(f"{where} answered {answer.status_code}: {answer.content[:300]!r}")
    return taken, answer.json()


def client_of(catalog: Catalog) -> Client:
    made = keys.create(catalog=catalog, name="benchmark", scope="read")
    return Client(headers={"X-API-Key": made.secret})


@contextmanager
def unlimited() -> Iterator[None]:
    """Without throttling, every answer made anew."""
    rest = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"key": "10000000/min", "login": "10000000/min"}}
    with override_settings(ALLOWED_HOSTS=["*"], ANSWER_SECONDS=0, REST_FRAMEWORK=rest):
        yield
