"""Order, repeats and the fingerprint of the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from recommender.data.preparation import drop_repeats, fingerprint, last_of_repeats, rated, recency, sort_by_time
from tests.recommender.builders import dataset, histories


def test_ties_keep_the_order_of_arrival() -> None:
    given = histories([[5, 6, 7, 8], [1, 2]], [[3, 1, 1, 0], [9, 9]])
    assert sort_by_time(given).items.tolist() == [8, 6, 7, 5, 1, 2]


def test_unknown_times_come_last_in_order_of_arrival() -> None:
    given = histories([[5, 6, 7]], [[np.nan, np.nan, 1.0]])
    assert sort_by_time(given).items.tolist() == [7, 5, 6]


def test_only_the_first_of_a_repeated_pair_stays() -> None:
    kept = drop_repeats(histories([[3, 1, 3, 2, 1], [3, 3]]))
    assert kept.items.tolist() == [3, 1, 2, 3]
    assert kept.indptr.tolist() == [0, 3, 4]


def test_the_context_stays_with_its_interaction() -> None:
    given = histories([[5, 6], [], [7, 7]], [[3, 1], [], [1, 0]])
    given = replace(given, contexts={"device": np.array(["tv", None, "phone", "web"], dtype=object)})
    ordered = sort_by_time(given)
    assert ordered.contexts["device"].tolist() == [None, "tv", "web", "phone"]
    assert drop_repeats(ordered).contexts["device"].tolist() == [None, "tv", "web"]
    assert ordered.select(np.array([2, 0])).contexts["device"].tolist() == ["web", "phone", None, "tv"]
    assert fingerprint(dataset([[0, 1], [2]], 3)) != fingerprint(
        dataset([[0, 1], [2]], 3).with_histories(replace(histories([[0, 1], [2]]), contexts=ordered.contexts))
    )


def test_only_ratings_are_on_the_scale_of_ratings() -> None:
    given = replace(histories([[0, 1], [2]]), kind_names=("click", "rating"), kinds=np.array([0, 1, 1], dtype=np.int16))
    assert rated(given).tolist() == [False, True, True]
    assert rated(replace(given, kind_names=("click", "view"))).tolist() == [False] * 3


def test_the_last_of_a_repeated_pair_is_known() -> None:
    assert last_of_repeats(histories([[3, 1, 3], [3]])).tolist() == [False, True, True, True]


def test_recency_by_hand() -> None:
    met = histories([[3, 1, 3], [], [2]])
    np.testing.assert_allclose(recency(met, 2.0), [0, 2**-0.5, 1, 1])  # the first 3 was repeated later
    assert recency(met, 0.0).tolist() == [0, 1, 1, 1]


def test_the_fingerprint_sees_every_change() -> None:
    base = dataset([[0, 1], [2]], 3)
    same = dataset([[0, 1], [2]], 3)
    later = replace(base.histories, times=base.histories.times + 1)
    titled = replace(base, item_fields=pd.DataFrame({"title": ["a", "b", "c"]}))
    retitled = replace(base, item_fields=pd.DataFrame({"title": ["a", "b", "d"]}))
    listed = replace(base, item_fields=pd.DataFrame({"categories": [["x"], ["x", "y"], []]}))
    others = [
        dataset([[0, 2], [1]], 3),
        dataset([[0, 1], [2]], 4),
        base.with_histories(later),
        titled,
        retitled,
        listed,
    ]
    prints = [fingerprint(each) for each in [base, *others]]
    assert fingerprint(same) == prints[0]
    assert len(set(prints)) == len(prints)
