"""What learners that are trained over episodes share: the training (epochs, progress, resume, cancel, validation by
number of shots), how they are asked, and how they are kept.

A learner gives its network, its loss of a batch of episodes, what it keeps of a person, and how it scores with that.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from recommender.algorithms.base import (
    Adapted,
    Config,
    Recommender,
    Report,
    State,
    chosen_epochs,
    hyper,
    mask_seen,
    mean_ndcg,
    ranks_of,
    require_data,
)
from recommender.algorithms.epochs import VALIDATED, Training, arrays, seeded, tensors
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.features import Fields, Vocabulary
from recommender.data.preparation import last_of_repeats, rated, rating_scale
from recommender.exceptions import NotFitted, NotTrainable
from recommender.metalearning.episodes import Episodes, Pool, latest
from recommender.metalearning.group_objectives import GroupConfig, GroupObjective, objectives_of

SHOTS = (0, 1, 5, 20)
"""Lengths of support that validation looks at; 0 is the prior."""
PEOPLE = 512
"""People adapted at once."""
FIXED, NET = "fixed.", "net."
EPISODES, RANKING, RATING = "episodes", "ranking", "rating"
"""What a loss is of: an episode as a whole, what someone took next, a rating."""


@dataclass(frozen=True)
class EpisodicConfig(GroupConfig):
    """What every learner over episodes is trained by."""

    loss: str = hyper(
        "both",
        "ranking learns what is taken, rating how it is rated; both learns both where there are ratings.",
        choices=("both", "ranking", "rating"),
    )
    use_fields: bool = hyper(True, "Whether attributes of people and fields of items are read.")
    use_text: bool = hyper(False, "Whether texts of items are read, by their vectors from the sentence encoder.")
    shots: int = hyper(20, "Most interactions that an episode gives; from 0 on, all alike.", low=1, high=500)
    queries: int = hyper(20, "Most interactions that an episode then asks about.", low=1, high=500)
    most: int = hyper(200, "Newest interactions of a person that count when adapting.", low=1, high=5000)
    epochs: int = hyper(10, "Passes over all people; the step falls to zero over them.", low=1, high=1000)
    stop_after: int | None = chosen_epochs()
    patience: int = hyper(3, "Epochs without a better validation after which training stops.", low=1, high=1000)
    batch: int = hyper(64, "Episodes in a step.", low=1, high=65_536)
    learning_rate: float = hyper(3e-3, "Largest step of AdamW.", low=1e-6, high=1.0)
    weight_decay: float = hyper(0.01, "Pull of AdamW towards zero.", low=0.0, high=10.0)


class EpisodeLearner(ABC):
    """A recommender trained over episodes. `_fixed` are the arrays beside the weights (features, the bias model …)."""

    name: ClassVar[str]
    config_class: ClassVar[type[Config]]
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = True
    reads_fields: ClassVar[bool] = True
    ordered: ClassVar[bool] = False

    def __init__(self, config: Config | None = None) -> None:
        self.config: Config = config or self.config_class()
        self._net: nn.Module | None = None
        self._fixed: State = {}
        self._scale: NDArray[np.float64] = np.full(4, np.nan)  # lowest, highest, mean, spread of ratings
        self._n_items = 0
        self._best_epoch: int | None = None
        self._groups: dict[str, GroupObjective] = {}  # while training, by what a loss is of

    @classmethod
    def needs_text(cls, config: Config) -> bool:
        return cast(EpisodicConfig, config).use_text

    @property
    def field_names(self) -> frozenset[str]:
        """Attributes and context that are read, as in `Histories.fields`."""
        empty = Vocabulary().packed()
        people, contexts = (self._fixed.get(f"{of}.vocabulary", empty) for of in ("people", "contexts"))
        return Fields(Vocabulary.unpacked(people), Vocabulary.unpacked(contexts), Vocabulary()).names

    # What a learner gives.

    @abstractmethod
    def _prepared(self, train: Dataset, seed: int) -> State:
        """Arrays that the network is made of and that scoring needs, the same whenever the seed is."""

    @abstractmethod
    def _made(self) -> nn.Module:
        """The network, untrained, by configuration and `_fixed`; also sets up what is derived from `_fixed`."""

    @abstractmethod
    def _loss(self, episodes: Episodes, rng: np.random.Generator) -> Tensor:
        """The mean loss of a batch of episodes."""

    @abstractmethod
    def _adapted(self, support: Histories) -> Adapted:
        """What is kept of each person, by `support` without repeats; called without gradients (learners that need
        them inside use torch.enable_grad) for at most PEOPLE at once."""

    @abstractmethod
    def _scored(self, adapted: Adapted, histories: Histories, items: Int | None) -> Float:
        """(n_people, n_items) scores; of `histories` only the fields may be read."""

    def _rated(self, adapted: Adapted, histories: Histories, rows: Int, items: Int) -> Float:
        """(n,) ratings, not yet held within the scale. Learners that predict ratings override it and `predict`."""
        raise NotTrainable("This recommender predicts no ratings.")

    def _begin(self, parents: Mapping[str, Recommender]) -> None:  # noqa: B027 (most take nothing)
        """Learners that are made of others, or start from another, take what they need; the network is made."""

    def _pool(self, train: Dataset) -> Pool:
        """What the episodes are about; a person each unless a learner says otherwise."""
        return Pool.of_people(train.histories)

    def _asked(self, train: Dataset, pool: Pool) -> Mapping[str, NDArray[Any]]:
        """By what a loss is of, (n_users,) how many of it an epoch has of each person: an episode, unless a learner
        says otherwise."""
        return {EPISODES: np.bincount(pool.owners, minlength=train.n_users)}

    # What all share.

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
        """With `validation`, the weights of the best epoch are kept: by NDCG@10, with loss rating by the mean absolute
        error, both as the mean over supports of SHOTS interactions. Raises NotTrainable, Cancelled."""
        require_data(train)
        config, seed = cast(EpisodicConfig, self.config), int(rng.integers(2**31))
        train = train.with_histories(clean(train.histories))
        if resume:  # drawn by the first go, whatever the generator says now
            seed = int(resume["counters"][0])
        self._n_items, self._scale = train.n_items, self._scale_of(train.histories)
        with seeded(seed, 0):
            self._fixed = self._prepared(train, seed)
            self._net = self._made()
        self._begin(parents or {})
        judge = Judge.of(self, validation, seed)
        if self._solved:
            return self._without_epochs(judge, report)
        pool = self._pool(train)

        def loss(at: Int, drawn: np.random.Generator) -> Tensor:
            owners, shots = pool.owners[at], (0, config.shots)
            asked = pool.draw(owners, drawn, shots=shots, queries=config.queries, ordered=self.ordered)
            return self._loss(asked, drawn)

        self._groups = objectives_of(config, train, self._asked(train, pool))
        training = Training(self._net, config, loss, len(pool.owners), seed, self._groups)
        self._best_epoch = training.run(judge, judge.metric if judge else "", resume, telling(report, judge))
        self._groups = {}
        return self

    @property
    def _solved(self) -> bool:
        """Whether `_prepared` has learned all there is to learn, so that there are no epochs."""
        return False

    def _without_epochs(self, judge: Judge | None, report: Report) -> Self:
        if cast(EpisodicConfig, self.config).weighs_groups:
            raise NotTrainable("With these settings all is learned in closed form, where no loss of groups is weighed.")
        self._fitted().eval().requires_grad_(False)
        metrics = {judge.metric: abs(judge()), **judge.latest} if judge else {}
        report(1.0, metrics, None)
        return self

    def refit_config(self) -> Config:
        return self.config if self._best_epoch is None else self.config.replace(stop_after=self._best_epoch)

    def adapt(self, support: Histories) -> Adapted:
        self._fitted()
        support = self._taken(support)
        parts = []
        with torch.no_grad():
            for start in range(0, max(1, len(support)), PEOPLE):
                parts.append(self._adapted(support.select(np.arange(start, min(start + PEOPLE, len(support))))))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _taken(self, support: Histories) -> Histories:
        """What is adapted to: the newest interactions with known items, without repeats."""
        return latest(self._within(clean(support)), cast(EpisodicConfig, self.config).most)

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        self._fitted()
        adapted = self.adapt(histories) if adapted is None else adapted
        with torch.no_grad():
            return np.array(self._scored(adapted, histories, items), dtype=np.float32)

    def _weighted(self, support: Histories, weights: Tensor) -> tuple[Histories, Tensor]:
        """One person's support as `adapt` takes it, and what counts of `weights` (steps, nnz): (steps, L ≥ 1)."""
        self._fitted()
        at = np.flatnonzero(last_of_repeats(support))[-cast(EpisodicConfig, self.config).most :]
        kept = np.isin(np.arange(len(support.items)), at)
        counts = weights[:, torch.from_numpy(at)] if len(at) else weights.new_zeros(len(weights), 1)
        return self._within(support.keep(kept)), counts

    def predicted(self, histories: Histories, rows: Int, items: Int, adapted: Adapted | None = None) -> Float:
        """What `predict` of a learner of ratings returns."""
        self._fitted()
        if not np.isfinite(self._scale).all():
            raise NotTrainable("This recommender has learned no ratings, so it predicts none.")
        if adapted is None:
            asked, rows = np.unique(rows, return_inverse=True)
            histories = histories.select(asked)
            adapted = self.adapt(histories)
        with torch.no_grad():
            found = self._rated(adapted, histories, np.asarray(rows), np.asarray(items))
        return cast(Float, np.clip(found, self._scale[0], self._scale[1]).astype(np.float32))

    def state(self) -> State:
        net = self._fitted()
        found = arrays(net.state_dict(), NET) | {FIXED + name: array for name, array in self._fixed.items()}
        return found | {"scale": self._scale, "n_items": np.array([self._n_items])}

    def load_state(self, state: State) -> Self:
        self._scale, self._n_items = state["scale"], int(state["n_items"][0])
        self._fixed = {name.removeprefix(FIXED): array for name, array in state.items() if name.startswith(FIXED)}
        with seeded(0, 0):
            net = self._made()
        net.load_state_dict(tensors(state, NET))
        self._net = net.eval().requires_grad_(False)
        return self

    def _scale_of(self, histories: Histories) -> NDArray[np.float64]:
        """nan where no ratings are learned. Raises NotTrainable where only ratings would be and there are none."""
        loss, scale = cast(EpisodicConfig, self.config).loss, rating_scale(histories)
        if loss == "rating" and np.isnan(scale).any():
            raise NotTrainable("The catalog has no ratings to learn from; choose the loss ranking.")
        return np.full(4, np.nan) if loss == "ranking" else scale

    @property
    def scale(self) -> tuple[float, float] | None:
        """Lowest and highest rating it learned from; others count as the nearer of the two. None without ratings."""
        return (float(self._scale[0]), float(self._scale[1])) if self._rates else None

    @property
    def _rates(self) -> bool:
        return bool(np.isfinite(self._scale).all())

    @property
    def _ranks(self) -> bool:
        return cast(EpisodicConfig, self.config).loss != "rating"

    def _within(self, support: Histories) -> Histories:
        """Ratings off the scale count as its nearest end."""
        if not self._rates:
            return support
        held = np.clip(support.values, self._scale[0], self._scale[1]).astype(np.float32)
        return replace(support, values=np.where(rated(support), held, support.values))

    def _fitted(self) -> Any:
        if self._net is None:
            raise NotFitted("This recommender has not been trained.")
        return self._net


class RatingLearner(EpisodeLearner):
    """One that predicts ratings too."""

    def predict(self, histories: Histories, rows: Int, items: Int, *, adapted: Adapted | None = None) -> Float:
        return self.predicted(histories, rows, items, adapted)


def clean(histories: Histories) -> Histories:
    """Of an item met repeatedly (rated twice, say, however differently) the last time counts."""
    kept = last_of_repeats(histories)
    return histories if kept.all() else histories.keep(kept)


class Judge:
    """Quality on validation with supports of SHOTS interactions, drawn once for all epochs; the last figures stay."""

    def __init__(self, model: EpisodeLearner, validation: Holdout, seed: int) -> None:
        self.model, self.latest = model, dict[str, float]()
        self.metric = "ndcg@10" if model._ranks else "mae"
        many = np.linspace(0, len(validation.people) - 1, min(VALIDATED, len(validation.people)))
        at = np.unique(many.astype(np.int64))
        self.targets, whole = validation.targets.select(at), clean(validation.histories.select(at))
        self.whole, rng = whole, np.random.default_rng([seed, 0])
        place = np.lexsort((rng.random(len(whole.items)), whole.rows))
        turn = np.empty(len(place), dtype=np.int64)
        turn[place] = np.arange(len(place)) - np.repeat(whole.indptr[:-1], whole.lengths)
        ends = np.repeat(whole.indptr[1:], whole.lengths) - np.arange(len(place)) - 1
        self.supports = {shots: whole.keep((ends if model.ordered else turn) < shots) for shots in SHOTS}

    @classmethod
    def of(cls, model: EpisodeLearner, validation: Holdout | None, seed: int) -> Judge | None:
        return cls(model, validation, seed) if validation is not None and len(validation.people) else None

    def __call__(self) -> float:
        """Higher is better; `latest` gets a figure per number of shots."""
        measure = self._ndcg if self.metric == "ndcg@10" else self._mae
        found = {shots: measure(support) for shots, support in self.supports.items()}
        self.latest = {f"{self.metric} after {shots}": value for shots, value in found.items()}
        mean = float(np.mean(list(found.values())))
        return mean if self.metric == "ndcg@10" else -mean

    def _ndcg(self, support: Histories) -> float:
        ranks = []
        for start in range(0, len(support), PEOPLE):
            at = np.arange(start, min(start + PEOPLE, len(support)))
            scores = mask_seen(self.model.score(support.select(at)), self.whole.select(at))
            targets = self.targets.select(at)
            ranks.append(ranks_of(scores, targets.rows, targets.items))
        return mean_ndcg(np.concatenate(ranks), self.targets)

    def _mae(self, support: Histories) -> float:
        targets = self.targets.keep(rated(self.targets))
        if not len(targets.items):
            return 0.0
        found = self.model.predicted(support, targets.rows, targets.items)
        return float(np.abs(found - targets.values).mean())


def telling(report: Report, judge: Judge | None) -> Report:
    """`report` with what the judge found per number of shots beside the figure that decides."""

    def told(progress: float, metrics: Mapping[str, float], state: State | None) -> None:
        report(progress, {**metrics, **(judge.latest if judge else {})}, state)

    return told
