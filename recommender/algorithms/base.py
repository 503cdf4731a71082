"""The one protocol of recommenders, their configuration, and the choice of the best k."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, Self, TypeGuard, cast, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.data.config import Config as Config
from recommender.data.config import chosen_epochs as chosen_epochs
from recommender.data.config import describe as describe
from recommender.data.config import hyper as hyper
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.exceptions import NotTrainable

START = "start"
"""Among the parents of a training: a recommender of the same kind, trained on another catalog, whose weights it begins
with. A class whose configuration has a setting of this name can take one."""
State = dict[str, NDArray[Any]]
Adapted = dict[str, NDArray[Any]]
Report = Callable[[float, Mapping[str, float], State | None], None]
"""`report(progress 0..1, metrics, state)`, each epoch; may raise Cancelled. `state` is all that resuming needs."""


class Recommender(Protocol):
    """A kind of recommender. One class, one file; `name` is its key in the registry."""

    name: ClassVar[str]
    config_class: ClassVar[type[Config]]
    stochastic: ClassVar[bool]
    """Whether chance plays a part in training (then figures are means over seeds)."""
    uses_validation: ClassVar[bool]
    """Whether `fit` decides anything by `validation` (when to stop)."""
    config: Config

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
        """Learn from `train`. With `validation`, stop where it is best; without, run the configured epochs.

        `resume` is the state last given to `report`; the result then equals an uninterrupted training's.
        """
        ...

    def refit_config(self) -> Config:
        """The configuration with which to train on everything (the number of epochs that validation chose)."""
        ...

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        """(n_people, n_items) float32, or the columns `items`; higher is better. Raises NotFitted."""
        ...

    def state(self) -> State:
        """All that scoring needs, as arrays."""
        ...

    def load_state(self, state: State) -> Self: ...


@runtime_checkable
class RatingPredictor(Protocol):
    """Also predicts ratings, on the scale of the data it learned from.

    A recommender that does nothing else declares `ranks: ClassVar[bool] = False`: its `score` is the predicted
    rating, which makes a poor list. What each can do is `registry.abilities(name)`.
    """

    def predict(self, histories: Histories, rows: Int, items: Int, *, adapted: Adapted | None = None) -> Float:
        """(n,) the rating that person `rows[j]` of `histories` would give `items[j]`, within the range of the ratings
        seen in training. Raises NotFitted; NotTrainable where it was trained without any ratings."""
        ...


@runtime_checkable
class Adaptable(Protocol):
    """Learns from a person's few interactions without being trained again.

    `score` and `predict` given what it learned read no interactions of `histories`, only its `fields`; without, they
    adapt to `histories` first. A learner for which the order of the support counts declares
    `ordered: ClassVar[bool] = True`.
    """

    def adapt(self, support: Histories) -> Adapted:
        """Arrays whose first axis is the person: all that scoring needs to know of each. Of an empty support the
        prior. Deterministic; the model stays as it was. Raises NotFitted."""
        ...


@runtime_checkable
class SupportWeighted(Protocol):
    """An Adaptable in which each interaction of a support can count in part, as a term of a regression, a loss or a
    mean does, smoothly from not at all to as it does."""

    def score_weighted(self, support: Histories, weights: Any, items: Int) -> Any:
        """(steps, k) tensor of one person's (`support`, one row) scores of `items` (k,), adapted anew for each row of
        the tensor `weights` (steps, nnz), in which it can be differentiated. Where all are 1 it is what `score` says;
        where all are 0, what it says without interactions. Interactions that do not count (of an item met repeatedly
        all but the last) leave it as it is. Raises NotFitted."""
        ...


@runtime_checkable
class UsuallyRating(Protocol):
    """An Adaptable whose ratings hold what is usual for the person, b(u) of the bias model, the same for every item."""

    def usual_parts(self, histories: Histories) -> tuple[Histories, Float]:
        """The ratings of `histories` that b(u) is made of, and (nnz of these,) each one's exact part of it. None where
        it does without the bias model. Raises NotFitted."""
        ...


@runtime_checkable
class Unsure(Protocol):
    """Knows how little it knows of what a person thinks of an item: what to ask next. Whether one that is made of
    others knows it depends on them; it says so by a property `unsure` (see `tells_uncertainty`)."""

    def uncertainty(self, support: Histories) -> Float:
        """(n_people, n_items) variance of each predicted opinion after adapting to `support`, in units that compare
        within a person only. Raises NotFitted."""
        ...


def tells_uncertainty(model: object) -> TypeGuard[Unsure]:
    """Whether `model` can be asked for its `uncertainty`."""
    return isinstance(model, Unsure) and bool(getattr(model, "unsure", True))


@runtime_checkable
class Remembering(Protocol):
    """Keeps rows about people: `state()["people"]` are their database keys. Such a class declares
    `remembers_people: ClassVar[bool] = True`; erasing a person rewrites its checkpoints."""

    def forget(self, users: Int) -> Self:
        """Drop all that is kept of the people with these database keys; unknown keys change nothing."""
        ...


@runtime_checkable
class ItemsExtendable(Protocol):
    """Can score items that came after its training, by what is said of them."""

    def extend(self, vectors: Float) -> Self:
        """Add columns at the end for new items with the text vectors `vectors` (n, 384), as `Dataset.item_vectors`;
        the columns there were keep their scores. Changes this recommender and returns it."""
        ...


@runtime_checkable
class FieldsExtendable(Protocol):
    """Can score items that came after its training, by their fields as well as their texts."""

    def extend_with(self, fields: pd.DataFrame, vectors: Float) -> Self:
        """Add columns at the end for new items: `fields` a row each, as `Dataset.item_fields` (columns may lack, values
        never seen say nothing), `vectors` as for `ItemsExtendable.extend`. Changes this recommender and returns it."""
        ...


@runtime_checkable
class LinearlyExplainable(Protocol):
    def contributions(self, histories: Histories, items: Int) -> Float:
        """Exact parts of scores. `items` (n_people, k); returns (nnz, k): what each interaction of a person adds to
        the score of each of that person's k items. Sums over a person's interactions equal `score`."""
        ...


@runtime_checkable
class Differentiable(Protocol):
    """Reads a history through embeddings, so that a score has a gradient at each interaction."""

    def embed(self, histories: Histories) -> dict[str, Any]:
        """`tokens` (n_people, w, d) torch tensor of what is read, and `places` (n_people, w): where in
        `histories.items` each is, −1 where it is no interaction. An empty history is read as one token."""
        ...

    def score_embedded(self, embedded: Mapping[str, Any], histories: Histories, items: Int) -> Any:
        """(n_people, k) scores of each person's `items` (n_people, k), or of the same (k,) for all; as `score`,
        differentiable by `embedded["tokens"]`."""
        ...


@runtime_checkable
class ItemFieldsMaskable(Protocol):
    """Can score an item of which only some fields are told."""

    def item_field_names(self, item: int) -> tuple[str, ...]:
        """What it reads of `item` and is known of it: fields by name, "text" its text vector, "itself" what was learned
        of it alone (its own row, bias, behaviour, popularity). Empty where fields cannot be taken away."""
        ...

    def score_item(self, histories: Histories, item: int, known: NDArray[np.bool_]) -> Float:
        """(n_people,) scores of `item` by each person, told of it what `known` (n_people, names) says, in the order of
        `item_field_names`; told everything, as `score`. Items of histories stay as they are."""
        ...


@runtime_checkable
class Attentive(Protocol):
    """Weighs what it reads against itself."""

    def attention(self, histories: Histories) -> tuple[Float, Int]:
        """(n_people, layers, heads, w): with which weights each head mixes what is read into what is ranked by, summing
        to 1 over w; and (n_people, w) where in `histories.items` each is, −1 where it is no interaction."""
        ...


def require_data(train: Dataset) -> None:
    """Raises NotTrainable when there is nothing at all to learn from."""
    if not train.n_items:
        raise NotTrainable("The catalog has no items. Import items or interactions first.")
    if not len(train.histories.items):
        raise NotTrainable("The catalog has no interactions to learn from. Import some first.")


def columns(scores: Float, items: Int | None) -> Float:
    """The columns `items` of `scores` (n_people, n_items), or all; always an array the caller may write to."""
    return scores if items is None else np.ascontiguousarray(scores[:, items])


def mask_seen(scores: Float, histories: Histories) -> Float:
    """Set the scores (n_people, n_items) of what each person already met to −inf, in place."""
    scores[histories.rows, histories.items] = -np.inf
    return scores


def top_k(scores: Float, k: int) -> tuple[Int, Float]:
    """The k best columns of each row, best first; ties go to the lower column. Masked (−inf) places get item −1.

    Returns (n, k') positions and their scores, k' = min(k, n_items).
    """
    k = min(k, scores.shape[1])
    if k == 0:
        return np.empty((len(scores), 0), dtype=np.int64), np.empty((len(scores), 0), dtype=np.float32)
    threshold = -np.partition(-scores, k - 1, axis=1)[:, k - 1 : k]
    best = np.empty((len(scores), k), dtype=np.int64)
    for row, (line, least) in enumerate(zip(scores, threshold, strict=True)):
        candidates = np.flatnonzero(line >= least)
        best[row] = candidates[np.argsort(-line[candidates], kind="stable")[:k]]
    values = np.take_along_axis(scores, best, axis=1)
    return cast(Int, np.where(np.isneginf(values), -1, best)), values


def ranks_of(scores: Float, rows: Int, items: Int) -> NDArray[np.float64]:
    """(nnz,) rank of `items` in the ranking of person `rows`, 1 = best; equal scores rank the lower column first.

    `scores` (n_people, n_items), seen items masked; a masked item has no rank (inf), nor has one whose score is nan.
    """
    ranks = np.empty(len(items))
    block = max(1, 8_000_000 // max(1, scores.shape[1]))
    for start in range(0, len(items), block):
        at = slice(start, start + block)
        lines, own = scores[rows[at]], scores[rows[at], items[at]][:, None]
        equal_before = (lines == own) & (np.arange(scores.shape[1]) < items[at][:, None])
        ranks[at] = 1 + (lines > own).sum(axis=1) + equal_before.sum(axis=1)
        ranks[at][np.isneginf(own[:, 0]) | np.isnan(own[:, 0])] = np.inf
    return ranks


def ndcg(model: Recommender, holdout: Holdout, k: int = 10, *, batch: int = 512) -> float:
    """Mean NDCG@k over people: what early stopping watches."""
    ranks = []
    for start in range(0, len(holdout.people), batch):
        at = np.arange(start, min(start + batch, len(holdout.people)))
        histories, targets = holdout.histories.select(at), holdout.targets.select(at)
        ranks.append(ranks_of(mask_seen(model.score(histories), histories), targets.rows, targets.items))
    return mean_ndcg(np.concatenate(ranks), holdout.targets, k) if ranks else 0.0


def mean_ndcg(ranks: NDArray[np.float64], targets: Histories, k: int = 10) -> float:
    """Mean over whoever has targets of Σ 1/log₂(1 + rank) of those within k / the same of an ideal list; `ranks`
    (nnz,), inf = never."""
    gains = np.bincount(targets.rows, weights=np.where(ranks <= k, 1 / np.log2(ranks + 1), 0.0), minlength=len(targets))
    asked, ideal = targets.lengths > 0, np.cumsum(1 / np.log2(np.arange(2, k + 2)))
    return float((gains[asked] / ideal[np.minimum(targets.lengths[asked], k) - 1]).mean()) if asked.any() else 0.0
