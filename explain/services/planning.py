"""Audits on a schedule: whether and how often a catalog is audited by itself, and which figures raise an alert."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from explain.models import DisparityAudit, DisparityPlan
from recommender.exceptions import BadInput
from recommender.models import Catalog, Run
from recommender.selectors import pages
from recommender.templatetags.pages import metric_name, plain

TOLD = 0.05
"""Holm's p below which a difference between groups counts as told."""
GAP, GINI, LIFT, COVERAGE = "gap", "gini", "lift", "coverage"
THRESHOLDS: Mapping[str, tuple[float, float]] = {GAP: (0.0, 1.0), GINI: (0.0, 1.0), LIFT: (-1.0, 1e6),
                                                COVERAGE: (0.0, 1.0)}  # fmt: skip
"""By figure, what a threshold of it may be; `gap` is of the audit's first metric, `gap:METRIC` of another."""
Alert = dict[str, str]


def alerts_of(results: Mapping[str, Any], thresholds: Mapping[str, float]) -> list[Alert]:
    """What passes its threshold, and not only by chance: {"text", "grouping"}, the grouping "" where it is about
    everyone. A gap must be told apart by Holm's p; of a figure with an interval the end nearer to the threshold counts.
    """
    found: list[Alert] = []
    for name, limit in thresholds.items():
        key, _, metric = name.partition(":")
        if key == GAP:
            found += _gaps(results, metric or results["about"]["main"], limit)
        elif text := _everyone(key, results, limit):
            found.append({"text": text, "grouping": ""})
    return found


def _gaps(results: Mapping[str, Any], metric: str, limit: float) -> list[Alert]:
    rows = []
    for grouping in results["groupings"]:
        passed = []
        for group in grouping["groups"]:
            of_it = {} if group["suppressed"] else group["metrics"].get(metric) or {}
            gap, holm = of_it.get("versus_rest"), of_it.get("p_holm")
            if gap is not None and holm is not None and holm < TOLD and abs(gap) >= limit:
                passed.append((gap, group["value"]))
        if len(grouping["groups"]) == len(passed) == 2 and grouping["missing"] is not None:
            passed = [min(passed)]  # each is the other's rest: one gap, told of whom it puts behind
        rows += [{"grouping": grouping["name"], "text": (
            f"{metric_name(metric)} of {grouping['title']} {value} is {plain(abs(gap))} "
            f"{'more' if gap > 0 else 'less'} than everyone else’s, which passes {plain(limit)}."
        )} for gap, value in passed]  # fmt: skip
    return rows


def _everyone(key: str, results: Mapping[str, Any], limit: float) -> str:
    exposure, popularity = results.get("exposure") or {}, results.get("popularity") or {}
    if key == GINI and _least(exposure.get("gini_low"), exposure.get("gini")) > limit:
        return f"The Gini coefficient of exposure is {plain(exposure['gini'])}, which passes {plain(limit)}."
    if key == LIFT and _least(popularity.get("low"), popularity.get("lift")) > limit:
        return f"The popularity lift of lists is {plain(popularity['lift'])}, which passes {plain(limit)}."
    coverage = exposure.get("coverage")
    if key == COVERAGE and coverage is not None and coverage < limit:
        return f"Lists cover {coverage:.1%} of the items, under the {limit:.1%} that are asked for."
    return ""


def _least(low: float | None, value: float | None) -> float:
    """What a figure surely is; −∞ where it is not known."""
    known = low if low is not None else value
    return float("-inf") if known is None else known


def thresholds_of(catalog: Catalog) -> dict[str, float]:
    """Those of the catalog's plan, whether or not it is on; {} without one."""
    plan = DisparityPlan.objects.filter(catalog=catalog).first()
    return dict(plan.thresholds) if plan else {}


def plan_of(catalog: Catalog) -> DisparityPlan:
    """The plan of a catalog, or one that is off and not kept yet."""
    return DisparityPlan.objects.filter(catalog=catalog).first() or DisparityPlan(catalog=catalog)


def set_plan(
    *, catalog: Catalog, on: bool, days: int, settings: Mapping[str, Any], thresholds: Mapping[str, float | None]
) -> DisparityPlan:
    """Raises BadInput naming the field: `days`, `source`, `groups` or a threshold. What has no value is not watched."""
    if not 1 <= days <= 365:
        raise BadInput("days takes a whole number from 1 to 365.", field="days")
    if settings.get("source", DisparityAudit.Source.HELD_OUT) not in DisparityAudit.Source.values:
        raise BadInput(f"source takes one of: {', '.join(DisparityAudit.Source.values)}.", field="source")
    if not all(map(is_name, settings.get("groups") or [])):
        raise BadInput("groups takes a list of names of attributes.", field="groups")
    kept = {name: float(value) for name, value in thresholds.items() if value is not None}
    for name, value in kept.items():
        low, high = _range(name)
        if not low <= value <= high:
            raise BadInput(f"{name} takes a number from {low:g} to {high:g}.", field=name)
    given = {"on": on, "days": days, "settings": dict(settings), "thresholds": kept}
    plan, _ = DisparityPlan.objects.update_or_create(catalog=catalog, defaults=given)
    return plan


def is_name(given: Any) -> bool:
    """Whether it can name an attribute: a text that PostgreSQL can hold."""
    return isinstance(given, str) and "\x00" not in given


def _range(name: str) -> tuple[float, float]:
    key = name.partition(":")[0]
    if key not in THRESHOLDS:
        raise BadInput(f"There is no threshold “{name}”; there are: {', '.join(THRESHOLDS)}.", field=name)
    return THRESHOLDS[key]


@transaction.atomic
def take_due() -> list[DisparityPlan]:
    """Plans whose time has come and whose catalog serves something, noted as begun now: a second call takes none of
    them. One whose last audit still runs waits."""
    now, due = timezone.now(), []
    rows = DisparityPlan.objects.filter(on=True).select_related("catalog").order_by("pk")
    for plan in rows.select_for_update(of=("self",), skip_locked=True):
        early = plan.last is not None and plan.last > now - timedelta(days=plan.days)
        if early or pages.deployed(plan.catalog) is None or plan.audits.filter(status__in=Run.LIVE).exists():
            continue
        plan.last = now
        plan.save(update_fields=["last"])
        due.append(plan)
    return due


def serving(plan: DisparityPlan) -> Run | None:
    """The run a planned audit is of: what serves; of answers served none, since all of them are looked at."""
    deployed = pages.deployed(plan.catalog)
    by_run = plan.settings.get("source", DisparityAudit.Source.HELD_OUT) == DisparityAudit.Source.HELD_OUT
    return deployed.run if deployed is not None and by_run else None


def next_time(plan: DisparityPlan) -> Any:
    """When a plan that is on is due; None where it is off or due now."""
    if not plan.on or plan.last is None:
        return None
    return plan.last + timedelta(days=plan.days)


def latest(catalog: Catalog) -> DisparityAudit | None:
    """The newest audit that is done."""
    done = DisparityAudit.objects.filter(catalog=catalog, status=Run.Status.SUCCEEDED)
    return done.select_related("run").order_by("-id").first()
