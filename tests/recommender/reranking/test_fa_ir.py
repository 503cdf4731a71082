from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from recommender.reranking.fa_ir import ALPHA, FAIR, adjusted_table, failing, table
from tests.recommender.builders import histories
from tests.recommender.reranking.builders import candidates, known


@pytest.mark.parametrize(
    ("p", "published"),
    [
        (0.3, (0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2)),
        (0.5, (0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4)),
        (0.7, (0, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6)),
    ],
)
def test_the_table_is_that_of_the_paper(p: float, published: tuple[int, ...]) -> None:
    """Zehlike et al., table 2: α = .1."""
    assert table(12, p, 0.1) == published


def test_the_tables_are_those_of_the_authors_library() -> None:
    """fairsearchcore with k = 20, p = .25, α = .1."""
    assert table(20, 0.25, 0.1) == (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3)
    adjusted = adjusted_table(20, 0.25, 0.1)
    assert adjusted == (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2)
    assert failing(adjusted, 0.25) == pytest.approx(0.10515247355215251, abs=1e-12)


def test_the_chance_to_fail_is_that_of_all_lists_counted() -> None:
    least, p = (0, 1, 1, 2, 2, 3), 0.6
    counted = 0.0
    for drawn in product((0, 1), repeat=6):
        fails = any(sum(drawn[: at + 1]) < least[at] for at in range(6))
        counted += fails * p ** sum(drawn) * (1 - p) ** (6 - sum(drawn))
    assert failing(least, p) == pytest.approx(counted, abs=1e-12)


def test_the_best_protected_candidates_move_up_just_as_far_as_the_table_asks() -> None:
    """Half: m = 0 0 0 1 1 1, which fails with (1/2)⁴ = .0625 and so needs no adjusting: the fourth place is the first
    that has to be protected."""
    assert adjusted_table(6, 0.5, ALPHA) == (0, 0, 0, 1, 1, 1)
    assert failing((0, 0, 0, 1, 1, 1), 0.5) == pytest.approx(0.0625)
    asked = candidates([[0, 1, 2, 3, 4, 5, 6, 7]], [[0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]])
    members = known([[1, 0]] * 6 + [[0, 1]] * 2)
    made = FAIR(0.5, members, k=6).learn(asked, histories([[]]))
    assert made.lists(asked, histories([[]])).tolist() == [[0, 1, 2, 6, 3, 4]]


def test_what_is_shown_least_for_its_size_is_protected_and_a_class_out_of_reach_is_not() -> None:
    """Shown of a: 2 of 2 items; b: 1 of 3; c has one item, which is nobody's candidate."""
    members = known([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]])
    asked = candidates([[0, 1, 2, 3]], [[0.4, 0.3, 0.2, 0.1]])
    made = FAIR(0.5, members, k=3).learn(asked, histories([[]]))
    assert made.state()["protected"].tolist() == [1]
    assert np.array_equal(FAIR(0.5, members, k=3).lists(asked, histories([[]])), [[0, 1, 2]]), "nothing learned yet"
