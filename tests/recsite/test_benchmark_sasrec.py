"""The benchmark of sasrec: its bar, the peer's lists, and the figure of both."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from recommender.data.splits import leave_last_out
from recsite.benchmarks import sasrec
from tests.recommender.builders import blocks, dataset


def test_the_bar_asks_for_quality_and_a_third_of_the_time() -> None:
    def rows(ours: float, seconds: float) -> list[dict[str, object]]:
        return [
            {"what": what, "seed": seed, "ndcg@10": quality, "seconds": taken}
            for what, quality, taken in (("sasrec", ours, seconds), (sasrec.PEER, 0.10, 90.0))
            for seed in range(3)
        ]

    good = sasrec.summary(rows(0.11, 30.0))
    assert good["ratio"] == pytest.approx(1.1)
    assert good["seconds"]["ratio"] == pytest.approx(1 / 3)
    assert good["reached"]
    assert not sasrec.summary(rows(0.11, 31.0))["reached"]
    assert not sasrec.summary(rows(0.09, 10.0))["reached"]


def test_quality_of_lists_by_hand() -> None:
    split = leave_last_out(dataset([[0, 1, 2], [3, 4, 5]], 6))  # held out: 2 and 5
    lists = np.array([[3, 4, 2], [0, 1, 2]])
    # found at rank 3 by the first: 1 / log2 4 = 1/2; missed by the second
    assert sasrec.ndcg_of(lists, split.test) == pytest.approx(1 / 4)


def test_our_curve_is_that_of_choosing(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"factors": 8, "length": 6, "epochs": 2}
    cls = sasrec.registry.config_class("sasrec")
    monkeypatch.setattr(sasrec.registry, "config_class", lambda name: lambda: cls.from_mapping(small))
    value, seconds, curve = sasrec.ours(leave_last_out(blocks()), 0)
    assert 0 <= value <= 1
    assert len(curve) == 2
    assert 0 < curve[0][0] < curve[1][0] < seconds


def test_both_curves_are_in_one_figure(tmp_path: Path) -> None:
    curves = [("sasrec", 0, [(1.0, 0.1), (2.0, 0.2)]), (sasrec.PEER, 0, [(3.0, 0.1)])]
    drawn = json.loads(Path(sasrec.drawn(curves, tmp_path)).read_text())
    assert [trace["name"] for trace in drawn["data"]] == ["sasrec", sasrec.PEER]
    assert drawn["data"][0]["x"] == [1.0, 2.0]


@pytest.mark.benchmark
@pytest.mark.skipif(not (Path(".data/peers/rectools/installed")).is_file(), reason="the peer is not installed here")
def test_the_peer_answers() -> None:
    split = leave_last_out(blocks())
    python = Path(".data/peers/rectools/bin/python").absolute()
    curve = sasrec.theirs(python, split.before_test, split.test, seed=0, epochs=2, step=1)
    whole = sasrec.theirs(python, split.before_test, split.test, seed=0, epochs=2, step=2)
    assert len(curve) == 2
    assert 0 < curve[0][0] < curve[1][0]
    assert curve[-1][1] == whole[0][1]  # watching does not change the training
