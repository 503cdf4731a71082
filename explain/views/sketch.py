"""The waterfall as SVG text, for files that must be read without scripts or a network. Colours come from the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from explain.figures.explanation import Step, shortened, signed, told

WIDTH, ROW, TOP, PAD, NUMBERS = 680, 36, 42, 8, 84


def waterfall(
    bars: Sequence[Step], *, baseline: float, prediction: float, title: str, target: str, additive: bool
) -> str:
    """As explain.figures.explanation.waterfall; "" without bars."""
    if not bars:
        return ""
    ends = [end for bar in bars for end in (bar.start, bar.start + bar.value)]
    ends += [baseline, prediction] if additive else [0.0]
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return PAD + (value - low) / span * (WIDTH - 2 * PAD - NUMBERS)

    height = TOP + ROW * len(bars) + PAD
    parts = _lines(place(baseline), place(prediction), height, baseline, prediction, target) if additive else []
    for at, bar in enumerate(bars):
        parts += _bar(bar, TOP + ROW * at, place(bar.start), place(bar.start + bar.value))
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _bar(bar: Step, top: float, start: float, end: float) -> list[str]:
    kind = "raises" if bar.value >= 0 else "lowers"
    left, wide = min(start, end), max(1.0, abs(end - start))
    return [
        f'<text x="{PAD + 3}" y="{top + 13}">{escape(shortened(bar.label, 70))}</text>',
        f'<text x="{WIDTH - PAD}" y="{top + 13}" text-anchor="end">{signed(bar.value)}</text>',
        f'<rect class="{kind}" x="{left:.1f}" y="{top + 18}" width="{wide:.1f}" height="12"/>',
    ]


def _lines(baseline: float, prediction: float, height: float, before: float, after: float, target: str) -> list[str]:
    """`baseline`, `prediction`: where they stand; `before`, `after`: what they are."""
    sides = ["start" if x <= WIDTH / 2 else "end" for x in (baseline, prediction)]
    return [
        f'<line class="grid" x1="{baseline:.1f}" x2="{baseline:.1f}" y1="32" y2="{height}" stroke-dasharray="3 3"/>',
        f'<line class="score" x1="{prediction:.1f}" x2="{prediction:.1f}" y1="32" y2="{height}"/>',
        f'<text x="{baseline:.1f}" y="28" text-anchor="{sides[0]}">baseline {told(before)}</text>',
        f'<text x="{prediction:.1f}" y="13" text-anchor="{sides[1]}">{escape(target)} {told(after)}</text>',
    ]
