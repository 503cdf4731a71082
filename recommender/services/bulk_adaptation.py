"""Adapting a recommender to everyone who is new or has changed: in shards, each carried out by a worker under a lease.

A shard goes through its people by key and stores what it adapts part by part, with how far it is: a worker that takes
it up after another died goes on there, and whoever has not changed is passed over. Whoever wants one worked on calls
recommender.tasks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from django.db import connection, transaction

from recommender.algorithms import registry
from recommender.algorithms.adapted import pack
from recommender.exceptions import BadInput, Conflict
from recommender.models import Adaptation, AdaptationShard, Catalog, Run
from recommender.selectors import adapted as select
from recommender.selectors import serving
from recommender.selectors.dataset import load_histories
from recommender.services import loaded, work
from recommender.services.adaptation import Fresh, adapts, keep, label_of
from recommender.services.deploying import Served
from recommender.services.leases import Lease
from recommender.services.recording import lasting

SHARD = 10_000
"""People in a shard."""
PART = 500
"""People adapted to between two looks at whether the lease still holds."""
EDGES = """
    SELECT id FROM (
        SELECT id, row_number() OVER (ORDER BY id) AS place FROM recommender_enduser WHERE catalog_id = %s
    ) counted WHERE place %% %s = 0 ORDER BY id
"""
LAST = 2**63 - 1


def create_adaptation(*, catalog: Catalog, run_id: int | None = None, by: Any = None) -> Adaptation:
    """Shards that wait, of the deployed run unless another finished one is named. Raises BadInput naming the field;
    Conflict where nothing is in service, the run does not adapt, or it is being adapted already."""
    wanted = run_id if run_id is not None else serving.deployed_run(catalog.pk)
    if wanted is None:
        raise Conflict("Nothing is in service. Deploy a run that adapts first, or name one.")
    run = serving.succeeded_run(catalog.pk, wanted) if wanted < 2**63 else None
    if run is None:
        raise BadInput(f"There is no finished run {wanted} in this catalog.", field="run")
    if run.algorithm not in registry.ADAPTABLE:
        able = ", ".join(sorted(registry.ADAPTABLE))
        raise Conflict(f"{run} does not adapt to people; {able} do.")
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=run.pk)  # two clicks at once go one after the other
        if AdaptationShard.objects.filter(adaptation__run=run, status__in=AdaptationShard.LIVE).exists():
            raise Conflict(f"{run} is being adapted already.")
        made = Adaptation.objects.create(catalog=catalog, run=run, created_by=by)
        lows = [0, *(edge + 1 for edge in _edges(catalog.pk))]
        highs = [low - 1 for low in lows[1:]] + [LAST]
        AdaptationShard.objects.bulk_create(
            AdaptationShard(adaptation=made, low=low, high=high, phase="waiting", created_by=by)
            for low, high in zip(lows, highs, strict=True)
        )
    return made


def _edges(catalog_id: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(EDGES, [catalog_id, SHARD])
        return [row[0] for row in cursor.fetchall()]


def cancel_adaptation(*, adaptation: Adaptation) -> None:
    """Stop what waits at once and what is worked on within seconds; who was adapted to stays so. Raises Conflict where
    it is over."""
    stopped = [work.stop(row=shard) for shard in adaptation.shards.all()]
    if not any(stopped):
        raise Conflict("This is over; there is nothing to cancel.")


def execute_shard(*, shard_id: int) -> bool:
    """Carry one out, from where it was left. False, nothing being done, where another holds it or it is over."""
    return work.execute(kind=AdaptationShard, row_id=shard_id, do=_carry_out)


def _carry_out(lease: Lease) -> None:
    shard = AdaptationShard.objects.select_related("adaptation").get(pk=lease.run_id)
    adaptation = shard.adaptation
    served = loaded.get(adaptation.run_id)
    catalog_id, label = adaptation.catalog_id, label_of(served)
    reached = shard.low - 1 if shard.reached is None else shard.reached
    people, adapted = shard.people, shard.adapted
    total = max(1, select.count(catalog_id, low=shard.low, high=shard.high))
    while part := select.marked(catalog_id, served.run_id, label=label, after=reached, high=shard.high, most=PART):
        adapted += _adapt(served, catalog_id, label, part)
        reached, people = part[-1].key, people + len(part)
        standing = {"reached": reached, "people": people, "adapted": adapted, "progress": min(0.99, people / total)}
        lasting(lambda standing=standing: lease.write(phase="adapting to people", **standing))  # type: ignore[misc]
    work.succeeded(lease, people=people, adapted=adapted)


def _adapt(served: Served, catalog_id: int, label: str, part: list[select.Marked]) -> int:
    """Adapt to those of `part` who are new or have changed; how many that were. Marks were read before histories: what
    comes in between makes a state that is not used, never a wrong one."""
    changed = [each for each in part if not each.current and adapts(served, each.events)]
    if not changed:
        return 0
    histories = load_histories(catalog_id=catalog_id, users=[each.key for each in changed], items=served.items)
    model: Any = served.model
    found = model.adapt(histories)
    fresh = [Fresh(each.key, each.newest, label + each.mark, pack(found, row)) for row, each in enumerate(changed)]
    lasting(lambda: keep(run_id=served.run_id, states=fresh))
    return len(changed)


def standing(*, adaptation: Adaptation) -> dict[str, Any]:
    """{"status", "progress", "people", "adapted", "shards", "error"} of all its shards together."""
    shards = list(adaptation.shards.all())
    statuses = {shard.status for shard in shards}
    order = ("running", "queued", "failed", "cancelled", "succeeded")
    status = next((each for each in order if each in statuses), "succeeded")
    if status == "queued" and "succeeded" in statuses:
        status = "running"
    return {
        "status": status,
        "progress": float(np.mean([shard.progress for shard in shards])) if shards else 1.0,
        "people": sum(shard.people for shard in shards),
        "adapted": sum(shard.adapted for shard in shards),
        "shards": len(shards),
        "error": next((shard.error for shard in shards if shard.error), ""),
    }


def due() -> list[Catalog]:
    """Catalogs whose deployed run adapts."""
    found = []
    for catalog in Catalog.objects.order_by("pk"):
        run_id = serving.deployed_run(catalog.pk)
        if run_id is not None and Run.objects.filter(pk=run_id, algorithm__in=registry.ADAPTABLE).exists():
            found.append(catalog)
    return found
