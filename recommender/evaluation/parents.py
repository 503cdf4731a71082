"""Recommenders that others are made of, trained on a split so that none has seen what the next one is judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from recommender.algorithms.base import Config, Recommender, Report
from recommender.data.splits import Split
from recommender.evaluation.protocol import CHOOSING, MEASURED, Create


def fit_choosing(create: Create, config: Config, split: Split, *, seed: int, report: Report) -> Recommender:
    """The recommender that has not learned from the validation's targets, as `fit_measured` trains it first.

    Where validation decides nothing, `fit_measured` does without it; what is made of others needs it all the same.
    """
    model = create(config)
    asked = split.validation if model.uses_validation and len(split.validation.people) else None
    return model.fit(split.train, validation=asked, rng=np.random.default_rng(seed), report=report)


@dataclass
class TrainedParents:
    """What `fit_measured` takes as `parents`, trained on the spot: by algorithm, with the configuration of each.

    Each is trained once, when a stage first asks for it. `create(name, config)` makes an untrained one.
    """

    create: Callable[[str, Config], Recommender]
    configs: Mapping[str, Config]
    split: Split
    seed: int
    report: Report = field(default=lambda *_: None)
    trained: dict[tuple[int, str], Recommender] = field(default_factory=dict)

    def __call__(self, stage: int) -> Mapping[str, Recommender]:
        for name, config in self.configs.items():
            if (stage, name) not in self.trained:
                self.trained[stage, name] = self._train(name, config, stage)
        return {name: self.trained[stage, name] for name in self.configs}

    def _train(self, name: str, config: Config, stage: int) -> Recommender:
        def create(chosen: Config) -> Recommender:
            return self.create(name, chosen)

        if stage == CHOOSING:
            return fit_choosing(create, config, self.split, seed=self.seed, report=self.report)
        assert stage == MEASURED
        earlier = self.trained.get((CHOOSING, name))
        model = create(earlier.refit_config() if earlier else config)
        return model.fit(self.split.before_test, rng=np.random.default_rng(self.seed), report=self.report)
