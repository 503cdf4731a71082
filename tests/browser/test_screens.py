"""Every page in Chromium: wide and narrow, light and dark, with data and without.

No page may scroll sideways on a phone, break the content-security policy, or write an error to the console; every
control has a name and every target a finger's size. SCREENSHOTS=folder keeps a picture of each.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from explain.models import Examination
from explain.services import examining
from recommender.models import Catalog, Item, Retraining, Run
from recommender.services import (
    batches,
    bulk_adaptation,
    deploying,
    health,
    importing,
    measuring,
    retraining,
    training,
)
from tests.recommender.pages import films, login

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SIZES = {"1440": (1440, 900), "390": (390, 844)}
SETTINGS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
LONG = "A very long title, as learned books had them, with Donaudampfschifffahrtselektrizitätenhauptbetriebswerk " * 3

AUDIT = Path(__file__).with_name("audit.js").read_text()


@dataclass
class Visitor:
    """A browser page that remembers what went wrong on the addresses it opened."""

    page: Any
    base: str
    scheme: str
    size: str
    wrong: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on(
            "console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def heard(self, said: Any) -> None:
        if said.type in ("error", "warning"):
            self.wrong.append(said.text)

    def open(self, path: str, status: int = 200) -> list[str]:
        """Open, wait for figures and fragments, look; returns what is wrong."""
        self.wrong.clear()
        answer = self.page.goto(self.base + path)
        if answer.status != status:
            return [f"{path}: status {answer.status}"]
        self.page.wait_for_function("() => document.fonts.status === 'loaded'")
        for plot in self.page.query_selector_all("[data-figure]"):
            plot.scroll_into_view_if_needed()
        self.page.wait_for_function("() => [...document.querySelectorAll('[data-figure]')].every(e => e.dataset.drawn)")
        self.page.wait_for_function("() => !document.querySelector('.htmx-request, [hx-trigger=load]')")
        expected = "Failed to load resource: the server responded with a status of 404"
        errors = [text for text in self.wrong if not (status == 404 and text.startswith(expected))]
        return [f"{path} ({self.size} {self.scheme}): {each}" for each in [*errors, *self.page.evaluate(AUDIT)]]

    def keep(self, name: str) -> None:
        folder = os.environ.get("SCREENSHOTS")
        if folder:
            self.page.evaluate("() => window.scrollTo(0, 0)")
            path = Path(folder) / f"{name}-{self.size}-{self.scheme}.png"
            self.page.screenshot(path=str(path), full_page=True)


@pytest.fixture
def catalog() -> Catalog:
    """Real runs (trained here), a very long title, a failed and a live run."""
    made = films()
    made.runs.filter(status=Run.Status.SUCCEEDED).delete()
    for algorithm in ("random", "popularity", "item_knn", "user_knn", "mf", "ridge_head", "prototypes"):
        more = {"preparation": PREPARED if algorithm == "popularity" else None}
        more |= {"config": SMALL[algorithm]} if algorithm in SMALL else {}
        training.execute_run(run_id=training.create_run(catalog=made, algorithm=algorithm, **more).pk)
    measuring.evaluate_run(run=made.runs.get(algorithm="item_knn"), protocol="cold-users", shots=2)
    for algorithm, shots in (("ridge_head", 0), ("ridge_head", 1), ("random", 0), ("random", 1)):
        measuring.evaluate_run(run=made.runs.get(algorithm=algorithm), protocol="cold-users", shots=shots)
    measuring.evaluate_run(run=made.runs.get(algorithm="ridge_head"), protocol="cold-items", shots=1)
    made.deployments.create(run=made.runs.filter(algorithm="random").get())
    made.deployments.create(run=made.runs.filter(algorithm="item_knn").get())
    operate(made)
    health.request(catalog=made)
    health.compute(catalog=made)
    Item.objects.filter(catalog=made, client_id="i3").update(title=LONG, categories=["Learned books " * 3] * 6)
    upload_to_decide(made)
    return made


SMALL = {
    "mf": {"epochs": 4},
    "ridge_head": {"epochs": 2, "width": 8, "features": 4, "factors": 4},
    "prototypes": {"epochs": 2, "factors": 4, "collaborative": 4, "use_text": False},
}
PREPARED = {
    "scale_high": 4, "min_person": 2, "gaps": "item.year=median", "choose": "mutual information", "columns": 2,
    "fuse": True, "components": 2, "busy": "iqr", "cast": True,
}  # fmt: skip


def operate(catalog: Catalog) -> None:
    """A batch with a file and one that waits, and a retraining that was decided."""
    batches.execute_batch(batch_id=batches.create_batch(catalog=catalog, n=3).pk)
    batches.create_batch(catalog=catalog, n=3, format="jsonl")
    run, against = (catalog.runs.filter(algorithm=name).get() for name in ("popularity", "item_knn"))
    row = Retraining.objects.create(catalog=catalog, run=run, against=against)
    retraining.decide(retraining_id=row.pk)


def upload_to_decide(catalog: Catalog) -> None:
    """An upload of which rows would be set aside."""
    rows = [f'p{n % 14},i{n % 9},{n % 6 or "many"},2024-05-{n % 28 + 1:02},"{LONG}"' for n in range(60)]
    content = "\n".join(["visitor,sku,stars,when,a column with a rather long name", *rows]).encode()
    upload = importing.store_upload(file=importing.File(io.BytesIO(content)), name="visits.csv")
    row = importing.create_import(
        catalog=catalog, source="visits.csv", upload=upload, options={"columns": None}, aim="preview"
    )
    importing.run_import(import_id=row.pk)


@pytest.fixture
def empty() -> Catalog:
    return Catalog.objects.create(name="empty", title="Empty shop")


@pytest.fixture(params=SETTINGS, ids=[f"{size}-{scheme}" for size, scheme in SETTINGS])
def visitor(request: pytest.FixtureRequest, browser: Any, live_server: Any) -> Iterator[Visitor]:
    size, scheme = request.param
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    visitor = Visitor(context.new_page(), live_server.url, scheme, size)
    visitor.listen()
    yield visitor
    context.close()


def sign_in(visitor: Visitor) -> None:
    """As a superuser, by a session of the database."""
    client = Client()
    client.force_login(login("superuser"))
    cookie = client.cookies["sessionid"].value
    assert SessionStore(cookie).exists(cookie)
    visitor.page.context.add_cookies([{"name": "sessionid", "value": cookie, "url": visitor.base}])


def addresses(catalog: Catalog) -> dict[str, str]:
    name, done = catalog.name, catalog.runs.filter(algorithm="item_knn").get().pk
    popular = catalog.runs.get(algorithm="popularity").pk
    measured = catalog.runs.get(pk=done).measurements.get()
    runs = "&".join(f"run={pk}" for pk in catalog.runs.filter(status="succeeded").values_list("pk", flat=True))
    return {
        "overview": f"/{name}/",
        "data": f"/{name}/data/",
        "import": f"/{name}/data/imports/{catalog.imports.get(status='succeeded').pk}/",
        "import-preview": f"/{name}/data/imports/{catalog.imports.get(status='previewed').pk}/",
        "import-undo": f"/{name}/data/imports/{catalog.imports.get(status='succeeded').pk}/undo/",
        "health": f"/{name}/data/health/",
        "runs": f"/{name}/runs/",
        "serving": f"/{name}/serving/",
        "runs-ratings": f"/{name}/runs/?metric=rmse",
        "train": f"/{name}/runs/new/",
        "configure": f"/{name}/runs/new/?algorithm=item_knn",
        "run": f"/{name}/runs/{done}/",
        "run-prepared": f"/{name}/runs/{catalog.runs.filter(algorithm='popularity').get().pk}/",
        "run-ratings": f"/{name}/runs/{catalog.runs.filter(algorithm='mf').get().pk}/",
        "run-groups": f"/{name}/runs/{done}/?by=popularity&metric=novelty@10#segments",
        "measurement": f"/{name}/runs/{done}/measurements/{measured.pk}/",
        "versus": f"/{name}/runs/{done}/versus/{popular}/",
        "run-live": f"/{name}/runs/{catalog.runs.get(status='running').pk}/",
        "run-failed": f"/{name}/runs/{catalog.runs.get(status='failed').pk}/",
        "people": f"/{name}/people/",
        "person": f"/{name}/people/p1/?k=5&{runs}",
        "items": f"/{name}/items/",
        "items-none": f"/{name}/items/?q=nothing",
        "item": f"/{name}/items/i3/",
        **cold_start(catalog),
        "tunings": f"/{name}/tuning/",
        "tuning": f"/{name}/tuning/{catalog.studies.get(status='succeeded').pk}/",
        "api": f"/{name}/api/",
        "audit": f"/{name}/audit/",
        "members": f"/{name}/members/",
    }


def cold_start(catalog: Catalog) -> dict[str, str]:
    """The lab before and after three answers, two recommenders side by side."""
    where, runs = f"/{catalog.name}/cold-start/", catalog.runs.filter(algorithm__in=("ridge_head", "prototypes"))
    two = "&".join(f"run={pk}" for pk in runs.values_list("pk", flat=True))
    return {
        "cold-start": where,
        "cold-start-answered": f"{where}?{two}&a=5:i1&a=2:i3&a=4:i5&is.age=33&q=Film",
        "cold-start-items": f"{where}?scenario=items&metric=mae_person",
        "cold-item": f"{where}item/?item=i1",
    }


def test_every_page_with_data(visitor: Visitor, catalog: Catalog) -> None:
    sign_in(visitor)
    wrong = []
    for name, path in {"home": "/", "catalog-new": "/catalogs/new/", "password": "/accounts/password/",
                       **addresses(catalog)}.items():  # fmt: skip
        wrong += visitor.open(path)
        visitor.keep(name)
    wrong += visitor.open(f"/{catalog.name}/items/none/", status=404)
    visitor.keep("missing")
    assert not wrong, "\n".join(wrong)


def test_every_page_of_an_empty_catalog(visitor: Visitor, empty: Catalog) -> None:
    sign_in(visitor)
    wrong = []
    for name in (
        "",
        "data/",
        "data/health/",
        "runs/",
        "runs/new/",
        "tuning/",
        "serving/",
        "people/",
        "items/",
        "cold-start/",
        "cold-start/item/",
        "api/",
        "audit/",
        "members/",
    ):
        wrong += visitor.open(f"/{empty.name}/{name}")
        visitor.keep(f"empty-{name.replace('/', '-').strip('-') or 'overview'}")
    assert not wrong, "\n".join(wrong)


def test_pages_of_what_adapts(visitor: Visitor) -> None:
    """A recommender in service that has adapted to everyone, a blend and a student."""
    made = films()
    small: dict[str, dict[str, Any]] = {
        "ridge_head": {"factors": 4, "width": 8, "features": 4, "epochs": 2},
        "blend": {"warm": "ease"},
        "student": {"factors": 8, "length": 8, "epochs": 2},
    }
    for algorithm, config in small.items():
        parents = [run.pk for run in made.runs.filter(algorithm="ridge_head", status="succeeded")]
        named = {} if algorithm == "ridge_head" else {"parents": parents}
        run = training.create_run(catalog=made, algorithm=algorithm, config=config | named)
        training.execute_with_parents(run_id=run.pk)
    runs = {run.algorithm: run for run in made.runs.filter(status="succeeded", algorithm__in=small)}
    deploying.deploy_run(run=runs["ridge_head"])
    for waits in (False, True):
        row = bulk_adaptation.create_adaptation(catalog=made)
        for shard in [] if waits else row.shards.all():
            bulk_adaptation.execute_shard(shard_id=shard.pk)
    sign_in(visitor)
    wrong = []
    for name, path in {"serving-adapting": "serving/", "runs-adapting": "runs/",
                       **{f"run-{name}": f"runs/{runs[name].pk}/" for name in small}}.items():  # fmt: skip
        wrong += visitor.open(f"/{made.name}/{path}")
        visitor.keep(name)
    assert not wrong, "\n".join(wrong)


def test_the_login_page(visitor: Visitor) -> None:
    wrong = visitor.open("/login/")
    visitor.keep("login")
    assert not wrong, "\n".join(wrong)


def test_the_admin_under_the_policy(visitor: Visitor, catalog: Catalog) -> None:
    sign_in(visitor)
    for path in ("", "recommender/item/", f"recommender/item/{catalog.items.first().pk}/change/",
                 "recommender/interaction/", "recommender/enduser/"):  # fmt: skip
        visitor.wrong.clear()
        assert visitor.page.goto(f"{visitor.base}/admin/{path}").status == 200
        visitor.keep(f"admin-{path.strip('/').replace('/', '-')}")
        assert not visitor.wrong


def test_pages_of_what_counts(visitor: Visitor) -> None:
    """Examined and not, of a network, of what is linear, of what ignores the person, and in plain words."""
    made = films()
    made.runs.filter(status=Run.Status.SUCCEEDED).delete()
    small = {"ease": {}, "gru": {"epochs": 1, "factors": 4, "width": 4}, "popularity": {}, "latest": {}}
    for algorithm, config in small.items():
        training.execute_run(run_id=training.create_run(catalog=made, algorithm=algorithm, config=config).pk)
    runs = {algorithm: made.runs.get(algorithm=algorithm) for algorithm in small}
    for algorithm in ("ease", "gru", "popularity"):
        row = examining.create_examination(run=runs[algorithm], kind="global")
        assert examining.execute_examination(examination_id=row.pk)
    Examination.objects.create(run=runs["latest"], kind="global", progress=0.4, phase="explaining recommendations")
    where, wrong = f"/{made.name}/explanations/", []
    sign_in(visitor)
    wrong += visitor.open(f"{where}parameters/")
    visitor.keep("parameters-none")
    made.deployments.create(run=runs["ease"])
    for name, path in {"parameters": "parameters/", **{f"what-counts-{name}": f"runs/{run.pk}/"
                       for name, run in runs.items()}}.items():  # fmt: skip
        wrong += visitor.open(where + path)
        visitor.keep(name)
    assert not wrong, "\n".join(wrong)
