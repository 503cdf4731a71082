"""Exposure of items and of their classes, by values worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from explain.fairness import influence, provider
from explain.fairness.audit import audit
from explain.fairness.base import Asked, Classes, Material
from explain.services.planning import alerts_of
from tests.explain.fairness.materials import histories, material

SECOND = 1 / np.log2(3)
"""How much the second place of a list is seen; the first counts 1."""


def small(**changed: Any) -> Material:
    """Three people, lists (0, 1), (0, 2), (0, 3) of five items, the last of which may not be shown; 0, 1, 1 chosen."""
    given: dict[str, Any] = {
        "people": 3,
        "n_items": 5,
        "k": 2,
        "lists": np.array([[0, 1], [0, 2], [0, 3]]),
        "targets": histories([[0], [1], [1]]),
        "offered": np.array([True, True, True, True, False]),
        "new": np.array([False, False, False, True, True]),
    }
    return material({}, **(given | changed))


def looked_at(made: Material, **asked: Any) -> provider.Attention:
    return provider.Attention(made, Asked(**({"k": 2, "least": 1} | asked)))


def classes(*rows: list[int], supplier: bool = False) -> Classes:
    names = tuple("abc"[: len(rows[0])])
    return Classes("kind", "Kind", names, np.array(rows, dtype=np.float32), supplier)


def test_exposure_counts_places_by_the_logarithm_of_their_rank_and_items_never_shown():
    found = provider.of_items(looked_at(small()))
    total = 3 + 3 * SECOND
    # ascending SECOND three times and 3: Σ (2i − n − 1) x = −3s − s + s + 9
    assert found["gini"] == pytest.approx((9 - 3 * SECOND) / (4 * total), abs=1e-6)
    assert found["coverage"] == 1.0 and found["never"] == 0.0
    assert found["half"] == 0.25, "the first item alone has 3 of 4.9"
    assert found["lorenz"][-2] == pytest.approx([0.75, 3 * SECOND / total], abs=1e-6)


def test_an_item_that_may_be_shown_and_never_is_counts_with_nothing():
    found = provider.of_items(looked_at(small(offered=np.ones(5, dtype=np.bool_))))
    assert found["coverage"] == 0.8 and found["never"] == 0.2
    assert found["lorenz"][1] == [0.2, 0.0]
    # ascending 0, s, s, s, 3: Σ (2i − 6) x = −2s + 0 + 2s + 12
    assert found["gini"] == pytest.approx(12 / (5 * (3 + 3 * SECOND)), abs=1e-6)


def test_attention_is_compared_with_what_people_chose_and_with_the_catalogue():
    found = provider.of_items(looked_at(small()))
    exposure = np.array([3, SECOND, SECOND, SECOND]) / (3 + 3 * SECOND)
    wanted = np.array([1, 2, 0, 0]) / 3
    assert found["equity_of_attention"] == pytest.approx(np.abs(exposure - wanted).sum(), abs=1e-6)
    middle = (exposure + 0.25) / 2
    apart = 0.5 * (exposure * np.log2(exposure / middle)).sum() + 0.5 * (0.25 * np.log2(0.25 / middle)).sum()
    assert found["awrf_catalogue"] == pytest.approx(1 - apart, abs=1e-6)
    assert provider.awrf(np.array([1.0, 0.0]), np.array([0.0, 5.0])) == 0.0, "nothing in common"
    assert provider.awrf(np.array([1.0, 3.0]), np.array([2.0, 6.0])) == 1.0, "the same shares"


def test_new_items_have_the_share_of_exposure_that_their_places_have():
    new = provider.of_items(looked_at(small()))["new"]
    assert new["items"] == 1 and new["catalogue_share"] == 0.25
    assert new["share"] == pytest.approx(SECOND / (3 + 3 * SECOND), abs=1e-6)
    assert new["low"] < new["share"] < new["high"]


def test_a_share_of_nothing_has_an_upper_end():
    made = small(new=np.array([False, False, False, False, True]), offered=np.ones(5, dtype=np.bool_))
    new = provider.of_items(looked_at(made))["new"]
    assert (new["share"], new["low"]) == (0.0, 0.0)
    assert new["high"] == pytest.approx(1 - 0.025 ** (1 / 3), abs=1e-6)


def test_lists_of_one_person_are_drawn_together():
    """Of people with the same two lists each, intervals are those of half as many lists, not of all."""
    rng = np.random.default_rng(0)
    once = np.array([rng.permutation(12)[:2] for _ in range(40)])
    owners = np.repeat(np.arange(40), 2)
    single = influence.exposure_gini(once, np.ones(12, dtype=np.bool_))
    twice = influence.exposure_gini(np.repeat(once, 2, axis=0), np.ones(12, dtype=np.bool_))
    pooled = influence.pooled(twice, owners, 40)
    assert pooled.value == pytest.approx(single.value)
    assert pooled.error == pytest.approx(single.error, rel=0.05)
    assert twice.error == pytest.approx(single.error / np.sqrt(2), rel=0.05)


def test_a_class_is_set_beside_the_catalogue_and_what_people_chose():
    found = provider.of_classes(looked_at(small()), classes([1, 0], [0, 1], [0, 1], [1, 1], [1, 0], supplier=True))
    first, second = found["rows"]
    total = 3 + 3 * SECOND
    assert found["supplier"] and (first["value"], first["items"], second["items"]) == ("a", 2, 3)
    assert first["exposure"] == pytest.approx(3 + SECOND / 2, abs=1e-3), "an item of two classes is divided"
    assert first["exposure_share"] == pytest.approx((3 + SECOND / 2) / total, abs=1e-6)
    assert first["catalogue_share"] == 0.375 and first["relevance_share"] == pytest.approx(1 / 3, abs=1e-6)
    assert first["ratio"] == pytest.approx(3 * (3 + SECOND / 2) / total, abs=1e-5)
    assert first["ratio_low"] < first["ratio"] < first["ratio_high"]
    assert (first["shown"], second["shown"]) == (1.0, 1.0)
    ratio = (first["exposure_share"] / (1 / 3)) / (second["exposure_share"] / (2 / 3))
    assert found["disparate_exposure"] == pytest.approx(ratio, rel=1e-5)
    assert found["equity_of_attention"] == pytest.approx(2 * (first["exposure_share"] - 1 / 3), abs=1e-5)


def test_without_what_was_held_out_relevance_is_what_people_met():
    met = histories([[0, 1], [1], [2]])
    served = looked_at(small(targets=None, histories=met))
    assert served.relevance.tolist() == [1, 2, 1, 0, 0]


def test_the_interval_of_a_share_is_that_of_people_drawn_again():
    rng = np.random.default_rng(1)
    lists = np.where(rng.random((300, 1)) < 0.2, 0, rng.integers(1, 6, (300, 1)))
    made = small(people=300, n_items=6, k=1, lists=lists, targets=histories([[0]] * 300),
                 offered=np.ones(6, dtype=np.bool_), new=np.arange(6) == 0, owners=np.arange(300))  # fmt: skip
    new = provider.of_items(looked_at(made, k=1))["new"]
    drawn = rng.multinomial(300, np.full(300, 1 / 300), 2000) @ (lists[:, 0] == 0) / 300
    assert [new["low"], new["high"]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]).tolist(), abs=0.01)


def test_classes_that_cannot_be_looked_at_are_sentences_and_the_rest_is_there():
    nobody = replace(classes([0, 0], [0, 0], [0, 0], [0, 0], [1, 0]), title="Creator")
    never = classes([0, 0], [0, 0], [0, 0], [0, 0], [1, 1])
    partly = classes([1, 0], [1, 0], [0, 0], [0, 0], [0, 1])
    made = small(people=3, classes=(nobody, replace(never, name="never"), partly))
    report = audit(made, Asked(k=2, least=1, resamples=20, permutations=19))
    assert report["exposure"]["coverage"] == 1.0
    assert [len(each["rows"]) for each in report["classes"]] == [0, 0, 1]
    assert report["classes"][0]["problem"] == "No item that may be shown has a class by Creator."
    assert "Of 2 of 4 items no class by Kind is known; they are left out of these shares." in report["problems"][-1]
    assert "1 of 2 classes by Kind have no item that may be shown." in report["problems"][-1]


def test_empty_lists_show_nothing_and_say_so():
    report = audit(small(lists=np.full((3, 2), -1)), Asked(k=2, least=1, resamples=20, permutations=19))
    assert report["exposure"] == {} and report["classes"] == []
    assert "No list holds an item that may be shown, so nothing is said of exposure." in report["problems"]


def test_of_too_few_people_nothing_is_said():
    report = audit(small(), Asked(k=2, resamples=20, permutations=19))
    assert report["exposure"] == {} and report["popularity"] == {}


def shown_to(people: int, **changed: Any) -> dict[str, Any]:
    """Everyone is shown the two items of five that most had met."""
    rng = np.random.default_rng(0)
    met = [[int(rng.integers(5)), 4] for _ in range(people)]
    given = {"people": people, "lists": np.tile([0, 1], (people, 1)), "targets": histories([[0]] * people),
             "histories": histories(met), "shares": np.array([0.9, 0.8, 0.1, 0.1, 0.1]), "owners": np.arange(people),
             "offered": np.ones(5, dtype=np.bool_)}  # fmt: skip
    return audit(small(**(given | changed)), Asked(k=2, resamples=20, permutations=19))


def test_the_summary_tells_how_exposure_spreads_and_how_popular_lists_are_where_there_is_no_doubt():
    report = shown_to(60)
    assert "60% are in nobody’s list and 20.0% get half of the exposure (Gini coefficient .6" in report["summary"]
    assert "more popular than what their people had met." in report["summary"]
    assert any("from 60 choices among 5 items" in each for each in report["limits"])
    alike = shown_to(60, histories=histories([[0, 1]] * 30 + [[0, 0]] * 15 + [[1, 1]] * 15))
    assert "popular than" not in alike["summary"], "the interval holds 0"


def test_what_is_served_in_weeks_has_its_limit():
    weeks = np.repeat(4 + 7 * np.arange(3), 20)
    report = shown_to(60, targets=None, weeks=weeks, listed=pd.DataFrame({"response": np.ones(60)}))
    assert any(each.startswith("Weeks in which less was served") for each in report["limits"])
    assert not any(each.startswith("Weeks in which") for each in shown_to(60)["limits"])


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"gini": 0.5}, "The Gini coefficient of exposure is .6"),
        ({"lift": 0.5}, "The popularity lift of lists is"),
        ({"coverage": 0.5}, "Lists cover 40.0% of the items"),
    ],
)
def test_figures_of_an_audit_raise_alerts(thresholds: dict[str, float], words: str):
    (alert,) = alerts_of(shown_to(60), thresholds)
    assert alert["text"].startswith(words) and alert["grouping"] == ""
    assert alerts_of(shown_to(60), {"gini": 0.9, "lift": 9.0, "coverage": 0.1}) == []
