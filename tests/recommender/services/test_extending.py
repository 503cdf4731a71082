"""What came after a training is recommended by a recommender that knows items by their text."""

from __future__ import annotations

import uuid

import pytest
from django.core.files.storage import default_storage

from recommender.models import Catalog, Interaction, Run
from recommender.services import batches, encoding, loaded, serving, training
from recommender.services.deploying import deploy_run
from tests.recommender.services.catalogs import START, catalog_of
from tests.support import until

pytestmark = pytest.mark.django_db(transaction=True)
SPACE, COOKING = "A crew of astronauts flies a spaceship to Mars.", "A chef opens a restaurant and cooks for the town."


@pytest.fixture
def films() -> Catalog:
    films = catalog_of([[0, 2, 4], [1, 3, 5], [0, 2], [1, 3]], 8)
    for number, item in enumerate(films.items.order_by("id")):
        item.description = COOKING if number % 2 else SPACE
        item.save()
    return films


@pytest.fixture
def run(films: Catalog) -> Run:
    run = training.create_run(catalog=films, algorithm="content")
    training.execute_run(run_id=run.pk)
    deploy_run(run=Run.objects.get(pk=run.pk))
    loaded.forget()
    return run


def first(films: Catalog, user: str) -> str:
    answer = serving.recommend(serving.Question(films.pk, user, n=1, noted=False))
    assert answer.algorithm == "content"
    return answer.items[0].item


def test_a_new_item_is_recommended_to_those_it_fits_once_its_text_is_read(films: Catalog, run: Run):
    before, other = first(films, "p2"), first(films, "p3")
    assert (before in {"i4", "i6"}, other in {"i5", "i7"}) == (True, True)
    films.items.create(client_id="new", title="Film 0", description=SPACE)
    assert first(films, "p2") == before
    encoding.ensure_vectors(catalog_id=films.pk)
    until(lambda: first(films, "p2") == "new", 10, "the new item")
    assert first(films, "p3") == other
    films.items.filter(client_id="new").update(hidden=True)
    until(lambda: first(films, "p2") == before, 10, "hiding the new item")


def test_a_file_of_lists_has_new_items_as_answers_have_them(films: Catalog, run: Run):
    films.items.create(client_id="new", title="Film 0", description=SPACE)
    encoding.ensure_vectors(catalog_id=films.pk)
    row = batches.create_batch(catalog=films, n=1)
    assert batches.execute_batch(batch_id=row.pk)
    row.refresh_from_db()
    lines = default_storage.open(row.path).read().decode().splitlines()
    assert next(line for line in lines if line.startswith("p2,")).split(",")[1] == "new"
    assert next(line for line in lines if line.startswith("p3,")).split(",")[1] in {"i5", "i7"}


def test_an_answer_is_not_kept_while_items_may_be_missing(films: Catalog, run: Run):
    question = serving.Question(films.pk, "p2", n=1, noted=False)
    assert serving.recommend(question).label
    films.items.create(client_id="new", title="A spaceship", description=SPACE)
    assert not serving.recommend(question).label
    until(lambda: serving.recommend(question).label, 10, "the look at the new items")


def test_a_history_of_new_items_alone_is_understood(films: Catalog, run: Run):
    item = films.items.create(client_id="new", title="Soup", description=COOKING)
    user = films.users.create(client_id="fresh")
    encoding.ensure_vectors(catalog_id=films.pk)
    event = {"kind": "view", "event_key": uuid.uuid4(), "time": START}
    Interaction.objects.create(catalog=films, user=user, item=item, **event)
    until(lambda: serving.recommend(serving.Question(films.pk, "fresh", n=3)).algorithm == "content", 10, "content")
    listed = {each.item for each in serving.recommend(serving.Question(films.pk, "fresh", n=3)).items}
    assert listed <= {"i1", "i3", "i5", "i7"}
