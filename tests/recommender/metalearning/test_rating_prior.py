"""Items that come later are told by the same content as items that training knew and nobody rated."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np

from recommender.metalearning.item_trees import ENOUGH, ItemTrees
from recommender.metalearning.rating_prior import RatingPrior, Side
from tests.recommender.builders import histories

UNRATED = 5


def fitted(n_items: int) -> tuple[RatingPrior, np.ndarray]:
    """Items are liked by the sign of their first number; nobody rated the last UNRATED."""
    rng = np.random.default_rng(0)
    content = rng.normal(size=(n_items, 6)).astype(np.float32)
    people = [rng.permutation(n_items - UNRATED)[: n_items // 2].tolist() for _ in range(40)]
    liked = np.where(content[:, 0] > 0, 4.5, 1.5)
    given = histories(people)
    given = replace(given, values=np.clip(liked[given.items] + rng.normal(0, 0.3, len(given.items)), 1, 5).astype("f4"))
    blocks = [slice(0, 3), slice(3, 6)]
    nobody = np.zeros((40, 0), dtype=np.float32)
    return RatingPrior.fit(given, content, blocks, nobody, factors=2, features=4, seed=0), content


def test_a_later_item_is_told_as_one_that_nobody_rated() -> None:
    prior, content = fitted(ENOUGH + 20)
    assert ItemTrees.unpacked(prior.maps) is not None
    later = RatingPrior.unpacked(prior.packed()).extended(content[-UNRATED:])
    for f in fields(Side):
        if f.name != "weight":  # of a later item that of the average one
            found = getattr(later.side, f.name)
            np.testing.assert_allclose(found[-UNRATED:], found[-2 * UNRATED : -UNRATED], rtol=1e-3, atol=1e-3)


def test_trees_find_what_a_line_does_not() -> None:
    """The offset of unrated items follows the sign, not the size, of what is said of them."""
    prior, content = fitted(240)
    offsets = prior.side.offset[-UNRATED:]
    assert ((offsets > 3) == (content[-UNRATED:, 0] > 0)).all()


def test_of_few_items_no_trees_are_grown() -> None:
    prior, _ = fitted(20)
    assert ItemTrees.unpacked(prior.maps) is None
