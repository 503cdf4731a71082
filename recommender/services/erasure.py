"""Erasing people: what they did, what they were shown, what was measured about them."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from recommender import hooks
from recommender.models import Attribute, Catalog, EndUser, ImportTrace, Impression, Interaction
from recommender.services import answers, audit, batches, forgetting, health, popular, rejected


def erase(*, catalog: Catalog, user_ids: Sequence[int]) -> None:
    """Erase people by database key, all traces or none.

    Files of metrics, and weights of recommenders that remember people, are written anew inside the transaction: should
    one fail, the rows come back and the call can be repeated. Impressions still waiting in Redis are dropped when they
    are written, as their person is gone.
    """
    with transaction.atomic():
        # Locked first: an event that arrives now waits, and then makes a new, bare person.
        locked = EndUser.objects.select_for_update().filter(catalog=catalog, pk__in=user_ids).order_by("pk")
        ids = dict(locked.values_list("pk", "client_id"))
        keys = list(ids)
        for listener in hooks.erasure_listeners:
            listener(catalog=catalog, user_ids=keys)
        ImportTrace.objects.filter(scope=Attribute.Scope.USER, key__in=keys).delete()
        Impression.objects.filter(user_id__in=keys).delete()
        Interaction.objects.filter(user_id__in=keys).delete()
        EndUser.objects.filter(pk__in=keys).delete()
        forgetting.forget_everywhere(catalog_id=catalog.pk, user_ids=keys)
        rejected.forget_people(catalog=catalog, client_ids=ids.values())
        health.forget(catalog=catalog)
        batches.drop_files(catalog=catalog)
        if keys:
            audit.note(catalog=catalog, action="erasure", details={"people": len(keys)})
    batches.drop_files(catalog=catalog)  # again: one taken up before the commit still read who is erased
    for each in hooks.after_erasure:
        each(catalog=catalog)
    popular.forget(catalog_id=catalog.pk)
    answers.forget(catalog_id=catalog.pk, person_ids=keys)
