"""How figures, times and sizes are written on pages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from recommender.evaluation.cold_start.against import plain as plain

register = template.Library()

METRIC_NAMES = {
    "ndcg": "NDCG", "hit": "Hit rate", "recall": "Recall", "precision": "Precision", "f1": "F1", "map": "MAP",
    "train_rmse": "RMSE in training", "mrr": "MRR", "coverage": "Coverage",
    "gini": "Gini of exposure", "popularity": "Popularity", "novelty": "Novelty",
    "diversity": "Diversity", "text_diversity": "Diversity of texts", "serendipity": "Serendipity",
    "calibration": "Distance to tastes", "mae": "MAE", "rmse": "RMSE", "mae_person": "MAE per person",
    "rmse_person": "RMSE per person", "accuracy": "Accuracy", "auc": "AUC", "brier": "Brier score",
    "ndcg_rated": "NDCG@5 of ratings", "ndcg_rated_exp": "NDCG@5 of ratings, gain 2ʳ − 1",
    "ece": "Calibration error", "accuracy_person": "Accuracy per person", "brier_person": "Brier score per person",
}  # fmt: skip
DAY = 86_400
SMALL = 0.01
"""Below it a cell has three digits that count instead of four decimals."""


@register.filter
def metric(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else plain(float(value), int(digits))


@register.filter
def interval(row: dict[str, float] | None) -> str:
    """A metric with its 95% interval: .107 ± .007 (the exact bounds on hover)."""
    if not row or row.get("value") is None:
        return format_html('<span class="soft">{}</span>', "–")
    value, low, high = row["value"], row.get("low"), row.get("high")
    if low is None or high is None:
        return plain(value)
    bounds = f"95% interval {plain(low)} to {plain(high)}"
    half = plain((high - low) / 2)
    return format_html('{}<span class="plus-minus" title="{}">± {}</span>', plain(value), bounds, half)


@register.filter
def ago(moment: datetime | None) -> str:
    """“3 min ago”, with the exact time on hover."""
    if moment is None:
        return format_html('<span class="soft">{}</span>', "never")
    exact = timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S %Z")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), exact, since(moment))


def since(moment: datetime) -> str:
    """In one unit: people want to know whether it is minutes or days."""
    gap = (timezone.now() - moment).total_seconds()
    if gap < 0:
        return f"in {rough(-gap)}"
    if gap < 10:
        return "just now"
    return moment.strftime("%-d %b %Y") if gap > 60 * DAY else f"{rough(gap)} ago"


def rough(seconds: float) -> str:
    """25 s, 3 min, 5 h, 2 days."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    if seconds < DAY:
        return f"{seconds // 3600:.0f} h"
    days = int(seconds // DAY)
    return f"{days} day{'s' if days > 1 else ''}"


@register.filter
def until(moment: datetime | None) -> str:
    """The estimated end: “about 3 min left”."""
    if moment is None:
        return ""
    left = (moment - timezone.now()).total_seconds()
    return f"about {rough(left)} left" if left > 5 else "almost done"


@register.filter
def span(seconds: float | None) -> str:
    """0.4 s, 45 s, 3 min 20 s, 2 h 5 min, 3 days."""
    if seconds is None:
        return "–"
    seconds = float(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 10 and rest:
        return f"{minutes} min {rest} s"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days = hours // 24
    return f"{days} day{'s' if days > 1 else ''}"


@register.filter
def took(run: Any) -> str:
    """How long a run or an import ran."""
    return span((run.finished - run.started).total_seconds()) if run.finished and run.started else "–"


@register.filter
def size(count: int | None) -> str:
    """Bytes: 640 kB, 12.3 MB."""
    if count is None:
        return "–"
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if value >= 100 or unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return ""


@register.filter
def percent(share: float | str | None) -> str:
    """A dash where there is none; "" is what a template gives for what it does not find."""
    return "–" if share is None or share == "" else f"{100 * float(share):.0f}%"


@register.filter
def many(count: int, words: str) -> str:
    """3|many:"person,people" → 3 people."""
    one, _, several = words.partition(",")
    return f"{count:,} {one if count == 1 else several or one + 's'}"


@register.filter
def lookup(rows: dict[str, Any], key: str) -> Any:
    return rows.get(key) if rows else None


@register.filter
def figure_json(figure: str) -> SafeString:
    """A figure's JSON, safe inside a script element of type application/json."""
    for sign, escaped in (("<", "\\u003C"), (">", "\\u003E"), ("&", "\\u0026")):
        figure = figure.replace(sign, escaped)
    return mark_safe(figure)


@register.filter
def words(value: Any) -> str:
    """An attribute's value as a person would write it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{spaced(name)} {counted(each)}" for name, each in value.items()) or "none"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    return str(value)


def counted(value: Any) -> str:
    """A number among named ones is a count, never a year."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else words(value)


@register.filter
def spaced(name: str) -> str:
    """creates_unknown → creates unknown."""
    return str(name).replace("_", " ")


@register.filter
def metric_name(metric: str) -> str:
    """ndcg@10 → NDCG@10."""
    base, at, k = metric.partition("@")
    return METRIC_NAMES.get(base, base) + at + k


@register.filter
def cell(value: Any) -> str:
    """A cell of a figure's table: the exact value, thousands apart; of a metric's parts the value and its interval."""
    if value is None:
        return "–"
    if isinstance(value, dict):
        return interval(value)
    if isinstance(value, float):
        return f"{value:.4f}" if value == 0 or abs(value) >= SMALL else f"{value:.3g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)


@register.simple_tag(takes_context=True)
def address(context: dict[str, Any], **changes: Any) -> str:
    """The page's own address with some of its parameters changed (None removes one)."""
    query = context["request"].GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return "?" + query.urlencode()
