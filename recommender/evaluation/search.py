"""A search over settings by Optuna, rebuilt from what is known of its trials: it can be left and taken up anywhere.

Tree-structured Parzen estimators (Bergstra and others, NIPS 2011) propose, the median rule (Golovin and others, KDD
2017) ends trials that fall behind. The proposal of trial n depends on the seed, n and the trials before it only.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from recommender.evaluation.space import Dimension

optuna.logging.set_verbosity(optuna.logging.WARNING)
STARTUP = 5
"""Trials by chance (besides those given) before the estimators speak, and before any trial is ended early."""
DONE, PRUNED, FAILED = "done", "pruned", "failed"
STATES = {DONE: TrialState.COMPLETE, PRUNED: TrialState.PRUNED, FAILED: TrialState.FAIL}


@dataclass(frozen=True)
class Known:
    """A trial that is over: `found` are the search's values by dimension, `curve` what it reported, by step."""

    found: Mapping[str, Any]
    state: str
    value: float | None = None
    curve: Sequence[float] = field(default_factory=tuple)


class Search:
    """Proposes settings and learns from what became of them."""

    def __init__(self, space: Sequence[Dimension], seed: int, known: Sequence[Known] = ()) -> None:
        self.space, self.seed = list(space), seed
        self.distributions = {each.name: distribution(each) for each in space}
        pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=1)
        self.study = optuna.create_study(direction="maximize", pruner=pruner)
        for each in known:
            self.study.add_trial(self._frozen(each))

    def propose(self, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The next trial's values: `given`, or what the estimators propose."""
        number = len(self.study.trials)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            seed = int(np.random.default_rng([self.seed, number]).integers(2**31))
            self.study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True)
        if given is not None:
            self.study.enqueue_trial(dict(given))
        self.trial = self.study.ask(self.distributions)
        return dict(self.trial.params)

    def behind(self, value: float, step: int) -> bool:
        """Note what the proposed trial reports at `step`; whether to end it: it is below the median of the others."""
        self.trial.report(value, step)
        return bool(self.trial.should_prune())

    def tell(self, state: str, value: float | None) -> None:
        """What became of the proposed trial."""
        self.study.tell(self.trial, value if state == DONE else None, state=STATES[state])

    def importance(self) -> dict[str, float]:
        """Share of each setting in how results differ (fANOVA, Hutter and others, ICML 2014), the largest first; {}
        before there are four trials done that differ."""
        values = [trial.value for trial in self.study.trials if trial.state == TrialState.COMPLETE]
        if len(values) < 4 or len(set(values)) < 2:
            return {}
        evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=32, max_depth=32, seed=self.seed % 2**32)
        found = optuna.importance.get_param_importances(self.study, evaluator=evaluator)
        return {name: float(share) for name, share in found.items()}

    def _frozen(self, known: Known) -> optuna.trial.FrozenTrial:
        return optuna.trial.create_trial(
            params=dict(known.found),
            distributions=self.distributions,
            value=known.value if known.state == DONE else None,
            intermediate_values=dict(enumerate(known.curve)),
            state=STATES[known.state],
        )


def distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    low, high = dimension.sought(dimension.low), dimension.sought(dimension.high)
    if dimension.type == "int":
        return IntDistribution(int(low), int(high))
    return FloatDistribution(float(low), float(high), log=dimension.scale == "log")
