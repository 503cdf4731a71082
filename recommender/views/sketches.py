"""Small figures as SVG text, for files that must be read without scripts or a network. Colours come from the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any

WIDTH, LABEL, ROW, PAD = 640, 200, 26, 14


def whiskers(rows: Sequence[dict[str, Any]], *, title: str) -> str:
    """A point with its interval per row {"name", "value", "low", "high"}, from zero; "" without rows."""
    shown = [row for row in rows if row["value"] is not None]
    most = max((row["high"] or row["value"] for row in shown), default=0.0)
    if not shown or most <= 0:
        return ""
    height = PAD + ROW * len(shown) + 22
    parts = [axis(most, height)]
    for at, row in enumerate(shown):
        y = PAD + ROW * at + ROW / 2
        low = row["value"] if row["low"] is None else row["low"]
        high = row["value"] if row["high"] is None else row["high"]
        parts.append(f'<text x="{LABEL - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(str(row["name"])[:34])}</text>')
        parts.append(f'<line class="mark" x1="{place(low, most)}" x2="{place(high, most)}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<circle class="mark" cx="{place(row["value"], most)}" cy="{y:.1f}" r="4"/>')
    return sheet(parts, height, title)


def curve(points: Sequence[tuple[float, float]], *, title: str) -> str:
    """A line through (x, y), from the least y to the greatest, both written; "" with fewer than two points."""
    if len(points) < 2:
        return ""
    (first, *_), (last, *_) = points[0], points[-1]
    low, high = min(y for _, y in points), max(y for _, y in points)
    span, reach = (last - first) or 1.0, (high - low) or 1.0
    path = " ".join(
        f"{LABEL + (x - first) / span * (WIDTH - LABEL - PAD):.1f},{PAD + (high - y) / reach * 120:.1f}"
        for x, y in points
    )
    texts = [(LABEL - 10, PAD + 4, "end", f"{high:.4f}"), (LABEL - 10, PAD + 124, "end", f"{low:.4f}"),
             (LABEL, PAD + 144, "start", f"epoch {first:g}"), (WIDTH - PAD, PAD + 144, "end", f"{last:g}")]  # fmt: skip
    parts = [f'<polyline class="mark" fill="none" points="{path}"/>']
    parts += [f'<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>' for x, y, anchor, text in texts]
    return sheet(parts, PAD + 152, title)


def place(value: float, most: float) -> str:
    return f"{LABEL + max(0.0, value) / most * (WIDTH - LABEL - PAD):.1f}"


def round_step(most: float) -> float:
    """1, 2 or 5 times a power of ten, so that three to six steps reach from zero to `most`."""
    power = 10.0 ** math.floor(math.log10(most / 3))
    return next(digit * power for digit in (5, 2, 1) if most / (digit * power) >= 3 - 1e-9)


def axis(most: float, height: int) -> str:
    step = round_step(most)
    ticks = [step * count for count in range(math.floor(most / step + 1e-9) + 1)]
    return "".join(
        f'<line class="grid" x1="{place(tick, most)}" x2="{place(tick, most)}" y1="{PAD}" y2="{height - 20}"/>'
        f'<text x="{place(tick, most)}" y="{height - 6}" text-anchor="middle">{tick:.3g}</text>'
        for tick in ticks
    )


def sheet(parts: Sequence[str], height: int, title: str) -> str:
    inside = "".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{inside}</svg>'
    )
