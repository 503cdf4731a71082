"""Searches over settings: real, and tiny."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from recommender.algorithms import registry
from recommender.algorithms.base import ndcg
from recommender.data.splits import leave_last_out
from recommender.evaluation.space import space
from recommender.exceptions import BadInput, Conflict, UnknownAlgorithm
from recommender.models import Catalog, Study, Trial
from recommender.selectors import tuning as select
from recommender.selectors.dataset import load_dataset
from recommender.services import leases, tuning
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from, catalog_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def films() -> Iterator[Catalog]:
    yield catalog_from(blocks(n_people=30))


def tuned(catalog: Catalog, **given: Any) -> Study:
    options = {"algorithm": "item_knn", "trials": 4, "seed": 1} | given
    study = tuning.create_study(catalog=catalog, **options)
    assert tuning.execute_study(study_id=study.pk)
    study.refresh_from_db()
    return study


def rows(study: Study) -> list[tuple[Any, ...]]:
    return [(each.number, each.origin, each.state, each.found, each.value) for each in study.trials.all()]


def test_a_search_tries_the_defaults_first_and_keeps_every_trial(films: Catalog) -> None:
    study = tuned(films)
    assert (study.status, study.error, study.progress) == ("succeeded", "", 1.0)
    trials = list(study.trials.all())
    assert [each.number for each in trials] == [1, 2, 3, 4]
    assert trials[0].origin == "default"
    assert trials[0].config == {"neighbours": 50, "shrink": 0.0, "half_life": 5.0}
    assert {each.state for each in trials} == {"done"}
    assert tuning.best_settings(study=study) in [each.config for each in trials]
    assert set(study.importance) <= {"neighbours", "shrink", "half_life"}


def test_trials_are_judged_by_validation_alone(films: Catalog) -> None:
    """The value is NDCG@10 on the validation's answers of what learned from the training part."""
    trial = tuned(films, trials=1).trials.get()
    split = leave_last_out(load_dataset(catalog_id=films.pk))
    model = registry.create("item_knn").fit(split.train, rng=None, report=lambda *_: None)  # type: ignore[arg-type]
    assert trial.value == pytest.approx(ndcg(model, split.validation))


def test_only_what_is_named_is_varied(films: Catalog) -> None:
    study = tuned(films, only=["half_life"], trials=3)
    assert {each.config["neighbours"] for each in study.trials.all()} == {50}
    assert len({each.config["half_life"] for each in study.trials.all()}) == 3


class Power(BaseException):
    """The process is gone: nothing is tidied up."""


def test_a_search_that_died_goes_on_with_the_trial_it_was_at(films: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tuned(films)
    judged, seen = tuning._Tuning._judged, []

    def die(self: Any, trial: Trial, split: Any) -> float:
        seen.append(trial.number)
        if seen == [1, 2, 3]:
            raise Power
        return judged(self, trial, split)

    monkeypatch.setattr(tuning._Tuning, "_judged", die)
    monkeypatch.setattr(select, "best_elsewhere", lambda **_: [])
    study = tuning.create_study(catalog=films, algorithm="item_knn", trials=4, seed=1)
    with pytest.raises(Power):
        tuning.execute_study(study_id=study.pk)
    Study.objects.filter(pk=study.pk).update(heartbeat=None, worker="elsewhere:1:1:x")
    assert leases.free_dead_runs(Study) == [study.pk]
    films.users.create(client_id="came-later")
    assert tuning.execute_study(study_id=study.pk)
    assert seen == [1, 2, 3, 3, 4]
    assert rows(study) == rows(whole)


def test_a_search_stops_when_it_is_cancelled_and_keeps_what_is_done(
    films: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tuning.create_study(catalog=films, algorithm="item_knn", trials=50)
    judged = tuning._Tuning._judged

    def cancel(self: Any, trial: Trial, split: Any) -> float:
        if trial.number == 2:
            Study.objects.filter(pk=study.pk).update(status="cancelled")  # as the pulse does
        return judged(self, trial, split)

    monkeypatch.setattr(tuning._Tuning, "_judged", cancel)
    assert tuning.execute_study(study_id=study.pk)
    study.refresh_from_db()
    assert (study.status, [each.state for each in study.trials.all()]) == ("cancelled", ["done"])
    with pytest.raises(Conflict):
        tuning.cancel_study(study=study)


def test_one_that_waits_is_cancelled_at_once(films: Catalog) -> None:
    study = tuning.create_study(catalog=films, algorithm="ease")
    tuning.cancel_study(study=study)
    assert study.status == "cancelled"
    assert not tuning.execute_study(study_id=study.pk)
    with pytest.raises(Conflict, match="No trial"):
        tuning.best_settings(study=study)


def test_settings_that_were_best_on_data_alike_are_tried_second(films: Catalog) -> None:
    first = tuned(films, seed=5)
    best = tuning.best_settings(study=first)
    if best == {"neighbours": 50, "shrink": 0.0, "half_life": 5.0}:  # then there is nothing to take over
        best = {"neighbours": 25, "shrink": 0.0, "half_life": 2.5}
        first.trials.filter(number=2).update(config=best, value=2.0)
    far = tuned(catalog_from(blocks(n_people=30), name="far"))
    Study.objects.filter(pk=far.pk).update(features={name: value + 9 for name, value in first.features.items()})
    second = tuned(catalog_from(blocks(n_people=40, seed=3), name="alike"), trials=3)
    assert [each.origin for each in second.trials.all()] == ["default", "alike", "search"]
    taken = second.trials.get(number=2).config
    assert taken["half_life"] == pytest.approx(best["half_life"])


def test_the_best_of_several_catalogs_are_all_tried_before_the_search(
    films: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = [{"neighbours": at, "shrink": 1.0, "half_life": 2.0} for at in (25, 50, 100)]
    defaults = {"neighbours": 50, "shrink": 0.0, "half_life": 5.0}
    monkeypatch.setattr(select, "best_elsewhere", lambda **_: [defaults, *best][: tuning.FROM_ELSEWHERE + 1])
    trials = list(tuned(films, trials=5).trials.all())
    assert [each.origin for each in trials] == ["default", "alike", "alike", "alike", "search"]
    assert len({str(each.found) for each in trials[1:4]}) == 3


@pytest.mark.parametrize(
    ("algorithm", "only", "reads"),
    [
        ("ncf", ["use_text"], True),
        ("ncf", ["factors"], False),
        ("gru", ["items", "dropout"], True),
        ("gru", ["dropout"], False),
        ("content", ["half_life"], True),
        ("item_knn", [], False),
    ],
)
def test_texts_are_read_where_a_trial_may_need_them(algorithm: str, only: list[str], reads: bool) -> None:
    """Else a trial that uses texts would be judged, or fail, as if the catalog had none."""
    assert tuning.may_read_text(algorithm, space(registry.config_class(algorithm), only)) is reads


def test_a_trial_that_fails_says_why_and_the_search_goes_on(films: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    judged = tuning._Tuning._judged

    def fail(self: Any, trial: Trial, split: Any) -> float:
        if trial.number == 1:
            raise ValueError("a matrix is singular")
        return judged(self, trial, split)

    monkeypatch.setattr(tuning._Tuning, "_judged", fail)
    study = tuned(films, trials=2)
    assert study.status == "succeeded"
    assert [(each.state, each.error) for each in study.trials.all()] == [
        ("failed", "ValueError: a matrix is singular"), ("done", ""),
    ]  # fmt: skip


def test_a_trial_that_falls_behind_is_ended_early(films: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    def judged(self: Any, trial: Trial, split: Any) -> float:
        for value in (0.1, 0.5, 0.9) if trial.number < 7 else (0.1, 0.1):
            trial.curve.append(value)
            if self.search.behind(max(trial.curve), len(trial.curve) - 1):
                raise tuning.Behind
        return 0.9

    monkeypatch.setattr(tuning._Tuning, "_judged", judged)
    assert [each.state for each in tuned(films, trials=7).trials.all()] == ["done"] * 6 + ["pruned"]


def test_data_without_validation_cannot_be_tuned_on() -> None:
    study = tuned(catalog_of([[0], [1, 2]], 3))
    assert study.status == "failed"
    assert study.error.startswith("Settings are judged by people with three interactions")


@pytest.mark.parametrize(
    ("given", "error", "field"),
    [
        ({"algorithm": "magic"}, UnknownAlgorithm, "algorithm"),
        ({"algorithm": "ensemble"}, BadInput, "algorithm"),
        ({"algorithm": "random"}, BadInput, "algorithm"),
        ({"algorithm": "mf"}, BadInput, "algorithm"),
        ({"trials": 0}, BadInput, "trials"),
        ({"trials": 1001}, BadInput, "trials"),
        ({"only": ["magic"]}, BadInput, "only"),
        ({"seed": -1}, BadInput, "seed"),
    ],
)
def test_nonsense_is_refused_by_name(films: Catalog, given: Any, error: type, field: str) -> None:
    with pytest.raises(error) as caught:
        tuning.create_study(**({"catalog": films, "algorithm": "ease"} | given))
    assert caught.value.field == field
    assert not Study.objects.exists()
