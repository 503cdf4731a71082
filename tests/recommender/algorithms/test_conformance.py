"""What every registered algorithm must keep, whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from recommender.algorithms import registry
from recommender.algorithms.base import Config, LinearlyExplainable, RatingPredictor, Recommender, Remembering, State
from recommender.algorithms.checkpoint import Checkpoint, dump, load
from recommender.data.dataset import Dataset, Histories
from recommender.data.splits import leave_last_out
from recommender.exceptions import Cancelled, NotFitted, NotTrainable
from tests.recommender.builders import blocks, dataset, histories

BY_STEPS = {"factors": 4, "hidden": 8, "epochs": 3, "batch": 16, "references": 8, "negatives": 16}
SMALL: dict[str, dict[str, Any]] = {
    "sasrec": {"factors": 16, "length": 12, "epochs": 3, "batch": 16},
    "gru": {"factors": 16, "width": 16, "length": 12, "epochs": 3, "batch": 16},
    "ials": {"factors": 8},
    "item2vec": {"factors": 8, "epochs": 3},
    "fm": {"factors": 8, "epochs": 3, "batch": 64},
    "ncf": {"factors": 8, "hidden": 8, "epochs": 3, "batch": 64},
    "mf": {"factors": 8, "epochs": 3},
    "ensemble": {"members": "ease,item_knn"},
    "student": {"teacher": "ease", "factors": 16, "length": 12, "epochs": 3, "batch": 16},
    "blend": {"cold": "prototypes", "warm": "ease", "threshold": 3.0, "sharpness": 2.0},
    "neural_process": {"factors": 8, "width": 16, "features": 8, "epochs": 3, "batch": 16, "rating_factors": 4},
    "ridge_head": {"factors": 8, "width": 16, "features": 8, "epochs": 3, "batch": 16},
    "prototypes": {"factors": 8, "collaborative": 8, "epochs": 3, "batch": 64, "cuts": 2},
    "maml": BY_STEPS,
    "fomaml": BY_STEPS,
    "anil": BY_STEPS,
    "reptile": BY_STEPS,
    "cold_item": {"hidden": 8, "batch": 8, "epochs": 3},
    "reranked": {"of": "ease", "by": "popularity"},
}
"""Settings with which an algorithm trains in a second on a handful of people."""
LONGER: dict[str, dict[str, Any]] = {
    "sasrec": {"epochs": 30, "learning_rate": 0.005},
    "gru": {"epochs": 30, "learning_rate": 0.005},
    "student": {"epochs": 30, "learning_rate": 0.005},
    "item2vec": {"epochs": 30, "learning_rate": 0.2},
    "fm": {"epochs": 10, "learning_rate": 0.02},
    "ncf": {"epochs": 10, "learning_rate": 0.02},
    "ridge_head": {"epochs": 10, "learning_rate": 0.02},
    "neural_process": {"epochs": 10, "learning_rate": 0.02},
    "prototypes": {"epochs": 10, "learning_rate": 0.02},
    "maml": {"epochs": 10, "learning_rate": 0.02},
    "fomaml": {"epochs": 10, "learning_rate": 0.02},
    "reptile": {"epochs": 10, "learning_rate": 0.02},
    "anil": {"epochs": 25, "learning_rate": 0.02, "rate": 1.0},
}
"""What has to be changed of these where something is to be learned."""

every = pytest.mark.parametrize("name", list(registry.ALGORITHMS))


def config(name: str) -> Config:
    return registry.config_class(name).from_mapping(SMALL.get(name, {}))


class Kept:
    """A report that keeps what it was told and cancels after `stop` calls."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop, self.progress, self.states = stop, list[float](), list[State]()

    def __call__(self, progress: float, metrics: Mapping[str, float], state: State | None) -> None:
        self.progress.append(progress)
        if state is not None:
            self.states.append(state)
        if self.stop is not None and len(self.progress) >= self.stop:
            raise Cancelled


def fitted(
    name: str, data: Dataset, *, seed: int = 0, report: Any = None, settings: Any = None, **options: Any
) -> Recommender:
    """Trained, after those it is made of."""
    rng = np.random.default_rng(seed)
    if made_of := registry.parents(name, config(name)):
        options["parents"] = {each: fitted(each, data, seed=seed) for each in made_of}
    made = registry.create(name, config(name).replace(**(settings or {})))
    return made.fit(data, rng=rng, report=report or Kept(), **options)


@pytest.fixture(scope="module")
def trained() -> dict[str, Recommender]:
    return {name: fitted(name, blocks()) for name in registry.ALGORITHMS}


ASKED = histories([[0, 1, 2], [], [13, 14], [5, 5, 6, 5], list(range(20))])


@every
def test_scores_are_finite_floats_of_the_right_shape(name: str, trained: dict[str, Recommender]) -> None:
    scores = trained[name].score(ASKED)
    assert scores.shape == (5, 24)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert trained[name].score(histories([])).shape == (0, 24)


@every
def test_the_scores_belong_to_the_caller(name: str, trained: dict[str, Recommender]) -> None:
    first = trained[name].score(ASKED)
    before = first.copy()
    first[:] = -np.inf
    assert np.array_equal(trained[name].score(ASKED), before)


@every
def test_some_items_are_columns_of_all_items(name: str, trained: dict[str, Recommender]) -> None:
    items = np.array([3, 0, 23])
    part = trained[name].score(ASKED, items=items)
    assert part.dtype == np.float32
    np.testing.assert_allclose(part, trained[name].score(ASKED)[:, items], rtol=1e-4, atol=1e-5)


@every
def test_one_person_alone_is_scored_as_in_company(name: str, trained: dict[str, Recommender]) -> None:
    together = trained[name].score(ASKED)
    for row in range(len(ASKED)):
        alone = trained[name].score(ASKED.select(np.array([row])))
        np.testing.assert_allclose(alone[0], together[row], rtol=1e-4, atol=1e-5)


@every
def test_the_seed_decides(name: str) -> None:
    first, again, other = (fitted(name, blocks(), seed=seed).score(ASKED) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert registry.get(name).stochastic != np.array_equal(first, other)


@every
def test_nobody_elses_random_numbers_are_touched(name: str) -> None:
    np.random.seed(7)
    before = np.random.get_state()[1].copy()  # type: ignore[index]
    fitted(name, blocks())
    assert np.array_equal(np.random.get_state()[1], before)  # type: ignore[index]


@every
def test_a_checkpoint_scores_as_the_original(name: str, trained: dict[str, Recommender]) -> None:
    data = blocks()
    stored = dump(Checkpoint(name, trained[name].config, data.items, trained[name].state()))
    back = load(*stored)
    assert np.array_equal(back.items.keys, data.items.keys)
    assert np.array_equal(back.restore().score(ASKED), trained[name].score(ASKED))


@every
def test_no_state_has_a_row_per_person(name: str) -> None:
    """Where that cannot be, it is declared, and erasure can take the rows of a person away."""
    data = blocks(n_people=61)
    model = fitted(name, data)
    if getattr(model, "remembers_people", False):
        assert isinstance(model, Remembering)
        assert sorted(model.state()["people"]) == data.users.keys.tolist()
        model.forget(data.users.keys)
    assert all(61 not in array.shape for array in model.state().values())


@every
def test_it_does_what_the_registry_says(name: str) -> None:
    cls = registry.get(name)
    found = {"ranking"} if getattr(cls, "ranks", True) else set()
    found |= {"rating"} if issubclass(cls, RatingPredictor) else set()
    assert registry.abilities(name) == found
    assert (name in registry.REMEMBERING) == getattr(cls, "remembers_people", False)


@every
def test_predicted_ratings_are_within_the_scale_and_the_same_alone(name: str, trained: dict[str, Recommender]) -> None:
    model = trained[name]
    if not isinstance(model, RatingPredictor):
        return
    rows, items = np.repeat(np.arange(5), 24), np.tile(np.arange(24), 5)
    found = model.predict(ASKED, rows, items)
    assert found.shape == (120,)
    assert found.dtype == np.float32
    assert ((found >= 1) & (found <= 5)).all()
    for row in range(5):
        alone = model.predict(ASKED.select(np.array([row])), np.zeros(24, dtype=np.int64), np.arange(24))
        np.testing.assert_allclose(alone, found[rows == row], rtol=1e-4, atol=1e-4)
    assert model.predict(ASKED, rows[:0], items[:0]).shape == (0,)


@every
def test_an_untrained_recommender_says_so(name: str) -> None:
    with pytest.raises(NotFitted):
        registry.create(name, config(name)).score(ASKED)
    with pytest.raises(NotFitted):
        registry.create(name, config(name)).state()


@every
def test_progress_ends_at_one_and_never_falls(name: str) -> None:
    kept = Kept()
    fitted(name, blocks(), report=kept)
    assert kept.progress == sorted(kept.progress)
    assert kept.progress[-1] == pytest.approx(1.0)


@every
def test_cancelling_is_heard(name: str) -> None:
    with pytest.raises(Cancelled):
        fitted(name, blocks(), report=Kept(stop=1))


@every
@pytest.mark.parametrize("validated", [False, True])
def test_a_resumed_training_equals_an_uninterrupted_one(name: str, validated: bool) -> None:
    split = leave_last_out(blocks())
    validation = split.validation if validated else None
    whole = Kept()
    model = fitted(name, split.train, report=whole, validation=validation)
    for state in whole.states:
        stored = dump(Checkpoint(name, config(name), split.train.items, state))  # what a worker's death leaves
        resumed = fitted(name, split.train, validation=validation, resume=load(*stored).state)
        for key, array in model.state().items():
            assert np.array_equal(resumed.state()[key], array)
        assert resumed.refit_config() == model.refit_config()


@every
def test_what_was_reported_does_not_change_afterwards(name: str) -> None:
    copies: list[State] = []
    kept = Kept()

    def report(progress: float, metrics: Mapping[str, float], state: State | None) -> None:
        kept(progress, metrics, state)
        if state is not None:
            copies.append({key: np.array(array) for key, array in state.items()})

    fitted(name, blocks(), report=report)
    for state, copy in zip(kept.states, copies, strict=True):
        assert all(np.array_equal(state[key], copy[key]) for key in copy)


@every
def test_contributions_sum_to_the_score(name: str, trained: dict[str, Recommender]) -> None:
    model = trained[name]
    if name in ("item_knn", "ease", "ials"):
        assert isinstance(model, LinearlyExplainable)
    if not isinstance(model, LinearlyExplainable):
        return
    rng = np.random.default_rng(0)
    asked = ASKED
    items = np.stack([rng.permutation(24)[:4] for _ in range(len(asked))])
    parts = model.contributions(asked, items)
    assert parts.shape == (len(asked.items), 4)
    sums = np.zeros((len(asked), 4))
    np.add.at(sums, asked.rows, parts)
    np.testing.assert_allclose(sums, np.take_along_axis(model.score(asked), items, axis=1), rtol=1e-4, atol=1e-5)


@every
def test_an_empty_catalog_cannot_be_learned(name: str) -> None:
    with pytest.raises(NotTrainable, match="no items"):
        fitted(name, dataset([], 0))


@every
def test_without_interactions_there_is_nothing_to_learn(name: str) -> None:
    if name == "random":
        assert np.isfinite(fitted(name, dataset([[], []], 3)).score(histories([[]]))).all()
        return
    with pytest.raises(NotTrainable, match="no interactions"):
        fitted(name, dataset([[], []], 3))


@every
@pytest.mark.parametrize(
    ("people", "n_items"),
    [([[0]], 1), ([[0], [0]], 1), ([[0, 1, 2]], 3), ([[0, 1], [], [1]], 4)],
    ids=["one person one item", "two people one item", "one person", "a person without history"],
)
def test_the_smallest_catalogs_work(name: str, people: list[list[int]], n_items: int) -> None:
    data = dataset(people, n_items)
    scores = fitted(name, data).score(Histories(**vars_of(data.histories)))
    assert scores.shape == (len(people), n_items)
    assert np.isfinite(scores).all()


def vars_of(given: Histories) -> dict[str, Any]:
    return {key: getattr(given, key) for key in ("indptr", "items", "values", "times", "kinds")}


@every
def test_something_is_learned_where_there_is_something_to_learn(name: str) -> None:
    if name in ("random", "popularity", "latest") or "ranking" not in registry.abilities(name):
        return
    settings = LONGER.get(name, {})
    data = blocks(n_people=200)
    scores = fitted(name, data, settings=settings).score(histories([[1, 2, 3], [13, 14, 15]]))
    scores[0, [1, 2, 3]] = scores[1, [13, 14, 15]] = -np.inf
    assert scores[0].argmax() < 12 <= scores[1].argmax()  # people stay in their half of the catalog
