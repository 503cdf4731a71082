"""The summary of `benchmark student`: means over seeds, and a bar that both quality and time must reach."""

from __future__ import annotations

import pytest

from recsite.benchmarks.student import summary


def row(student: float, teacher: float, fast: float, slow: float) -> dict[str, float]:
    return {
        "student ndcg@10": student, "sasrec ndcg@10": teacher, "student ms a person": fast, "sasrec ms a person": slow,
    }  # fmt: skip


def test_the_bar_needs_both_quality_and_time():
    rows = [row(0.10, 0.10, 0.1, 1.0), row(0.09, 0.10, 0.3, 1.0)]
    found = summary(rows, "sasrec")
    assert (found["ours"], found["peer"]) == pytest.approx((0.095, 0.10))
    assert found["time ratio"] == pytest.approx(0.2) and found["ratio"] == pytest.approx(0.95)
    assert not summary([row(0.094, 0.1, 0.1, 1.0)], "sasrec")["reached"]
    assert not summary([row(0.1, 0.1, 0.21, 1.0)], "sasrec")["reached"]
    assert summary([row(0.096, 0.1, 0.1, 1.0)], "sasrec")["reached"]
