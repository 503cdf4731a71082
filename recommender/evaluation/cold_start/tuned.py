"""Every floor as validation chooses its settings: what each is made of, and the settings to choose from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Dataset
from recommender.evaluation.cold_start.floors import LinearFloor, Settings
from recommender.evaluation.cold_start.protocols import Case, absolute_errors
from recommender.metalearning.bias import BiasModel, shrunk
from recommender.metalearning.features import ItemFeatures
from recommender.metalearning.item_priors import blocks_of, reduced

DIRECTIONS = 24
"""Main directions of each block of what is said of items that the linear floors read."""

Values = NDArray[np.float64]
Predict = Callable[[Case], Values]
"""(nnz of the query,) predicted ratings."""


@dataclass(frozen=True)
class Floor:
    """`make` of training data, a setting and items' content; `options` to choose the setting from."""

    make: Callable[[Dataset, Any, Values], Predict]
    options: Sequence[Any] = (None,)


def chosen(floor: Floor, train: Dataset, asked: Sequence[Case], content: Values) -> tuple[Any, Predict]:
    """The option of least mean absolute error (a person's, then the mean over cases), and what it makes of `train`."""
    found = [(option, floor.make(train, option, content)) for option in floor.options]
    if len(found) == 1:
        return found[0]
    errors = [np.mean([np.nanmean(absolute_errors(made(case), case.query)) for case in asked]) for _, made in found]
    return found[int(np.argmin(errors))]


def described(train: Dataset) -> Values:
    """(n_items, k) the main directions of all that is said of items, for the linear floors: what the learners read."""
    about = ItemFeatures.of(train)
    content = about.encode(train.item_fields, train.item_vectors, train.n_items)
    found, _ = reduced(content, blocks_of(about), DIRECTIONS, 0)
    found = found - found.mean(axis=0)
    return cast(Values, found / np.sqrt((found**2).sum(axis=1).mean()))


def _by_chance(train: Dataset, option: None, content: Values) -> Predict:
    low, high = float(train.histories.values.min()), float(train.histories.values.max())
    return lambda case: np.random.default_rng(len(case.query.items)).uniform(low, high, len(case.query.items))


def _item_mean(train: Dataset, shrinkage: float, content: Values) -> Predict:
    histories = train.histories
    mean = float(histories.values.mean())
    items = mean + shrunk(histories.values.astype(np.float64) - mean, histories.items, train.n_items, shrinkage)
    return lambda case: items[case.query.items]


def _median_of_given(train: Dataset, option: None, content: Values) -> Predict:
    """Of whoever gave nothing: the median of all."""
    usual = float(np.median(train.histories.values))

    def predict(case: Case) -> Values:
        given = case.given
        medians = [
            np.median(given.values[start:end]) if end > start else usual
            for start, end in itertools.pairwise(given.indptr)
        ]
        return np.array(medians, dtype=np.float64)[case.query.rows]

    return predict


def _bias_model(train: Dataset, shrinkages: tuple[float, float], content: Values) -> Predict:
    model = BiasModel.fit(train.histories, train.n_items, of_items=shrinkages[0], of_people=shrinkages[1])

    def predict(case: Case) -> Values:
        people = model.adapt(case.support)[case.query.rows]
        return model.clip(model.predict(people, case.query.items)).astype(np.float64)

    return predict


def _linear(train: Dataset, settings: Settings, content: Values) -> Predict:
    return LinearFloor(train, settings, content)


PENALTIES = list(itertools.product((4.0, 8.0, 16.0), (0.7, 1.4)))
FLOORS: Mapping[str, Floor] = {
    "random": Floor(_by_chance),
    "item mean": Floor(_item_mean, (1.0, 5.0, 25.0)),
    "median of the given": Floor(_median_of_given),
    "bias model": Floor(_bias_model, list(itertools.product((2.0, 5.0, 10.0), (2.0, 5.0, 10.0)))),
    "ridge on content": Floor(_linear, [Settings(penalty=penalty, content=scale) for penalty, scale in PENALTIES]),
    "hybrid": Floor(
        _linear,
        [Settings(16, True, penalty=penalty, content=scale, behaviour=1.0) for penalty, scale in PENALTIES],
    ),
}
"""By name, the simplest first. All predict ratings; training data hold nothing but ratings."""
