"""A catalog with people, items and events, keys of every scope, logins of every group, and trained runs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import Group, User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client

from recommender.algorithms import checkpoint, registry
from recommender.algorithms.base import Recommender
from recommender.data.dataset import Dataset
from recommender.models import Catalog, Checkpoint, Deployment, Item, Run
from recommender.rights import GROUPS
from recommender.selectors.dataset import load_dataset
from recommender.services import feedback, keys, loaded
from recommender.services.feedback import Event
from tests.recommender.api.support import NOW, Api

QUICK = {
    "sasrec": {"epochs": 2, "factors": 16, "blocks": 1},
    "gru": {"epochs": 2, "factors": 16},
    "ials": {"iterations": 2, "factors": 8},
    "item2vec": {"epochs": 2, "factors": 8},
    "fm": {"epochs": 2, "factors": 8},
    "ncf": {"epochs": 2, "factors": 8, "hidden": 8},
    "mf": {"epochs": 2, "factors": 8},
    "student": {"teacher": "ease", "epochs": 2, "factors": 16},
    "blend": {"cold": "prototypes", "warm": "ease", "threshold": 3.0, "sharpness": 2.0},
    "reranked": {"of": "ease"},
    "prototypes": {"epochs": 2, "factors": 8, "collaborative": 8, "use_text": False},
}


@pytest.fixture(autouse=True)
def nothing_loaded() -> None:
    """Database keys repeat between tests; what was loaded for one must not serve another."""
    loaded.forget()


@pytest.fixture
def catalog(db: None) -> Catalog:
    return Catalog.objects.create(name="films")


@pytest.fixture
def other(db: None) -> Catalog:
    return Catalog.objects.create(name="songs")


@pytest.fixture
def api(catalog: Catalog) -> Callable[..., Api]:
    """`api("write")` is a client with a key of that scope to `catalog` (or to the one given)."""

    def make(scope: str = "manage", *, to: Catalog = catalog, creates_unknown: bool = True) -> Api:
        made = keys.create(catalog=to, name=scope, scope=scope, creates_unknown=creates_unknown)
        return Api({"X-API-Key": made.secret})

    return make


@pytest.fixture
def logins(catalog: Catalog) -> dict[str, Client]:
    """A logged-in browser per group, and one of a member without a group, of a superuser and of a non-member."""
    found = {}
    for name in [*GROUPS, "no group", "superuser", "no member"]:
        login = User.objects.create_user(name, is_superuser=name == "superuser")
        if name in GROUPS or name == "no member":
            login.groups.add(Group.objects.get_or_create(name=name if name in GROUPS else GROUPS[0])[0])
        if name not in ("superuser", "no member"):
            catalog.members.add(login)
        found[name] = Client()
        found[name].force_login(login)
    return found


@pytest.fixture
def filled(catalog: Catalog) -> Catalog:
    """24 items of two kinds and 30 people who walk through one half of them in order, 6 steps each."""
    fill(catalog)
    return catalog


def fill(catalog: Catalog, *, items: int = 24, people: int = 30, steps: int = 6) -> None:
    half = items // 2
    Item.objects.bulk_create(
        Item(catalog=catalog, client_id=f"i{at}", title=f"Title {at}", categories=["Comedy" if at < half else "Drama"])
        for at in range(items)
    )
    events = []
    for person in range(people):
        for step in range(steps):
            item = (person % 2) * half + (person + step) % half
            time = NOW.replace(hour=person % 24, minute=step)
            events.append(Event(f"u{person}", f"i{item}", "rating", 4.0, time))
    taken = feedback.record(catalog=catalog, events=list(enumerate(events)))
    assert taken.accepted == people * steps


def fitted(algorithm: str, data: Dataset, **config: Any) -> Recommender:
    """A recommender trained quickly, after those it is made of."""
    settings = registry.config_class(algorithm).from_mapping(QUICK.get(algorithm, {}) | config)
    parents = {name: fitted(name, data) for name in registry.parents(algorithm, settings)}
    made = registry.create(algorithm, settings)
    return made.fit(data, parents=parents or None, rng=np.random.default_rng(0), report=lambda *_: None)


@pytest.fixture
def deploy() -> Callable[..., Run]:
    """Trains an algorithm on what a catalog holds now, and puts it into service (unless `serve` is false)."""

    def make(catalog: Catalog, algorithm: str, *, serve: bool = True, **config: Any) -> Run:
        run = Run.objects.create(catalog=catalog, algorithm=algorithm, status=Run.Status.SUCCEEDED, progress=1)
        data = load_dataset(catalog_id=catalog.pk)
        made = fitted(algorithm, data, **config)
        kept = checkpoint.Checkpoint(algorithm, made.config, data.items, made.state())
        folder = f"runs/{run.pk}/final-{uuid.uuid4().hex}"
        for name, content in zip(("weights.safetensors", "about.json"), checkpoint.dump(kept), strict=True):
            default_storage.save(f"{folder}/{name}", ContentFile(content))
        Checkpoint.objects.create(run=run, purpose=Checkpoint.Purpose.FINAL, path=folder)
        if serve:
            Deployment.objects.create(catalog=catalog, run=run)
        return run

    return make
