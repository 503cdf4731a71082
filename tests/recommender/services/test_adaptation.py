"""Adapting within a request: reused until something changes, gone with the person and with the run."""

from __future__ import annotations

import numpy as np
import pytest

from recommender.models import AdaptedState, Attribute, EndUser, Interaction
from recommender.selectors import hot
from recommender.services import adaptation, erasure, loaded, retention, serving
from tests.recommender.api.conftest import (  # noqa: F401 (fixtures)
    api,
    catalog,
    deploy,
    filled,
    nothing_loaded,
    other,
)  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(transactional_db, filled, deploy):  # noqa: F811
    return deploy(filled, "prototypes")


def asked(catalog, user="u3", **more):  # noqa: F811
    return serving.recommend(serving.Question(catalog.pk, user, n=5, **more))


def items(answer):
    return [each.item for each in answer.items]


def test_a_state_is_stored_and_reused_until_an_event_comes(filled, run, api, monkeypatch):  # noqa: F811
    first = asked(filled)
    state = AdaptedState.objects.get(run=run, user__client_id="u3")
    assert state.last_event == max(Interaction.objects.filter(user__client_id="u3").values_list("id", flat=True))
    assert len(bytes(state.payload)) < 1000
    model, calls = loaded.get(run.pk).model, []
    adapt = model.adapt
    monkeypatch.setattr(model, "adapt", lambda support: calls.append(len(support.items)) or adapt(support))
    assert items(asked(filled)) == items(first) and not calls
    api("write").post("events", body={"user": "u3", "item": "i20", "kind": "rating", "value": 5})
    after = asked(filled)
    assert calls == [7] and "i20" not in items(after)
    assert [each.score for each in after.items] != [each.score for each in first.items]
    asked(filled)
    assert calls == [7]


def test_the_answer_is_that_of_the_history_itself(filled, run):  # noqa: F811
    """Stored or not, by the state or by the events."""
    model, person = loaded.get(run.pk), hot.person(filled.pk, "u3")
    fresh, stored = asked(filled), asked(filled)
    histories = serving.select.as_histories(
        person.past, model.items.positions(person.past.items), context={}, now=0.0, attributes={}
    )
    scores = dict(zip(model.items.keys.tolist(), model.model.score(histories)[0].tolist(), strict=True))
    keys = dict(filled.items.values_list("client_id", "id"))
    for answer in (fresh, stored):
        assert [each.score for each in answer.items] == pytest.approx(
            [scores[keys[each.item]] for each in answer.items]
        )


def test_a_state_of_other_weights_or_damaged_is_not_used(filled, run):  # noqa: F811
    first = asked(filled)
    AdaptedState.objects.update(payload=b"AS1damaged")
    assert items(asked(filled)) == items(first)
    AdaptedState.objects.update(mark="other:1")
    assert items(asked(filled)) == items(first)
    assert AdaptedState.objects.get().mark != "other:1"


def test_what_is_said_of_the_moment_is_not_stored(filled, run):  # noqa: F811
    asked(filled, context={"weather": "rain"})
    assert not AdaptedState.objects.exists()


def test_erasing_takes_the_states_along(filled, run):  # noqa: F811
    asked(filled), asked(filled, "u4")
    erasure.erase(catalog=filled, user_ids=[EndUser.objects.get(client_id="u3").pk])
    assert list(AdaptedState.objects.values_list("user__client_id", flat=True)) == ["u4"]


def test_nothing_is_kept_of_someone_erased_while_they_were_adapted_to(filled, run):  # noqa: F811
    person = hot.person(filled.pk, "u3")
    erasure.erase(catalog=filled, user_ids=[person.id])
    adaptation.keep(run_id=run.pk, states=[adaptation.Fresh(person.id, 1, "m", b"x")])
    assert not AdaptedState.objects.exists()


def test_deleting_the_run_takes_its_states_along(filled, run, deploy):  # noqa: F811
    asked(filled)
    other_run = deploy(filled, "ease")
    retention.delete_run(run=run)
    assert not AdaptedState.objects.exists() and other_run.pk


def test_someone_of_whom_only_attributes_are_known_gets_a_list(filled, deploy):  # noqa: F811
    Attribute.objects.create(catalog=filled, scope="user", name="age", type="category", feature=True)
    for at, user in enumerate(EndUser.objects.order_by("id")):
        EndUser.objects.filter(pk=user.pk).update(attributes={"age": "young" if at % 2 else "old"})
    run = deploy(filled, "ridge_head", epochs=2, factors=4, width=8, features=4)
    EndUser.objects.create(catalog=filled, client_id="told", attributes={"age": "young"})
    EndUser.objects.create(catalog=filled, client_id="untold")
    told, untold = asked(filled, "told"), asked(filled, "untold")
    assert (told.run, told.items[0].reason.code) == (run.pk, "attributes")
    assert (untold.run, untold.items[0].reason.code) == (None, "popular")
    assert AdaptedState.objects.get().last_event is None
    assert asked(filled, "told", profiled=False).run is None


def test_one_who_does_not_adapt_stores_nothing(filled, deploy):  # noqa: F811
    deploy(filled, "ease")
    asked(filled)
    assert not AdaptedState.objects.exists()
    assert np.isfinite([each.score for each in asked(filled).items]).all()
