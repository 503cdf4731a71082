"""A run from its making to its end: what it leaves behind, how it stops, how it fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.utils import OperationalError

from recommender.algorithms import registry
from recommender.algorithms.popularity import Popularity
from recommender.exceptions import BadConfig, BadInput, Conflict, UnknownAlgorithm
from recommender.models import Catalog, Checkpoint, EndUser, Run
from recommender.services.checkpoints import load_checkpoint
from recommender.services.deploying import deploy_run
from recommender.services.erasure import erase
from recommender.services.evaluating import person_metrics
from recommender.services.training import cancel_run, create_run, execute_run
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from, catalog_of
from tests.support import until

pytestmark = pytest.mark.django_db(transaction=True)
HOOK: dict[str, Callable[[int], None]] = {"epoch": lambda epoch: None}
"""What `steps` does at the start of each epoch."""


class Steps(Popularity):
    """Popularity in epochs: each adds a number drawn from the generator, as a neural recommender would."""

    uses_validation = True
    epochs = 4

    def fit(self, train: Any, *, resume: Any = None, rng: np.random.Generator, report: Any, **_: Any) -> Steps:
        weights, done = np.zeros(train.n_items, dtype=np.float32), 0
        if resume is not None:
            weights, done = resume["weights"], int(resume["done"][0])
        draws = rng.random((self.epochs, train.n_items)).astype(np.float32)
        for epoch in range(done, self.epochs):
            HOOK["epoch"](epoch)
            weights = weights + draws[epoch]
            state = {"weights": weights, "done": np.array([epoch + 1])}
            report((epoch + 1) / self.epochs, {"loss": float(weights.sum())}, state)
        self._weights = weights
        return self


@pytest.fixture
def films() -> Catalog:
    return catalog_from(blocks())


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Registers the algorithm `steps`; call it to say what happens at the start of each epoch."""
    monkeypatch.setitem(registry.ALGORITHMS, "steps", "")
    monkeypatch.setattr(registry, "get", lambda name, known=registry.get: Steps if name == "steps" else known(name))
    return lambda hook: monkeypatch.setitem(HOOK, "epoch", hook)


def trained(catalog: Catalog, algorithm: str = "popularity", **given: Any) -> Run:
    run = create_run(catalog=catalog, algorithm=algorithm, **given)
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    return run


def test_a_run_spells_out_its_configuration(films: Catalog):
    run = create_run(catalog=films, algorithm="popularity", config={"half_life_days": "30"}, seed=3)
    assert (run.config, run.seed, run.status) == ({"half_life_days": 30.0}, 3, "queued")
    assert run.code_version


@pytest.mark.parametrize(
    ("given", "error", "field"),
    [
        ({"algorithm": "magic"}, UnknownAlgorithm, "algorithm"),
        ({"config": {"half_life": 1}}, BadConfig, "half_life"),
        ({"config": {"half_life_days": -1}}, BadConfig, "half_life_days"),
        ({"seed": -1}, BadInput, "seed"),
        ({"seed": 2**63}, BadInput, "seed"),
        ({"seed": True}, BadInput, "seed"),
    ],
)
def test_nonsense_is_refused_by_name_and_leaves_no_run(films: Catalog, given: Any, error: type, field: str):
    with pytest.raises(error) as caught:
        create_run(**({"catalog": films, "algorithm": "popularity"} | given))
    assert caught.value.field == field
    assert not Run.objects.exists()


def test_a_finished_run_keeps_metrics_checkpoints_durations_and_memory(films: Catalog):
    run = trained(films, "ease")
    assert (run.status, run.progress, run.error, run.people) == ("succeeded", 1.0, "", 60)
    ndcg = run.metrics["ndcg@10"]
    assert ndcg["low"] <= ndcg["value"] <= ndcg["high"]
    assert {"hit@5", "recall@20", "coverage@10"} <= set(run.metrics)
    assert set(run.durations) == {"load", "measured", "measure", "refit"}
    assert run.peak_memory > 10_000_000
    assert len(run.data_fingerprint) == 64
    assert {row.purpose for row in run.checkpoints.all()} == {"measured", "final"}
    assert run.finished >= run.started


def test_metrics_per_person_carry_database_ids_and_agree_with_the_summary(films: Catalog):
    run = trained(films, "ease")
    table = person_metrics(run=run)
    assert set(table["user"]) == set(films.users.values_list("id", flat=True))
    assert table["ndcg@10"].mean() == pytest.approx(run.metrics["ndcg@10"]["value"])


def test_what_serves_has_learned_from_everything_and_knows_items_by_their_keys(films: Catalog):
    run = trained(films)
    measured, final = (load_checkpoint(run_id=run.pk, purpose=purpose) for purpose in ("measured", "final"))
    assert final.state["weights"].sum() == 60 * 8
    assert measured.state["weights"].sum() == 60 * 7
    assert final.items.keys.tolist() == list(films.items.order_by("id").values_list("id", flat=True))


def test_a_run_delivered_again_does_nothing(films: Catalog):
    run = trained(films)
    finished = run.finished
    assert not execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.finished, run.attempts) == (finished, 1)
    assert not execute_run(run_id=run.pk + 1)


def test_each_epoch_is_a_row_of_the_curve(films: Catalog, steps: Callable[..., None]):
    run = trained(films, "steps")
    assert [(row["phase"], row["epoch"]) for row in run.curve] == [
        (phase, epoch) for phase in ("choosing", "measured", "refit") for epoch in (1, 2, 3, 4)
    ]
    assert all(row["loss"] > 0 and row["seconds"] >= 0 for row in run.curve)


def test_of_two_workers_that_get_the_same_run_one_trains(films: Catalog):
    run = create_run(catalog=films, algorithm="popularity")
    start, answers = threading.Barrier(4), []

    def work() -> None:
        start.wait()
        answers.append(execute_run(run_id=run.pk))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    run.refresh_from_db()
    assert sorted(answers) == [False, False, False, True]
    assert (run.status, run.attempts) == ("succeeded", 1)


class Power(BaseException):
    """The process is gone: nothing is tidied up."""


@pytest.mark.parametrize("stop", [1, 5, 9, 11])
def test_a_run_that_died_continues_where_it_was_and_ends_as_if_nothing_had_been(
    films: Catalog, steps: Callable[..., None], stop: int
):
    whole, epochs = trained(films, "steps", seed=7), []

    def die(epoch: int) -> None:
        epochs.append(epoch)
        if len(epochs) == stop + 1:
            raise Power

    steps(die)
    run = create_run(catalog=films, algorithm="steps", seed=7)
    with pytest.raises(Power):
        execute_run(run_id=run.pk)
    EndUser.objects.create(catalog=films, client_id="came-later")
    Run.objects.filter(pk=run.pk).update(status="queued")
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert len(epochs) == 13  # twelve, and the one that died
    assert (run.status, run.metrics, run.people) == ("succeeded", whole.metrics, whole.people)
    kept = ("phase", "epoch", "loss")
    assert [[row[key] for key in kept] for row in run.curve] == [[row[key] for key in kept] for row in whole.curve]
    both = [load_checkpoint(run_id=one.pk, purpose="final").state["weights"] for one in (run, whole)]
    assert np.array_equal(*both)
    assert person_metrics(run=run).equals(person_metrics(run=whole))


def test_a_run_whose_data_changed_while_it_was_dead_starts_anew(films: Catalog, steps: Callable[..., None]):
    epochs: list[int] = []

    def die(epoch: int) -> None:
        epochs.append(epoch)
        if len(epochs) == 7:
            raise Power

    steps(die)
    run = create_run(catalog=films, algorithm="steps")
    with pytest.raises(Power):
        execute_run(run_id=run.pk)
    films.users.order_by("id").first().delete()
    Run.objects.filter(pk=run.pk).update(status="queued")
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.people, len(run.curve), len(epochs)) == ("succeeded", 59, 12, 7 + 12)


def test_someone_erased_while_a_run_is_measured_has_no_row_in_its_metrics(films: Catalog, steps: Callable[..., None]):
    user = films.users.order_by("id").first()
    steps(lambda epoch: erase(catalog=films, user_ids=[user.pk]))
    run = trained(films, "steps")
    assert (run.status, run.people) == ("succeeded", 60)
    assert user.pk not in set(person_metrics(run=run)["user"])


def test_a_run_that_waits_is_cancelled_at_once(films: Catalog):
    run = create_run(catalog=films, algorithm="popularity")
    cancel_run(run=run)
    assert run.status == "cancelled"
    assert not execute_run(run_id=run.pk)
    with pytest.raises(Conflict, match="over"):
        cancel_run(run=run)


def test_a_run_in_training_stops_within_seconds_of_being_cancelled(films: Catalog, steps: Callable[..., None]):
    run = create_run(catalog=films, algorithm="steps")
    status = Run.objects.filter(pk=run.pk).values_list("status", flat=True)

    def cancel(epoch: int) -> None:
        if epoch == 2:
            cancel_run(run=run)
            until(lambda: status.get() == "cancelled", 10, "the cancellation")  # before the training has a say

    steps(cancel)
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, len(run.curve), run.metrics) == ("cancelled", 2, {})
    assert run.finished is not None
    assert not run.checkpoints.exists()


def test_a_worker_that_lost_its_lease_stops_without_writing(films: Catalog, steps: Callable[..., None]):
    run = create_run(catalog=films, algorithm="steps")

    def lose(epoch: int) -> None:
        if epoch == 1:
            Run.objects.filter(pk=run.pk).update(worker="somebody else", phase="theirs")

    steps(lose)
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.worker, run.phase, len(run.curve)) == ("running", "somebody else", "theirs", 1)
    assert run.checkpoints.get().epoch == 1


def test_a_database_that_is_restarted_does_not_end_a_training(films: Catalog, steps: Callable[..., None]):
    def cut(epoch: int) -> None:
        if epoch == 1:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                mine = cursor.fetchone()[0]
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                cursor.execute(f"{others} AND pid <> %s", [mine])  # the pulse's
            with pytest.raises(OperationalError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    steps(cut)
    run = trained(films, "steps")
    assert (run.status, run.error, len(run.curve)) == ("succeeded", "", 12)


def test_ctrl_c_in_this_process_cancels(films: Catalog, steps: Callable[..., None]):
    def interrupt(epoch: int) -> None:
        raise KeyboardInterrupt

    steps(interrupt)
    run = create_run(catalog=films, algorithm="steps")
    with pytest.raises(KeyboardInterrupt):
        execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_process_that_is_told_to_end_leaves_its_run_to_the_next(films: Catalog, steps: Callable[..., None]):
    epochs: list[int] = []

    def end(epoch: int) -> None:
        epochs.append(epoch)
        if len(epochs) == 3:
            raise SystemExit(143)

    steps(end)
    run = create_run(catalog=films, algorithm="steps")
    with pytest.raises(SystemExit):
        execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, run.worker) == ("queued", "")
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert (run.status, len(epochs)) == ("succeeded", 13)


def test_a_failed_run_gives_its_reason_in_a_line_and_its_traceback(films: Catalog, steps: Callable[..., None]):
    def fail(epoch: int) -> None:
        raise ValueError("a matrix is \x00 singular\nand more")

    steps(fail)
    run = trained(films, "steps")
    assert (run.status, run.error) == ("failed", "ValueError: a matrix is  singular")
    assert "in fail" in run.traceback


def test_a_catalog_without_interactions_fails_in_plain_words():
    run = trained(catalog_of([[]], 3))
    assert run.status == "failed"
    assert run.error.startswith("The catalog has no interactions")


def test_people_with_one_interaction_each_give_a_run_without_metrics():
    run = trained(catalog_of([[0], [1], [1]], 3))
    assert (run.status, run.people, run.metrics) == ("succeeded", 0, {})


def test_only_what_is_named_by_a_row_stays_in_the_storage(films: Catalog, steps: Callable[..., None]):
    run = create_run(catalog=films, algorithm="steps")
    default_storage.save(f"runs/{run.pk}/resume-left/weights.safetensors", ContentFile(b"of a worker that was killed"))
    assert execute_run(run_id=run.pk)
    run.refresh_from_db()
    folders, files = default_storage.listdir(f"runs/{run.pk}")
    assert sorted(f"runs/{run.pk}/{name}" for name in folders) == sorted(
        Checkpoint.objects.filter(run=run).values_list("path", flat=True)
    )
    assert [f"runs/{run.pk}/{name}" for name in files] == [run.person_metrics]


def test_a_recommender_of_ratings_is_measured_by_its_errors_alone(films):
    for at, person in enumerate(films.users.order_by("id")):
        person.interactions.filter(item__client_id__in=["i1", "i14"]).update(value=1.0 + at % 5)
    run = create_run(catalog=films, algorithm="mf", config={"factors": 4, "epochs": 2})
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.SUCCEEDED, run.error
    assert {"rmse", "mae"} <= set(run.metrics) and "ndcg@10" not in run.metrics
    assert run.metrics["mae"]["value"] <= run.metrics["rmse"]["value"]
    assert {"user", "rmse_person", "mae_person"} <= set(person_metrics(run=run).columns)
    with pytest.raises(Conflict, match="makes no lists"):
        deploy_run(run=run)


def test_where_all_ratings_are_the_same_a_recommender_of_ratings_says_so(films):
    run = create_run(catalog=films, algorithm="mf", config={"factors": 4, "epochs": 1})
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED and "all are the same" in run.error
