"""All figures of a recommender on what was held out: lists, beyond accuracy, ratings, likes as a decision.

What is known of a person beside the figures goes into columns `of_…`: `of_history` (interactions known when asked),
`of_targets` (held-out ones) and `of_popularity` (how many people met the held-out items before, on average).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.algorithms.base import RatingPredictor, Recommender, Report, mask_seen, ranks_of
from recommender.data.dataset import Dataset, Histories, Holdout, Int
from recommender.data.preparation import rated
from recommender.data.splits import Split
from recommender.evaluation import beyond_accuracy as beyond
from recommender.evaluation import decision
from recommender.evaluation.protocol import CELLS, CHOOSING, KS, Create, Evaluation, Fitted, Parents, evaluate, only
from recommender.evaluation.rating import rating_intervals, rating_table
from recommender.evaluation.significance import Interval, intervals
from recommender.exceptions import NotTrainable

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """`per_user`: column `user` (database key), a column per metric that a person has, and `of_…`.

    `metrics`: value and 95% interval of each, nan where there is none; `details`: what else belongs to them, as JSON
    can hold it (threshold, calibration, reliability table, figures of folds); `said`: about each held-out rating.
    """

    per_user: pd.DataFrame
    metrics: dict[str, Interval]
    details: dict[str, Any] = field(default_factory=dict)
    said: Opinions | None = None


@dataclass(frozen=True)
class Opinions:
    """About each held-out rating: whose (position in Dataset.users), what the recommender said, what was given.

    `on_scale`: what was said is a rating, not just a score. `liked` says whether it was liked, `probabilities` how
    likely the recommender found that; both are empty where no map could be learned.
    """

    people: Int
    said: Values
    given: Values
    on_scale: bool
    liked: NDArray[np.bool_]
    probabilities: Values
    method: str = ""


def measure_lists(
    model: Recommender,
    holdout: Holdout,
    known: Dataset,
    *,
    ks: Sequence[int] = KS,
    progress: Callable[[float], None] | None = None,
) -> Measured:
    """Ranking and beyond accuracy; no metrics where nobody is asked. `known` is what `model` learned from; raises as
    protocol.evaluate."""
    evaluation = evaluate(model, holdout, known, ks=ks, progress=progress)
    columns, summary = _beyond(evaluation, holdout, known, ks)
    about = _about(holdout, known)
    if not len(evaluation.per_user):
        return Measured(evaluation.per_user, {})
    per_user = pd.concat([evaluation.per_user, pd.DataFrame(columns), about], axis=1)
    whole = {name: Interval(value, math.nan, math.nan) for name, value in (evaluation.summary | summary).items()}
    return Measured(per_user, whole | intervals(per_user))


def _beyond(
    evaluation: Evaluation, holdout: Holdout, known: Dataset, ks: Sequence[int]
) -> tuple[dict[str, Values], dict[str, float]]:
    """Columns per person and figures of all lists together."""
    lists, histories = evaluation.lists, known.histories
    people = max(1, int(np.count_nonzero(histories.lengths)))
    shares = beyond.shares_of_people(histories.items, known.n_items, people)
    popular = _popular_ranks(holdout, shares)
    shown = beyond.popularity(lists, shares)
    news = beyond.self_information(lists, shares, people)
    columns: dict[str, Values] = {}
    for k in sorted(set(ks)):
        columns[f"novelty@{k}"] = beyond.mean_of_first(news, k)
        columns[f"popularity@{k}"] = beyond.mean_of_first(shown, k)
        found = beyond.serendipity(evaluation.ranks, popular, holdout.targets.rows, len(lists), k)
        columns[f"serendipity@{k}"] = found
    columns |= _of_contents(lists, holdout.histories, known, sorted(set(ks)))
    ranked = slice(None) if holdout.candidates is None else holdout.candidates
    return columns, {f"gini@{k}": beyond.gini(beyond.exposure(lists, known.n_items, k)[ranked]) for k in ks}


def _of_contents(lists: Int, histories: Histories, known: Dataset, ks: Sequence[int]) -> dict[str, Values]:
    """How mixed lists are by categories and by text, and how far their categories are from the history's."""
    columns: dict[str, Values] = {}
    members = beyond.memberships(beyond.columns_of(known.item_fields, "categories"))
    if members is not None:
        mixed = beyond.category_diversity(lists, members, ks)
        preferred = beyond.tastes(histories.rows, histories.items, len(lists), members)
        columns |= {f"diversity@{k}": mixed[k] for k in ks}
        columns |= {f"calibration@{k}": beyond.miscalibration(lists, preferred, members, k) for k in ks}
    vectors = getattr(known, "item_vectors", None)
    if vectors is not None:
        columns |= {f"text_diversity@{k}": each for k, each in beyond.vector_diversity(lists, vectors, ks).items()}
    return columns


def _popular_ranks(holdout: Holdout, shares: Values) -> Values:
    """(nnz,) rank of each held-out item in the list of the most popular items that the person had not seen."""
    ranks = np.empty(len(holdout.targets.items))
    batch = max(1, CELLS // max(1, len(shares)))
    for start in range(0, len(holdout.people), batch):
        at = np.arange(start, min(start + batch, len(holdout.people)))
        targets = holdout.targets.select(at)
        scores = np.tile(shares.astype(np.float32), (len(at), 1))
        scores = only(mask_seen(scores, holdout.histories.select(at)), holdout)
        first, last = holdout.targets.indptr[at[0]], holdout.targets.indptr[at[-1] + 1]
        ranks[first:last] = ranks_of(scores, targets.rows, targets.items)
    return ranks


def _about(holdout: Holdout, known: Dataset) -> pd.DataFrame:
    counts = np.bincount(known.histories.items, minlength=known.n_items)
    asked = np.maximum(holdout.targets.lengths, 1)
    met = np.bincount(
        holdout.targets.rows, weights=counts[holdout.targets.items].astype(np.float64), minlength=len(holdout.people)
    )
    return pd.DataFrame(
        {"of_history": holdout.histories.lengths, "of_targets": holdout.targets.lengths, "of_popularity": met / asked}
    )


def measure(
    create: Create,
    fitted: Fitted,
    split: Split,
    *,
    seed: int,
    report: Report,
    progress: Callable[[float], None] | None = None,
    parents: Parents | None = None,
) -> Measured:
    """All that `fitted` can be measured on by the test of `split`: lists where it ranks, ratings where it predicts
    them. For the map to probabilities it may be trained once more, without validation (`report` is told)."""
    lists = None
    if getattr(fitted.model, "ranks", True):
        lists = measure_lists(fitted.model, split.test, split.before_test, progress=progress)
    said = opinions_of(create, fitted, split, seed=seed, report=report, parents=parents)
    found = together(lists, measure_opinions([said], split.full) if said is not None else None)
    return replace(found, said=said)


def opinions_of(
    create: Create,
    fitted: Fitted,
    split: Split,
    *,
    seed: int,
    report: Report,
    parents: Parents | None = None,
) -> Opinions | None:
    """What `fitted` says about the ratings of the test; None where it or the data know no ratings."""
    known = split.before_test
    if not can_rate(fitted.model, known) or not rated(split.test.targets).any():
        return None
    blind = fitted.blind
    if blind is None:
        rng = np.random.default_rng(seed)
        given = parents(CHOOSING) if parents else {}
        blind = create(fitted.chosen).fit(split.train, parents=given, rng=rng, report=report)
    return opinions(fitted.model, split.test, known, validation=split.validation, blind=blind)


def can_rate(model: Recommender, known: Dataset) -> bool:
    """Whether `model` predicts ratings and those it learned from differ at all."""
    values = known.histories.values[rated(known.histories)]
    return isinstance(model, RatingPredictor) and len(values) > 1 and float(values.min()) < float(values.max())


def opinions(
    model: Recommender, holdout: Holdout, known: Dataset, *, validation: Holdout, blind: Recommender
) -> Opinions:
    """What `model` says about the ratings held out. `blind` learned without `validation`, which fixes the map to
    probabilities; the threshold from which on something is liked follows from the ratings in `known`."""
    people, said, given, on_scale = _said(model, holdout)
    _, before, marks, comparable = _said(blind, validation)
    threshold = threshold_in(known)
    if not len(before) or comparable != on_scale:
        nothing = np.zeros(0)
        return Opinions(people, said, given, on_scale, nothing.astype(np.bool_), nothing)
    calibration = decision.learn_calibration(before, marks >= threshold)
    return Opinions(
        people, said, given, on_scale, given >= threshold, calibration.probabilities(said), calibration.method
    )


def threshold_in(known: Dataset) -> float:
    """See decision.threshold_of."""
    return decision.threshold_of(known.histories.values[rated(known.histories)].astype(np.float64))


def _said(model: Recommender, holdout: Holdout) -> tuple[Int, Values, Values, bool]:
    """Person, what was said, what was given for each held-out rating, and whether what was said is a rating.

    A recommender that was trained on clicks predicts no rating (NotTrainable); its score is taken instead.
    """
    targets = holdout.targets.keep(rated(holdout.targets))
    people, given = holdout.people[targets.rows], targets.values.astype(np.float64)
    assert isinstance(model, RatingPredictor)
    try:
        said = model.predict(holdout.histories, targets.rows, targets.items)
        return people, np.asarray(said, dtype=np.float64), given, True
    except NotTrainable:
        return people, _scores(model, holdout.histories, targets), given, False


def _scores(model: Recommender, histories: Histories, targets: Histories) -> Values:
    found = np.empty(len(targets.items))
    for start in range(0, len(targets), 256):
        at = np.arange(start, min(start + 256, len(targets)))
        asked = targets.select(at)
        found[targets.indptr[at[0]] : targets.indptr[at[-1] + 1]] = model.score(histories.select(at))[
            asked.rows, asked.items
        ]
    return found


def measure_opinions(parts: Sequence[Opinions], known: Dataset) -> Measured:
    """Errors of ratings and likes as a decision, over all `parts` (folds) together."""
    people = np.concatenate([part.people for part in parts])
    keys, rows = np.unique(people, return_inverse=True)
    table = pd.DataFrame({"user": known.users.keys[keys]})
    metrics: dict[str, Interval] = {}
    details: dict[str, Any] = {"ratings": len(people)}
    if all(part.on_scale for part in parts):
        said, given = _joined(parts, "said"), _joined(parts, "given")
        table = table.join(rating_table(said, given, rows, len(keys)))
        metrics |= rating_intervals(table)
        if len(parts) > 1:
            details["folds"] = [_errors(part) for part in parts]
    if all(len(part.liked) for part in parts) and len(people):
        probabilities, liked = _joined(parts, "probabilities"), _joined(parts, "liked")
        table = table.join(decision.decision_table(probabilities, liked, rows, len(keys)))
        metrics |= decision.decision_intervals(table)
        details |= {"threshold": threshold_in(known), "calibration": parts[0].method, "liked": float(liked.mean())}
        details["reliability"] = decision.reliability(probabilities, liked)
        rest = {"auc": decision.auc(probabilities, liked)}
        rest["ece"] = decision.expected_calibration_error(details["reliability"])
        metrics |= {name: Interval(value, math.nan, math.nan) for name, value in rest.items() if value is not None}
    return Measured(table, metrics | intervals(table), details)


def _joined(parts: Sequence[Opinions], name: str) -> Any:
    return np.concatenate([getattr(part, name) for part in parts])


def _errors(part: Opinions) -> dict[str, float]:
    error = part.said - part.given
    return {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean())), "ratings": len(error)}


def together(lists: Measured | None, ratings: Measured | None) -> Measured:
    """Both in one table: a row for everyone who is in either. Raises NotTrainable where there is neither."""
    if lists is None or ratings is None:
        found = lists or ratings
        if found is None:
            raise NotTrainable("No rating was held out, or all are the same: there is nothing to measure by.")
        return found
    per_user = lists.per_user.merge(ratings.per_user, on="user", how="outer")
    return Measured(per_user, lists.metrics | ratings.metrics, lists.details | ratings.details)


def as_rows(metrics: Mapping[str, Interval]) -> dict[str, dict[str, float | None]]:
    """{"ndcg@10": {"value", "low", "high"}, …} with None for nan; a metric without any value is left out."""
    rows = {
        name: {part: float(value) if math.isfinite(value) else None for part, value in each.as_dict().items()}
        for name, each in metrics.items()
    }
    return {name: row for name, row in rows.items() if row["value"] is not None}
