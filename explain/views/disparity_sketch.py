"""Figures of disparities as SVG text, for files that must be read without scripts or a network; the same rows and
options as explain.figures.disparity and disparity_curves take. Colours come from the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from explain.figures.disparity import short
from recommender.views.sketches import PAD, WIDTH, round_step, sheet

Row = Mapping[str, Any]
LABEL, ROW, FOOT = 236, 26, 40
SERIES = ("one", "two", "three", "four", "five")
"""Classes of the page's style sheet, a colour each."""


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, drawn between `left` and `right`."""

    low: float
    high: float
    left: float = LABEL
    right: float = WIDTH - PAD - 12

    @classmethod
    def around(cls, values: Sequence[float], *keep: float) -> Axis:
        """With room at both sides, and with the values to keep in sight."""
        known = [each for each in (*values, *keep) if each is not None and not math.isnan(each)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        room = 0.04 * (high - low) or 0.5
        return cls(low if low in keep else low - room, high if high in keep else high + room)

    def at(self, value: float) -> float:
        return self.left + (value - self.low) / ((self.high - self.low) or 1.0) * (self.right - self.left)

    def ticks(self) -> list[float]:
        step = round_step((self.high - self.low) or 1.0)
        first = math.ceil(self.low / step - 1e-9)
        return [step * count for count in range(first, math.floor(self.high / step + 1e-9) + 1)]


def sketch(kind: str, points: Sequence[Row], options: Mapping[str, Any], title: str) -> str:
    """The SVG of a figure; "" without rows."""
    return SKETCHES[kind](points, title=title, **options) if points else ""


def whiskers(points: Sequence[Row], *, title: str, axis: str, middle: float | None = None, zero: bool = False) -> str:
    names = list(dict.fromkeys(str(row["name"]) for row in points))
    series = list(dict.fromkeys(row.get("series") for row in points))
    bounds = [row[each] for row in points for each in ("value", "low", "high")]
    place = Axis.around(bounds, *([middle] if middle is not None else []), *([0.0] if zero else []))
    top = PAD + (22 if len(series) > 1 else 0)
    height = top + ROW * len(names) + FOOT
    parts = [*across(place, top, height, axis), *([] if len(series) < 2 else legend(series))]
    if middle is not None:
        parts.append(line("even", place.at(middle), top, place.at(middle), height - FOOT))
    parts += [label(name, top + ROW * at + ROW / 2) for at, name in enumerate(names)]
    for row in points:
        shift = 0 if len(series) < 2 else 8 * series.index(row.get("series")) - 4
        y = top + ROW * names.index(str(row["name"])) + ROW / 2 + shift
        parts += whisker(row, place, y, SERIES[series.index(row.get("series"))])
    return sheet(parts, height, title)


def whisker(row: Row, place: Axis, y: float, tone: str) -> list[str]:
    bounds = (row["low"], row["high"])
    span = [] if None in bounds or any(map(math.isnan, bounds)) else [
        line(f"mark {tone}", place.at(row["low"]), y, place.at(row["high"]), y)
    ]  # fmt: skip
    kind = "dot" if row["told"] else "ring"
    return [*span, f'<circle class="{kind} {tone}" cx="{place.at(row["value"]):.1f}" cy="{y:.1f}" r="4.5"/>']


def matrix(points: Sequence[Row], *, title: str, what: str, middle: float | None = None, share: bool = False) -> str:
    rows, columns = (list(dict.fromkeys(str(each[side]) for each in points)) for side in ("row", "column"))
    known = [each["value"] for each in points if not math.isnan(each["value"])]
    reach = max((abs(each - (middle or 0.0)) for each in known), default=1.0) or 1.0
    left, wide = 170, (WIDTH - 170 - PAD) / max(1, len(columns))
    slant = max(map(len, columns)) * 7 > wide
    top = 104 if slant else 32
    height = top + ROW * len(rows) + PAD
    parts = [heading(name, left + wide * (at + 0.5), top - 8, slant) for at, name in enumerate(columns)]
    parts += [label(name, top + ROW * at + ROW / 2, left, 24) for at, name in enumerate(rows)]
    for each in points:
        x, y = left + wide * columns.index(str(each["column"])), top + ROW * rows.index(str(each["row"]))
        parts += cell(each["value"], x, y, wide, middle, reach, share)
    return sheet(parts, height, f"{title} {what}")


def heading(name: str, x: float, y: float, slant: bool) -> str:
    turned = f' transform="rotate(-40 {x:.1f} {y})"' if slant else ""
    side = "start" if slant else "middle"
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{side}"{turned}>{escape(short(name, 16))}</text>'


def cell(value: float, x: float, y: float, wide: float, middle: float | None, reach: float, share: bool) -> list[str]:
    box = f'x="{x + 1:.1f}" y="{y + 1:.1f}" width="{wide - 2:.1f}" height="{ROW - 2}"'
    if math.isnan(value):
        words = ["too few" if wide >= 48 else "–"]
        return [f'<rect class="hatched" {box}/>', text(x + wide / 2, y + 17, words[0], "soft")]
    far = (value - (middle or 0.0)) / reach
    tone, words = "raises" if far >= 0 else "lowers", [f"{value:.0%}" if share else f"{value:.3f}"]
    shown = [text(x + wide / 2, y + 17, words[0])] if wide >= 34 else []
    return [f'<rect class="{tone}" fill-opacity="{0.08 + 0.5 * abs(far):.2f}" {box}/>', *shown]


def lorenz(points: Sequence[Row], *, title: str, x: str, y: str, even: str) -> str:
    place, up = Axis(0, 1, 64, 420), Axis(0, 1, 336, PAD)
    names = list(dict.fromkeys(row["name"] for row in points))
    parts = [line("even", place.at(0), up.at(0), place.at(1), up.at(1)), *square(place, up)]
    for at, name in enumerate(names):
        mine = [(row["x"], row["y"]) for row in points if row["name"] == name]
        path = " ".join(f"{place.at(a):.1f},{up.at(b):.1f}" for a, b in mine)
        parts.append(f'<polyline class="mark {SERIES[at % 5]}" fill="none" points="{path}"/>')
        parts.append(f'<circle class="dot {SERIES[at % 5]}" cx="446" cy="{60 + 22 * at}" r="4.5"/>')
        parts.append(text(458, 64 + 22 * at, short(str(name), 30), side="start"))
    parts += [text(458, 40, f"dotted: {even}", "soft", "start"), text(242, 372, f"share of {x}, the lowest first"),
              text(64, 392, f"upwards: share of {y}", "soft", "start")]  # fmt: skip
    return sheet(parts, 400, title)


def square(place: Axis, up: Axis) -> list[str]:
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [line("grid", place.at(tick), PAD, place.at(tick), 336), text(place.at(tick), 352, f"{tick:.0%}")]
        parts += [line("grid", 64, up.at(tick), 420, up.at(tick)), text(56, up.at(tick) + 4, f"{tick:.0%}", side="end")]
    return parts


def shares(points: Sequence[Row], *, title: str) -> str:
    series = (("exposure", "exposure in lists"), ("catalogue", "of the catalogue"), ("relevance", "of what was chosen"))
    known = [row[each] for row in points for each in ("exposure", "high", "catalogue", "relevance")]
    place, top = Axis.around(known, 0.0), PAD + 22
    height = top + ROW * len(points) + FOOT
    parts = [*across(place, top, height, "share", percent=True), *legend([name for _, name in series])]
    for at, row in enumerate(points):
        y = top + ROW * at + ROW / 2
        parts += [label(str(row["name"]), y), *whisker({"told": True, "value": row["exposure"], **_span(row)}, place, y,
                                                       "one")]  # fmt: skip
        for name, tone in (("catalogue", "two"), ("relevance", "three")):
            if not math.isnan(row[name]):
                parts.append(line(f"mark {tone}", place.at(row[name]), y - 8, place.at(row[name]), y + 8))
    return sheet(parts, height, title)


def _span(row: Row) -> dict[str, float]:
    return {"low": row["low"], "high": row["high"]}


def weeks(points: Sequence[Row], *, title: str, what: str, share: bool = False) -> str:
    series, dates = (list(dict.fromkeys(row[each] for row in points)) for each in ("series", "week"))
    dates.sort()
    up = Axis.around([row[each] for row in points for each in ("value", "low", "high")])
    up, across_ = Axis(up.low, up.high, 236, PAD + 22), Axis(0, max(1, len(dates) - 1), 64, WIDTH - PAD - 12)
    parts = legend(series)
    for tick in up.ticks():
        words = f"{tick:.0%}" if share else f"{tick:.3g}"
        parts += [line("grid", 64, up.at(tick), WIDTH - PAD, up.at(tick)), text(56, up.at(tick) + 4, words, side="end")]
    for at, name in enumerate(series):
        mine = sorted((dates.index(row["week"]), row["value"]) for row in points if row["series"] == name)
        path = " ".join(f"{across_.at(x):.1f},{up.at(y):.1f}" for x, y in mine)
        parts.append(f'<polyline class="mark {SERIES[at % 5]}" fill="none" points="{path}"/>')
    parts += [text(64, 256, str(dates[0]), side="start"), text(WIDTH - PAD, 256, str(dates[-1]), side="end"),
              text(WIDTH / 2, 256, what, "soft")]  # fmt: skip
    return sheet(parts, 266, title)


def bars(points: Sequence[Row], *, title: str, axis: str) -> str:
    place = Axis.around([row["value"] for row in points], 0.0)
    height = PAD + ROW * len(points) + FOOT
    parts = across(place, PAD, height, axis)
    for at, row in enumerate(points):
        y = PAD + ROW * at
        wide = place.at(row["value"]) - place.at(0)
        parts.append(f'<rect class="count" x="{place.at(0):.1f}" y="{y + 5}" width="{wide:.1f}" height="16"/>')
        parts.append(label(str(row["name"]), y + ROW / 2))
    return sheet(parts, height, title)


def across(place: Axis, top: float, height: float, what: str, *, percent: bool = False) -> list[str]:
    """Grid, ticks and name of the axis at the foot."""
    parts = []
    for tick in place.ticks():
        words = f"{tick:.0%}" if percent else f"{tick:.3g}"
        parts += [line("grid", place.at(tick), top, place.at(tick), height - FOOT),
                  text(place.at(tick), height - FOOT + 15, words)]  # fmt: skip
    return [*parts, text(WIDTH - PAD, height - 8, what, "soft", "end")]


def legend(series: Sequence[Any]) -> list[str]:
    parts, x = [], float(PAD)
    for at, name in enumerate(series):
        words = short(str(name), 34)
        parts += [f'<circle class="dot {SERIES[at % 5]}" cx="{x + 4:.0f}" cy="12" r="4.5"/>',
                  text(x + 14, 16, words, side="start")]  # fmt: skip
        x += 34 + 6.4 * len(words)
    return parts


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, words: str, kind: str = "", side: str = "middle") -> str:
    shade = f' class="{kind}"' if kind else ""
    return f'<text{shade} x="{x:.1f}" y="{y:.1f}" text-anchor="{side}">{escape(words)}</text>'


def label(name: str, y: float, left: float = LABEL, longest: int = 32) -> str:
    return text(left - 10, y + 4, short(name, longest), side="end")


SKETCHES: Mapping[str, Callable[..., str]] = {
    "whiskers": whiskers, "matrix": matrix, "lorenz": lorenz, "shares": shares, "weeks": weeks, "bars": bars,
}  # fmt: skip
