"""Items that came after the training, told by their fields and texts, in whatever recommender can place them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from recommender.algorithms import registry
from recommender.algorithms.base import FieldsExtendable, ItemsExtendable
from tests.recommender.algorithms.test_conformance import fitted
from tests.recommender.builders import blocks, histories, two_tastes

NAMES = [name for name in registry.ALGORITHMS if issubclass(registry.get(name), ItemsExtendable)]
ASKED = histories([[1, 2, 3], [13, 14, 15], []])


@pytest.mark.parametrize("name", NAMES)
def test_new_items_come_at_the_end_and_change_no_other(name: str) -> None:
    model: Any = fitted(name, blocks())
    before = model.score(ASKED)
    vectors = two_tastes(24)[[0, 23]]
    if isinstance(model, FieldsExtendable):
        model.extend_with(pd.DataFrame({"categories": [["Comedy"], None], "year": [2020, None]}, dtype=object), vectors)
    else:
        model.extend(vectors)
    scores = model.score(ASKED)
    assert scores.shape == (3, 26) and np.isfinite(scores).all()
    np.testing.assert_allclose(scores[:, :24], before, rtol=1e-4, atol=1e-5)
    model.extend(vectors)
    assert model.score(ASKED, items=np.array([25, 27])).shape == (3, 2)
    met = histories([[24, 1], [25]])  # new items can be part of a history
    assert np.isfinite(model.score(met)).all()
    if "rating" in registry.abilities(name):
        assert np.isfinite(model.predict(met, np.array([0, 1]), np.array([25, 27]))).all()
