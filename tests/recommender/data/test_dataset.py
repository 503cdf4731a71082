from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.recommender.builders import histories


def test_a_matrix_sums_repeats_and_leaves_the_histories_as_they_were() -> None:
    met = replace(histories([[2, 0, 2], [1]]), values=np.array([1, 2, 3, 4], dtype=np.float32))
    np.testing.assert_array_equal(met.matrix(3, values=True).toarray(), [[2, 0, 4], [0, 4, 0]])
    np.testing.assert_array_equal(met.matrix(3, values=True).toarray(), [[2, 0, 4], [0, 4, 0]])
    np.testing.assert_array_equal(met.matrix(3).toarray(), [[1, 0, 1], [0, 1, 0]])
    assert met.values.tolist() == [1, 2, 3, 4]
    assert met.items.tolist() == [2, 0, 2, 1]
