from __future__ import annotations

from recommender.reranking.xquad import XQuAD
from tests.recommender.builders import histories
from tests.recommender.reranking.builders import candidates, known

ITEMS = known([[1]] * 5, [0.9, 0.3, 0.2, 0.1, 0.0])
"""A fifth of five items is the head: item 0."""


def test_the_tail_comes_first_for_who_likes_it_and_the_head_once_it_is_covered() -> None:
    """All of the history is tail, relevance 1, .6, .4. First: .5 · 1 against .5 · .6 + .5; then tail is covered: .5
    against .5 · .4."""
    asked = candidates([[0, 1, 2]], [[0.5, 0.3, 0.2]])
    assert XQuAD(0.5, ITEMS, k=3).lists(asked, histories([[1, 2]])).tolist() == [[1, 0, 2]]


def test_who_likes_the_popular_or_is_not_known_keeps_the_list() -> None:
    asked = candidates([[0, 1, 2]] * 2, [[0.5, 0.3, 0.2]] * 2)
    assert XQuAD(0.5, ITEMS, k=3).lists(asked, histories([[0], []])).tolist() == [[0, 1, 2]] * 2


def test_half_and_half_alternates() -> None:
    """With the whole weight on the mixture: head and tail of equal taste; the first of the list, then what lacks."""
    asked = candidates([[0, 1, 2]], [[0.5, 0.3, 0.2]])
    assert XQuAD(1.0, ITEMS, k=2).lists(asked, histories([[0, 3]])).tolist() == [[0, 1]]
