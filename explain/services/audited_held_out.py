"""What is audited of a run: the lists it makes for people whose last choice was held out, and what is known of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from explain.fairness import groups as forming
from explain.fairness.base import Asked, Grouping, Material
from explain.models import DisparityAudit, Examination
from explain.selectors import trust
from explain.services.classed import classes_of
from explain.services.trust import in_terms_of
from recommender.algorithms.base import Recommender
from recommender.algorithms.checkpoint import Checkpoint as Content
from recommender.algorithms.reranked import OF, Reranked
from recommender.data.dataset import Dataset, Histories, Holdout, IdMap, Int
from recommender.data.features import number_of
from recommender.data.preparation import fingerprint
from recommender.data.splits import Split, leave_last_out
from recommender.evaluation.protocol import evaluate
from recommender.evaluation.segments import LEAST
from recommender.exceptions import Conflict
from recommender.models import Attribute, Catalog, Checkpoint, Run
from recommender.selectors import pages
from recommender.selectors.dataset import Bounds, hidden_items, load_dataset
from recommender.services import evaluating, preparing
from recommender.services.checkpoints import load_checkpoint
from recommender.services.progress import Progress

METRICS = ("ndcg", "recall", "hit", "mrr")
CROSSED = 3
"""Attributes of which every two are crossed."""
BESIDE = 6
"""Attributes that were not asked for, and are looked at all the same when it is decided what may be shown."""
FIGURES_OF_TRUST = ("cdcg", "pos@5", "infidelity", "sensitivity")


def material(row: DisparityAudit, names: list[str] | None, asked: Asked, told: Progress) -> Material:
    """By the weights the run was measured by, on the rows it was measured on. Raises Conflict where they are gone."""
    run = row.run
    assert run is not None  # a constraint of the table
    told.say("reading the data", 0.05)
    content = load_checkpoint(run_id=run.pk, purpose=Checkpoint.Purpose.MEASURED)
    if content is None:
        raise Conflict(f"The weights that run {run.pk} was measured by are gone; train it again to audit it.")
    split = _split(run, content)
    holdout = _holdout(split, content.items)
    model = content.restore()
    found = evaluate(
        model, holdout, replace(split.full, items=content.items), ks=(asked.k,),
        progress=lambda share: told.say("making everyone’s list", 0.1 + 0.45 * share),
    )  # fmt: skip
    users = split.full.users.keys[holdout.people]
    shares = met_by(holdout.histories, len(content.items))
    groupings, problems = groupings_of(run.catalog, users, names, holdout.histories, shares)
    offered = ~np.isin(content.items.keys, hidden_items(catalog_id=run.catalog_id))
    quality = found.per_user[[f"{name}@{asked.k}" for name in METRICS]]
    classes, unclassed = classes_of(run.catalog, content.items.keys, shares)
    return Material(
        users=users, lists=found.lists, owners=np.arange(len(users)), quality=with_errors(run, users, quality),
        histories=holdout.histories, targets=holdout.targets, shares=shares, offered=offered, new=shares == 0,
        groupings=tuple(groupings), classes=tuple(classes), problems=problems,
        amiss=(*changed(run, split.full), *unclassed),
        sensitive_features=sensitive_read(run.catalog, model), explanations=explained(run, users),
    )  # fmt: skip


def with_errors(run: Run, users: Int, quality: pd.DataFrame) -> pd.DataFrame:
    """With `mae`, each person's mean error of predicted ratings as the run was measured, where it predicts them."""
    try:
        table = evaluating.person_metrics(run=run)
    except Conflict:
        return quality
    if "mae_person" not in table or not table["mae_person"].notna().any():
        return quality
    return quality.assign(mae=table.set_index("user")["mae_person"].reindex(users).to_numpy(dtype=np.float64))


def sensitive_read(catalog: Catalog, model: Recommender) -> tuple[str, ...]:
    """Attributes of people that are declared sensitive now and that the recommender reads: none is given to it as one,
    but it may have been declared so after the training. What a remedy makes groups of people by is not one that it
    reads to make lists: a sensitive one is known in training only."""
    model = model.members()[OF] if isinstance(model, Reranked) else model
    read = set(getattr(model, "field_names", ()))
    return tuple(
        each.name for each in pages.declared(catalog, Attribute.Scope.USER) if each.sensitive and each.name in read
    )


def explained(run: Run, users: Int) -> pd.DataFrame | None:
    """(n_people rows) Figures of trust in explanations by the way that the newest examination found the most faithful,
    nan of whom it did not examine; None where nothing was examined or its rows are gone."""
    row = Examination.objects.filter(run=run, kind=Examination.Kind.TRUST, status=Run.Status.SUCCEEDED)
    newest = row.order_by("-id").first()
    table = trust.people(newest) if newest is not None else None
    ways = [each["way"] for each in (newest.results["ways"] if newest is not None else []) if each.get("decided")]
    if table is None or not ways:
        return None
    closed = {each["way"]: (each.get("closed") or {}).get("cdcg") for each in newest.results["ways"]}
    best = max(ways, key=lambda way: closed[way]["value"] if closed[way] else -np.inf)
    told = table[table["way"] == best].drop_duplicates("user").set_index("user")
    figures = [name for name in FIGURES_OF_TRUST if name in told]
    return told[figures].reindex(users).reset_index(drop=True)


def _split(run: Run, content: Content) -> Split:
    dataset = load_dataset(catalog_id=run.catalog_id, bounds=Bounds(**content.extra["bounds"]))
    return leave_last_out(preparing.prepared(run=run, dataset=dataset)[0])


def changed(run: Run, data: Dataset) -> list[str]:
    """A sentence where the rows of a run are not those any more that it was measured on."""
    if not run.data_fingerprint or fingerprint(data) == run.data_fingerprint:
        return []
    return [f"The data changed since run {run.pk} was trained. Where somebody’s last choice is gone, an earlier one is "
            "held out, which the recommender may have learned from, so its figures may be too good."]  # fmt: skip


def _holdout(split: Split, items: IdMap) -> Holdout:
    """The test's people in positions of the items the weights know."""
    histories, targets = (
        in_terms_of(each, split.full.items, items) for each in (split.test.histories, split.test.targets)
    )
    return Holdout(split.test.people, histories, targets)


def met_by(histories: Histories, n_items: int) -> NDArray[np.float64]:
    """(n_items,) share of people who had met each item."""
    pairs = np.unique(histories.rows * n_items + histories.items)
    return np.bincount(pairs % n_items, minlength=n_items) / max(1, len(histories))


def groupings_of(
    catalog: Catalog, users: Int, names: list[str] | None, histories: Histories, shares: NDArray[np.float64]
) -> tuple[list[Grouping], dict[str, str]]:
    """By attributes, every two of the first CROSSED of them, activity and taste; silent ones by attributes that were
    not asked for; and why there are none by some."""
    declared = {each.name: each for each in pages.declared(catalog, Attribute.Scope.USER)}
    made: list[Grouping] = []
    problems: dict[str, str] = {}
    asked = list(declared if names is None else dict.fromkeys(names))
    for name in asked:
        formed = _by(catalog, declared[name], users) if name in declared else f"There is no attribute {name} of people."
        if isinstance(formed, str):
            problems[name] = formed
        else:
            made.append(formed)
    crossed = _crossed(made[:CROSSED])
    others = [_by(catalog, declared[name], users) for name in list(declared)[:BESIDE] if name not in asked]
    crossed += _silent(made, [each for each in others if isinstance(each, Grouping)], crossed)
    of_behaviour = [replace(each, name=f"{each.name} by history" if each.name in declared else each.name)
                    for each in (forming.by_activity(histories, least=LEAST), forming.by_taste(histories, shares))
                    if isinstance(each, Grouping)]  # fmt: skip
    return [*made, *of_behaviour, *crossed], problems


def _silent(made: list[Grouping], others: list[Grouping], crossed: list[Grouping]) -> list[Grouping]:
    """The `others`, and every two of the first CROSSED of them and of those `made` that are not `crossed`: what another
    audit of the same people tells of, which looks at all."""
    known = {each.name for each in crossed}
    first = sorted([*made, *others], key=lambda each: each.name)[:CROSSED]
    new = [each for each in _crossed(first) if each.name not in known]
    return [replace(each, silent=True) for each in (*others, *new)]


def _crossed(single: list[Grouping]) -> list[Grouping]:
    """Every two, in the order of their names, so that all audits cross them alike."""
    return [forming.cross(*pair) for pair in combinations(sorted(single, key=lambda each: each.name), 2)]


def _by(catalog: Catalog, attribute: Attribute, users: Int) -> Any:
    found = pages.attribute_of_people(catalog, attribute.name)
    values = [found.get(user) for user in users.tolist()]
    named = {"name": attribute.name, "title": attribute.name, "sensitive": attribute.sensitive}
    if attribute.type == Attribute.Type.NUMBER:
        numbers = [number_of(value) for value in values]
        known = np.array([np.nan if value is None else value for value in numbers], dtype=np.float64)
        return forming.by_band(numbers=known, least=LEAST, **named)
    return forming.by_value(values=[None if isinstance(value, list) else value for value in values], **named)
