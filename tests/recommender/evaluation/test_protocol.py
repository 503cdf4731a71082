"""Full ranking, seen items filtered, every person counted; what the measured recommender has learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Any, ClassVar

import numpy as np
import pytest

from recommender.algorithms.base import Config, hyper
from recommender.algorithms.ease import EASE, EASEConfig
from recommender.algorithms.popularity import Popularity
from recommender.data.dataset import Histories
from recommender.data.splits import leave_last_out
from recommender.evaluation.protocol import evaluate, fit_measured
from recommender.exceptions import Cancelled, RecommenderError
from tests.recommender.builders import blocks, dataset


def quiet(progress: float, metrics: Mapping[str, float], state: Any) -> None:
    pass


def fitted_popularity(data: Any) -> Popularity:
    return Popularity().fit(data, rng=np.random.default_rng(0), report=quiet)


def test_every_person_counts_and_seen_items_take_no_place() -> None:
    # before the test: item 0 met by three, 1 by two, 2 and 3 by one; ties go to the lower item
    data = dataset([[0, 1, 2], [0, 3, 1], [0, 4], [1, 2, 0]], 6)
    split = leave_last_out(data)
    assert np.bincount(split.before_test.histories.items, minlength=6).tolist() == [3, 2, 1, 1, 0, 0]
    found = evaluate(fitted_popularity(split.before_test), split.test, data, ks=(1, 3))
    assert found.per_user["user"].tolist() == [10, 11, 12, 13]
    assert found.lists.tolist() == [[2, 3, 4], [1, 2, 4], [1, 2, 3], [0, 3, 4]]
    assert found.per_user["ndcg@3"].tolist() == [1.0, 1.0, 0.0, 1.0]
    assert found.per_user["hit@1"].tolist() == [1.0, 1.0, 0.0, 1.0]
    assert found.summary["ndcg@3"] == 3 / 4
    assert found.summary["coverage@1"] == 3 / 6
    assert log2(2) == 1


def test_batches_change_nothing() -> None:
    data = blocks()
    split = leave_last_out(data)
    model = fitted_popularity(split.before_test)
    whole, parts = evaluate(model, split.test, data), evaluate(model, split.test, data, batch=7)
    assert whole.per_user.equals(parts.per_user)
    assert np.array_equal(whole.lists, parts.lists)


def test_scores_that_are_not_finite_are_refused() -> None:
    data = blocks()
    model = fitted_popularity(data)
    model.load_state({"weights": np.full(data.n_items, np.nan, dtype=np.float32)})
    with pytest.raises(RecommenderError, match="not finite"):
        evaluate(model, leave_last_out(data).test, data)


def test_no_dense_matrix_beyond_a_batch() -> None:
    data = blocks()
    asked: list[int] = []

    class Watching(Popularity):
        def score(self, histories: Histories, **options: Any) -> Any:
            asked.append(len(histories))
            return super().score(histories, **options)

    model = Watching().fit(data, rng=np.random.default_rng(0), report=quiet)
    evaluate(model, leave_last_out(data).test, data, batch=16)
    assert asked == [16, 16, 16, 12]


def test_a_recommender_that_chooses_nothing_is_trained_once_on_all_but_the_test() -> None:
    split = leave_last_out(blocks())
    found = fit_measured(EASE, EASEConfig(regularization=10), split, seed=1, report=quiet)
    again = EASE(EASEConfig(regularization=10)).fit(split.before_test, rng=np.random.default_rng(1), report=quiet)
    assert np.array_equal(found.model.state()["weights"], again.state()["weights"])
    assert found.chosen == EASEConfig(regularization=10)


@dataclass(frozen=True)
class StepsConfig(Config):
    steps: int = hyper(6, "At most so many steps.", low=1)


class Steps(Popularity):
    """Counts steps; validation makes it stop at four."""

    uses_validation: ClassVar[bool] = True
    config_class: ClassVar[type[Config]] = StepsConfig
    fits: ClassVar[list[tuple[int, int, int]]] = []

    def fit(self, train: Any, *, validation: Any = None, parents: Any = None, resume: Any = None,
            rng: Any = None, report: Any) -> Steps:  # fmt: skip
        self.done = int(resume["done"][0]) if resume else 0
        first, last = self.done, 4 if validation is not None else self.config.steps
        self._weights = np.bincount(train.histories.items, minlength=train.n_items).astype(np.float32)
        self.fits.append((len(train.histories.items), first, last))
        while self.done < last:
            self.done += 1
            report(self.done / last, {}, {"done": np.array([self.done])})
        return self

    def refit_config(self) -> StepsConfig:
        return StepsConfig(steps=self.done)


@pytest.mark.parametrize("killed_at", [1, 3, 4, 5, 7])
def test_choice_then_training_on_more_and_resuming_either(killed_at: int) -> None:
    split = leave_last_out(blocks(n_people=5))
    states: list[Any] = []
    seen: list[float] = []

    def report(progress: float, metrics: Mapping[str, float], state: Any) -> None:
        states.append(state)
        seen.append(progress)
        if len(states) == killed_at:
            raise Cancelled

    Steps.fits.clear()
    with pytest.raises(Cancelled):
        fit_measured(Steps, StepsConfig(), split, seed=1, report=report)
    found = fit_measured(Steps, StepsConfig(), split, seed=1, report=report, resume=states[-1])
    assert found.chosen == StepsConfig(steps=4)
    assert found.model.done == 4
    assert len(states) == 8
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert Steps.fits[-1][0] == len(split.before_test.histories.items)
