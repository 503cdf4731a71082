"""Several recommenders as one: reciprocal-rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009), or stacking with convex
weights learned from people held out for validation (a conditional logit, McFadden 1974).

It keeps its members' states: it serves, exports and resumes without the runs that trained them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from recommender.algorithms import registry
from recommender.algorithms.base import (
    Adapted,
    Config,
    Recommender,
    Report,
    State,
    columns,
    hyper,
    ndcg,
    require_data,
)
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import BadConfig, NotFitted, NotTrainable

CELLS = 24_000_000
"""Cells of the table weights are learned from (people × items × members); of more people, evenly spaced ones do."""
ROWS = 512
"""People whose scores are standardised at a time."""
CONFIG, WEIGHTS = "config", "weights"
Wide = NDArray[np.float64]


@dataclass(frozen=True)
class EnsembleConfig(Config):
    """Who is part of it and how their scores become one."""

    members: str = hyper(
        "sasrec,ease,ials,item_knn",
        "Names of the recommenders it is made of, separated by commas. Those whose runs are not named are trained "
        "first, as runs of their own.",
    )
    method: str = hyper(
        "stacking",
        "stacking learns the weights on validation; rrf adds 1 / (k + rank) over the members.",
        choices=("stacking", "rrf"),
    )
    normalisation: str = hyper(
        "rank",
        "What stacking weighs: rank is −ln of the rank in a member’s list of what the person has not met, zscore its "
        "score less the mean, in standard deviations.",
        choices=("rank", "zscore"),
    )
    rrf_k: float = hyper(60.0, "k of rrf: the larger, the less the first places stand out.", low=0.0, high=10_000.0)
    pull: float = hyper(
        10.0, "How many people’s worth of evidence speaks for equal weights, before any are looked at.", low=0, high=1e6
    )
    weights: str | None = hyper(
        None, "Weights to use instead of learned ones, in the order of the members, separated by commas."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        names = member_names(self.members)
        if not names:
            raise BadConfig("members names at least one recommender, such as ease,ials.", field="members")
        if len(set(names)) < len(names):
            raise BadConfig("members names each recommender once.", field="members")
        for name in names:
            if name not in registry.ALGORITHMS or name == Ensemble.name or "ranking" not in registry.abilities(name):
                raise BadConfig(f"“{name}” cannot be a member; name recommenders that rank.", field="members")
            if name in registry.REMEMBERING:
                message = f"{name} keeps rows about people, which an ensemble does not; leave it out."
                raise BadConfig(message, field="members")
        if self.weights is not None:
            _given_weights(self.weights, len(names))


def member_names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _given_weights(text: str, count: int) -> Wide:
    """Weights that sum to one. Raises BadConfig."""
    try:
        given = np.array([float(part) for part in text.split(",")])
    except ValueError:
        raise BadConfig("weights are numbers separated by commas.", field="weights") from None
    if len(given) != count or not np.isfinite(given).all() or (given < 0).any() or given.sum() <= 0:
        message = f"weights holds {count} numbers from 0, one for each of the members, not all of them 0."
        raise BadConfig(message, field="weights")
    return cast(Wide, given / given.sum())


class Ensemble:
    """score(u, i) = Σ over members m of w(m) f(m, u, i), w ≥ 0, Σ w = 1.

    f is −ln rank or the standardised score (stacking), or 1 / (k + rank) (rrf); the rank is that among what u has not
    met. `parents` given to `fit` are the members, trained on the same data as `train`.
    """

    name: ClassVar[str] = "ensemble"
    config_class: ClassVar[type[Config]] = EnsembleConfig
    stochastic: ClassVar[bool] = False
    uses_validation: ClassVar[bool] = True

    def __init__(self, config: EnsembleConfig | None = None) -> None:
        self.config: Config = config or EnsembleConfig()
        self._members: dict[str, Recommender] = {}
        self._weights: Wide = np.empty(0)

    @classmethod
    def parents(cls, config: Config) -> tuple[str, ...]:
        """Names of the algorithms it is made of."""
        return member_names(cast(EnsembleConfig, config).members)

    @classmethod
    def settings_for(cls, names: tuple[str, ...]) -> Mapping[str, Any]:
        """Settings that make these algorithms its parents."""
        return {"members": ",".join(names)}

    def fit(
        self,
        train: Dataset,
        *,
        validation: Holdout | None = None,
        parents: Mapping[str, Recommender] | None = None,
        resume: State | None = None,
        rng: np.random.Generator,
        report: Report,
    ) -> Self:
        """Take the members and, where `validation` is there and no weights are given, learn the weights.

        For that the members must not have learned from the validation's targets. Raises NotTrainable where a member
        is missing.
        """
        require_data(train)
        config = self._config
        names = member_names(config.members)
        if missing := [name for name in names if name not in (parents or {})]:
            raise NotTrainable(f"The ensemble lacks its trained members: {', '.join(missing)}.")
        self._members = {name: (parents or {})[name] for name in names}
        self._weights = np.full(len(names), 1 / len(names))
        if config.weights is not None:
            self._weights = _given_weights(config.weights, len(names))
        elif validation is not None and config.method == "stacking" and len(validation.people):
            report(0.1, {}, None)
            self._weights = self._learned(validation)
        metrics = {} if validation is None else {"ndcg@10": ndcg(self, validation)} | self._said()
        report(1.0, metrics, None)
        return self

    def refit_config(self) -> Config:
        """With the weights written down, so that they hold for the members trained on everything."""
        if not self._members or self._config.method == "rrf":
            return self.config
        return self.config.replace(weights=",".join(f"{weight:.6f}" for weight in self._weights))

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        members = self._fitted()
        total: Float | None = None
        for weight, member in zip(self._weights, members.values(), strict=True):
            if weight > 0:
                part = np.float32(weight) * self._feature(member.score(histories), histories)
                total = part if total is None else total + part
        return columns(cast(Float, total), items)

    def state(self) -> State:
        state: State = {WEIGHTS: self._weights}
        for name, member in self._fitted().items():
            state |= kept(name, member)
        return state

    def load_state(self, state: State) -> Self:
        self._weights = state[WEIGHTS]
        self._members = {name: restored(name, state) for name in member_names(self._config.members)}
        return self

    def weights(self) -> dict[str, float]:
        """The weight of each member."""
        return dict(zip(self._fitted(), self._weights.tolist(), strict=True))

    def members(self) -> Mapping[str, Recommender]:
        return self._fitted()

    def _learned(self, validation: Holdout) -> Wide:
        """Weights under which the members' shared ranking puts each person's next item first most often."""
        members = self._fitted()
        per_person = max(1, len(members)) * max(1, self._n_items(validation))
        step = -(-len(validation.people) * per_person // CELLS)
        at = np.arange(0, len(validation.people), max(1, step))
        histories, targets = validation.histories.select(at), validation.targets.select(at)
        features = np.stack([self._feature(each.score(histories), histories) for each in members.values()], axis=2)
        barred = np.zeros(features.shape[:2], dtype=np.bool_)
        barred[histories.rows, histories.items] = True
        barred[targets.rows, targets.items] = False
        return learned_weights(features, targets.rows, targets.items, barred, pull=self._config.pull)

    def _n_items(self, validation: Holdout) -> int:
        nobody = validation.histories.select(np.arange(min(1, len(validation.people))))
        return int(next(iter(self._members.values())).score(nobody).shape[1])

    def _feature(self, scores: Float, histories: Histories) -> Float:
        """(n, n_items) what is weighed of a member's scores."""
        config = self._config
        if config.method == "stacking" and config.normalisation == "zscore":
            return standardised(scores, histories)
        ranks = ranked(scores, histories)
        if config.method == "rrf":
            return cast(Float, 1 / (np.float32(config.rrf_k) + ranks))
        return cast(Float, -np.log(ranks))

    def _said(self) -> dict[str, float]:
        return {f"weight {name}": float(weight) for name, weight in self.weights().items()}

    @property
    def _config(self) -> EnsembleConfig:
        return cast(EnsembleConfig, self.config)

    def _fitted(self) -> dict[str, Recommender]:
        if not self._members:
            raise NotFitted("This recommender has not been trained.")
        return self._members


def kept(name: str, member: Recommender) -> State:
    """A member's configuration and state, as part of that of the recommender made of it; see `restored`."""
    found: State = {f"{name}.{CONFIG}": np.frombuffer(json.dumps(asdict(cast(Any, member.config))).encode(), np.uint8)}
    return found | {f"{name}.state.{key}": array for key, array in member.state().items()}


def restored(name: str, state: State) -> Recommender:
    prefix = f"{name}.state."
    config = registry.config_class(name).from_mapping(json.loads(state[f"{name}.{CONFIG}"].tobytes()))
    own = {key.removeprefix(prefix): array for key, array in state.items() if key.startswith(prefix)}
    return registry.create(name, config).load_state(own)


def ranked(scores: Float, histories: Histories) -> Float:
    """(n, n_items) ranks of what each person has not met, 1 = best, ties to the lower item; what was met comes last."""
    masked = scores.copy()
    masked[histories.rows, histories.items] = -np.inf
    order = np.argsort(-masked, axis=1, kind="stable")
    ranks = np.empty(scores.shape, dtype=np.float32)
    np.put_along_axis(ranks, order, np.arange(1, scores.shape[1] + 1, dtype=np.float32)[None], axis=1)
    return ranks


def standardised(scores: Float, histories: Histories) -> Float:
    """(n, n_items) scores less their mean over what the person has not met, in standard deviations of the same; 0
    throughout where those scores are all alike."""
    free = np.ones(scores.shape, dtype=np.float32)
    free[histories.rows, histories.items] = 0
    free[free.sum(axis=1) == 0] = 1
    count = free.sum(axis=1, keepdims=True)
    centred = scores - (scores * free).sum(axis=1, keepdims=True) / count
    spread = np.sqrt((np.square(centred) * free).sum(axis=1, keepdims=True) / count)
    flat = spread <= 1e-6 * np.abs(scores).max(axis=1, keepdims=True, initial=0)
    return cast(Float, np.where(flat, 0, centred / np.where(flat, 1, spread)).astype(np.float32))


def learned_weights(
    features: Float, rows: Int, items: Int, barred: NDArray[np.bool_], *, pull: float, rounds: int = 100
) -> Wide:
    """Convex weights w / Σ w, w ≥ 0 maximising Σ over held-out (u, i) of ln softmax over candidates of (features · w),
    less pull / 2 · Σ (w − mean w)².

    `features` (n, n_items, m); `rows`, `items` (t,) the held-out pairs; `barred` (n, n_items) what is no candidate.
    The problem is convex, its answer does not depend on chance. Where no weight helps, all are equal.
    """
    count = features.shape[2]
    chosen = features[rows, items].astype(np.float64)

    def loss(weights: Wide) -> tuple[float, Wide]:
        logits = (features @ weights.astype(np.float32)).astype(np.float64)
        logits[barred] = -np.inf
        best = logits.max(axis=1, keepdims=True)
        odds = np.exp(logits - best)
        total = odds.sum(axis=1, keepdims=True)
        expected = np.einsum("ni,nim->nm", (odds / total).astype(np.float32), features)
        away = weights - weights.mean()
        surprise = (np.log(total[:, 0]) + best[:, 0])[rows] - chosen @ weights
        slope = (expected[rows] - chosen).sum(axis=0) + pull * away
        return float(surprise.sum() + pull / 2 * (away**2).sum()), slope.astype(np.float64)

    found = minimize(
        loss, np.full(count, 1 / count), jac=True, method="L-BFGS-B", bounds=[(0, None)] * count,
        options={"maxiter": rounds},
    ).x  # fmt: skip
    return cast(Wide, found / found.sum() if found.sum() > 0 else np.full(count, 1 / count))
