"""How a recommender is measured: full ranking over the catalog, seen items filtered, every person counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recommender.algorithms.base import Config, Recommender, Report, State, mask_seen, ranks_of, top_k
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.splits import Split
from recommender.evaluation.ranking import coverage, ranking_metrics
from recommender.exceptions import RecommenderError

KS = (5, 10, 20)
CELLS = 4_000_000
"""Cells of a batch's score matrix; a dense matrix never exceeds it by more than one row."""


@dataclass(frozen=True)
class Evaluation:
    """`per_user`: column `user` (database key) and one per metric (`ndcg@10`), a row per person asked about.

    `lists` (n_people, max k) item positions, best first, −1 where the catalog ran out; `summary`: the mean of each
    metric, `coverage@k`, and nothing else; `ranks` (nnz,) the place of each held-out item, inf = never.
    """

    per_user: pd.DataFrame
    lists: Int
    summary: dict[str, float]
    ranks: NDArray[np.float64]


def evaluate(
    model: Recommender,
    holdout: Holdout,
    dataset: Dataset,
    *,
    ks: Sequence[int] = KS,
    batch: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Evaluation:
    """Ask `model` about everyone in `holdout`. `dataset` gives the keys of people and the size of the catalog.

    A held-out item that is not in the list counts as a miss (0). `progress(0..1)` is called after each batch and may
    raise Cancelled. Raises RecommenderError where a score is not finite: such a ranking means nothing.
    """
    n_people, deepest = len(holdout.people), max(ks)
    batch = batch or max(1, CELLS // max(1, dataset.n_items))
    ranks = np.empty(len(holdout.targets.items))
    lists = np.full((n_people, min(deepest, dataset.n_items)), -1, dtype=np.int64)
    for start in range(0, n_people, batch):
        at = np.arange(start, min(start + batch, n_people))
        targets = holdout.targets.select(at)
        scores = only(_masked_scores(model, holdout.histories.select(at)), holdout)
        first, last = holdout.targets.indptr[at[0]], holdout.targets.indptr[at[-1] + 1]
        ranks[first:last] = ranks_of(scores, targets.rows, targets.items)
        lists[at], _ = top_k(scores, deepest)
        if progress:
            progress((at[-1] + 1) / n_people)
    metrics = ranking_metrics(ranks, holdout.targets.rows, n_people, ks)
    per_user = pd.DataFrame({"user": dataset.users.keys[holdout.people], **metrics})
    ranked = dataset.n_items if holdout.candidates is None else len(holdout.candidates)
    return Evaluation(per_user, lists, _summary(metrics, lists, ks, ranked), ranks)


def only(scores: Float, holdout: Holdout) -> Float:
    """Scores (n, n_items) with −inf for items that this holdout does not rank."""
    if holdout.candidates is None:
        return scores
    masked = np.full_like(scores, -np.inf)
    masked[:, holdout.candidates] = scores[:, holdout.candidates]
    return masked


def _masked_scores(model: Recommender, histories: Histories) -> NDArray[np.float32]:
    scores = model.score(histories)
    if not np.isfinite(scores).all():
        raise RecommenderError(f"{model.name} gave scores that are not finite; its training did not succeed.")
    return mask_seen(scores, histories)


def _summary(
    metrics: Mapping[str, NDArray[np.float64]], lists: Int, ks: Sequence[int], n_items: int
) -> dict[str, float]:
    means = {name: float(values.mean()) if len(values) else 0.0 for name, values in metrics.items()}
    return means | {f"coverage@{k}": coverage(lists, k, n_items) for k in sorted(set(ks))}


@dataclass(frozen=True)
class Fitted:
    """`model`: learned from everything but the test. `chosen`: the configuration with which to train on everything.

    `blind`: the one that validation was asked of while it chose, where that happened in this go.
    """

    model: Recommender
    chosen: Config
    blind: Recommender | None = None


Create = Callable[[Config], Recommender]
Parents = Callable[[int], Mapping[str, Recommender]]
"""The parents of a recommender by stage: at CHOOSING they have not learned from the validation's targets, at MEASURED
not from the test's."""
STAGE, CHOSEN = "fit.stage", "fit.chosen"
CHOOSING, MEASURED = 0, 1


def fit_measured(
    create: Create,
    config: Config,
    split: Split,
    *,
    seed: int,
    report: Report,
    resume: State | None = None,
    parents: Parents | None = None,
    keep: Callable[[Recommender], None] | None = None,
) -> Fitted:
    """The recommender whose test figures are reported: it has learned from everything but the test.

    Where validation decides something (`uses_validation`), first a training on `split.train` in which
    `split.validation` chooses when to stop, then a second one with that choice on `split.before_test`. All others
    are trained once, on `split.before_test`. Every training starts from `seed`. `report` sees the whole go from 0 to
    1 with a metric `stage` (0 choosing, 1 measured); the state it is given resumes either. `keep` is given the
    recommender of the first training, of which others may be made. May raise Cancelled.
    """
    of_stage = parents or (lambda stage: {})
    model, blind = create(config), None
    stages = 2 if model.uses_validation and len(split.validation.people) else 1
    chosen, inner = _resumed(config, resume)
    if stages == 2 and (resume is None or int(resume[STAGE][0]) == CHOOSING):
        told = _part(report, CHOOSING, (0.0, 0.5), {})
        rng = np.random.default_rng(seed)
        given = of_stage(CHOOSING)
        model.fit(split.train, validation=split.validation, parents=given, resume=inner, rng=rng, report=told)
        chosen, inner, blind = model.refit_config(), None, model
        if keep:
            keep(model)
    told = _part(report, MEASURED, (1 - 1 / stages, 1.0), {CHOSEN: _packed(chosen)})
    model = create(chosen)
    given, rng = of_stage(MEASURED), np.random.default_rng(seed)
    model.fit(split.before_test, parents=given, resume=inner, rng=rng, report=told)
    return Fitted(model, chosen, blind)


def _resumed(config: Config, resume: State | None) -> tuple[Config, State | None]:
    if resume is None:
        return config, None
    inner = {name: value for name, value in resume.items() if name not in (STAGE, CHOSEN)}
    if CHOSEN not in resume:
        return config, inner
    return type(config).from_mapping(json.loads(resume[CHOSEN].tobytes())), inner


def _packed(config: Config) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(asdict(config)).encode(), dtype=np.uint8)


def _part(report: Report, stage: int, span: tuple[float, float], extra: State) -> Report:
    """A report for one stage: its 0..1 is the whole's `span`, its state remembers the stage."""

    def told(progress: float, metrics: Mapping[str, float], state: State | None) -> None:
        if state is not None:
            state = state | extra | {STAGE: np.array([stage])}
        report(span[0] + progress * (span[1] - span[0]), {**metrics, "stage": stage}, state)

    return told
