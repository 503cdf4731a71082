"""How far the explanations of one run can be trusted: many people's first recommendations explained by every method
and tested. The recommender is the one that was measured on held-out data, asked as it was then."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from explain.attribution import examined
from explain.attribution import registry as attribution
from explain.attribution.examined import GREEDY, RANDOM, Examined, Plan
from explain.attribution.verdicts import summarised
from explain.models import Examination
from explain.selectors import trust as select
from explain.services.examining import Done
from recommender.algorithms import registry
from recommender.algorithms.base import Recommender
from recommender.algorithms.checkpoint import Checkpoint as Content
from recommender.data.dataset import Histories, IdMap, Int
from recommender.data.splits import Split, leave_last_out
from recommender.evaluation.parents import TrainedParents
from recommender.evaluation.protocol import fit_measured
from recommender.exceptions import BadInput, Conflict
from recommender.models import Checkpoint, Run
from recommender.selectors.dataset import Bounds, hidden_items, load_dataset
from recommender.services import encoding, grouping, preparing
from recommender.services import parents as made_of
from recommender.services.checkpoints import load_checkpoint
from recommender.services.progress import Progress
from recommender.services.starting import started

PEOPLE, FEWEST, MOST = 100, 20, 2000
SLOW_SHARE, CLOSE_SHARE = 0.3, 0.3
"""Of the people, those with whom slow methods are tried, and those with whom explanations are made anew."""
UNTIL_EXPLAINED = 0.95
SECONDS = 600.0
"""After so long nobody more is examined, and after a way's share of it nobody more by that way, but not before FEWEST:
with fewer nothing is judged. The page says how many people each way explained."""


@dataclass(frozen=True)
class Asked:
    """`people`: how many are drawn by `seed`; `methods`: names of those examined (none: all); `retrain`: whether a
    second recommender is trained where no run differs by its seed alone."""

    people: int = PEOPLE
    seed: int = 0
    retrain: bool = False
    methods: tuple[str, ...] = ()

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> Asked:
        """From a row's settings, which a form may have filled with text. Raises BadInput naming the field."""
        found = cls(
            _whole(settings, "people", PEOPLE, FEWEST, MOST),
            _whole(settings, "seed", 0, 0, 2**31 - 1),
            str(settings.get("retrain", "")).lower() in ("1", "true", "on", "yes"),
            _methods(settings.get("methods", "")),
        )
        if unknown := set(settings) - set(vars(found)):
            raise BadInput(f"An examination has no setting “{min(unknown)}”.", field=min(unknown))
        return found


def read(settings: Mapping[str, Any]) -> Asked:
    """See Asked.read."""
    return Asked.read(settings)


def _methods(given: str | Sequence[str]) -> tuple[str, ...]:
    names = tuple(filter(None, given.replace(",", " ").split() if isinstance(given, str) else given))
    if unknown := set(names) - set(attribution.METHODS):
        known = ", ".join(attribution.METHODS)
        raise BadInput(f"There is no method “{min(unknown)}”. Known: {known}.", field="methods")
    return names


def _whole(settings: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    given = str(settings.get(name, default)).strip()
    if not given.isdecimal() or not low <= int(given) <= high:
        raise BadInput(f"{name} takes a whole number from {low:,} to {high:,}.", field=name)
    return int(given)


def carry_out(row: Examination, told: Progress) -> Done:
    """Raises BadInput for settings that mean nothing, Conflict where the run's weights are gone or nobody was asked."""
    asked, run = Asked.read(row.settings), row.run
    content = _measured(run)
    told.say("reading the data", 0.0)
    split = _split(run, content, asked, told)
    holdout = split.test
    if not len(holdout.people):
        raise Conflict(f"Run {run.pk} was measured on nobody, so there is nobody whose explanations could be examined.")
    again = _again(run, asked, split, told)
    chosen = np.random.default_rng(asked.seed).permutation(len(holdout.people))[: asked.people]
    histories = in_terms_of(holdout.histories.select(chosen), split.full.items, content.items)
    hidden = not_shown(run, content.items, split.full.items)
    found = examined.examine(
        content.restore(), histories, split.full.users.keys[holdout.people[chosen]], plan_for(asked),
        hidden=hidden, again=again, tell=_teller(told, len(chosen)),
    )  # fmt: skip
    return _done(found, asked, retrained=again is not None)


def _measured(run: Run) -> Content:
    content = load_checkpoint(run_id=run.pk, purpose=Checkpoint.Purpose.MEASURED)
    if content is None:
        raise Conflict(f"The weights that run {run.pk} was measured by are gone; train it again to examine it.")
    return content


def _split(run: Run, content: Content, asked: Asked, told: Progress) -> Split:
    """What the run was measured on, from the rows it had seen."""
    bounds = Bounds(**content.extra["bounds"])
    text = asked.retrain and made_of.needs_text(run, _config(run))
    if text:
        encoding.ensure_vectors(catalog_id=run.catalog_id, newest=bounds.item, report=lambda *_: told.lease.check())
    groups = grouping.loaded_for(run) if asked.retrain else []
    dataset = load_dataset(catalog_id=run.catalog_id, bounds=bounds, text=text, groups=groups)
    return leave_last_out(preparing.prepared(run=run, dataset=dataset)[0])


def _config(run: Run) -> Any:
    return registry.config_class(run.algorithm).from_mapping(run.config)


def in_terms_of(histories: Histories, items: IdMap, known: IdMap) -> Histories:
    """The same histories in positions of `known`; what it does not hold (deleted since) is left out."""
    at = known.positions(items.keys[histories.items])
    return replace(histories, items=at).keep(at >= 0)


def not_shown(run: Run, known: IdMap, there: IdMap) -> Int:
    """Positions in `known` of items that are hidden, or were deleted since."""
    hidden = known.positions(hidden_items(catalog_id=run.catalog_id))
    return np.union1d(hidden[hidden >= 0], np.flatnonzero(there.positions(known.keys) < 0)).astype(np.int64)


def _again(run: Run, asked: Asked, split: Split, told: Progress) -> Recommender | None:
    """The same configuration learned with another seed: a run that is there, else trained here where that was asked."""
    if not registry.get(run.algorithm).stochastic:
        return None
    twin = select.twin(run)
    if twin is not None:
        return _measured(twin).restore()
    if not asked.retrain:
        return None
    words = "training with another seed"
    configs = {each.algorithm: _config(each) for each in run.parents.filter(catalog=run.catalog_id).order_by("pk")}
    seed = run.seed + 1
    parents = TrainedParents(registry.create, configs, split, seed, lambda *_: told.say(words, 0.01))
    start = started(run=run)
    return fit_measured(
        lambda config: registry.create(run.algorithm, config), _config(run), split, seed=seed,
        report=lambda *_: told.say(words, 0.01), parents=lambda stage: {**parents(stage), **start},
    ).model  # fmt: skip


def plan_for(asked: Asked) -> Plan:
    few, close = (round(share * asked.people) for share in (SLOW_SHARE, CLOSE_SHARE))
    ways = tuple(way for way in examined.default_ways() if not asked.methods or way.method in asked.methods)
    return Plan(
        ways, slow_people=max(FEWEST, few), close=max(FEWEST, close), seed=asked.seed, seconds=SECONDS, fewest=FEWEST
    )


def _teller(told: Progress, people: int) -> Callable[[int], None]:
    def tell(done: int) -> None:
        told.say(
            f"explaining {people:,} people’s first recommendations: {done:,} done", UNTIL_EXPLAINED * done / people
        )

    return tell


def _done(found: Examined, asked: Asked, *, retrained: bool) -> Done:
    table = pd.DataFrame(found.rows, columns=None if found.rows else ["person", "way"]).rename(
        columns={"person": "user"}
    )
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    plan = plan_for(asked)
    about = {
        "asked": vars(asked) | {"methods": list(asked.methods)},
        "removed": plan.removed,
        "most_units": plan.most_units,
        "retrained": retrained,
    }
    explained = int(table.loc[~table["way"].isin([RANDOM, GREEDY]), "user"].nunique())
    if not explained:
        raise Conflict(_nobody(found))
    return Done(summarised(found) | about, people=explained, content=buffer.getvalue())


def _nobody(found: Examined) -> str:
    why = next(iter(found.cannot.values()), "nothing that it reads is known of anyone who was asked.")
    return f"No recommendation could be explained: {why}"
