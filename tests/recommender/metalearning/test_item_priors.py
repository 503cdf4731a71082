"""What content lets expect of items, and of people, against what the definitions say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from recommender.metalearning.attention import least_error, median
from recommender.metalearning.item_priors import ContentProcess
from recommender.metalearning.mixed import Mixed
from tests.recommender.builders import histories


def test_what_is_expected_of_a_known_item_leaves_it_out() -> None:
    rng = np.random.default_rng(0)
    content, y = rng.normal(size=(8, 3)).astype(np.float32), rng.normal(size=(8, 1))
    process, counts = ContentProcess(np.ones(3, dtype=np.float32), 0.5, 1.0), np.array([4] * 7 + [0])
    found = process.expected(content, y, counts)
    mean, x = y[:7].mean(), content.astype(np.float64)
    for item in range(7):
        others = [other for other in range(7) if other != item]
        kernel = x[others] @ x[others].T + np.eye(6) * (0.5 + 1 / 4)
        wanted = mean + x[item] @ x[others].T @ np.linalg.solve(kernel, y[others, 0] - mean)
        np.testing.assert_allclose(found.values[item, 0], wanted, rtol=1e-5)
    np.testing.assert_allclose(found.of(content)[7], found.values[7], rtol=1e-5)  # as one that comes later
    assert found.variance[7] > 0.5


def test_content_that_tells_gets_a_scale_and_content_that_does_not_hardly_any() -> None:
    rng = np.random.default_rng(1)
    content = rng.normal(size=(120, 4)).astype(np.float32)
    y = content[:, :2] @ np.array([1.0, -1.0]) + rng.normal(0, 0.1, 120)
    scales = ContentProcess.learned(content, [slice(0, 2), slice(2, 4)], y, np.full(120, 50), 0).scales
    assert scales[0] == scales[1] > 5 * scales[2]


def test_how_people_differ_is_learned_from_everyone() -> None:
    """People like or dislike the first feature and are alike in the second: only the first direction varies."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40, 2)).astype(np.float32)
    people = [rng.permutation(40)[:25].tolist() for _ in range(80)]
    tastes = np.where(np.arange(80) % 2, 1.0, -1.0)
    left = np.concatenate([x[items] @ [taste, 0.5] for items, taste in zip(people, tastes, strict=True)])
    left = (left + rng.normal(0, 0.2, len(left))).astype(np.float32)
    given = replace(histories(people), values=left)
    attributes = (np.arange(80) % 2 == 1)[:, None].astype(np.float32)
    plain = Mixed.fit(given, left, x, np.zeros((80, 0), dtype=np.float32))
    assert plain.covariance[0, 0] > 0.8 > 0.05 > plain.covariance[1, 1]
    assert abs(plain.expected[0, 1] - 0.5) < 0.05
    assert plain.noise < 0.06
    told = Mixed.fit(given, left, x, attributes)
    assert abs(told.expected[1, 0] - 1) < 0.05  # the difference of 2, pulled half way to 0 by 20 of 80 people's share
    assert told.covariance[0, 0] < plain.covariance[0, 0]


def test_decisions_of_a_distribution() -> None:
    levels = torch.tensor([1.0, 2.0, 3.0])
    found = torch.tensor([[0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])
    np.testing.assert_allclose(median(found, levels).numpy(), [2.0, 2.5 + 0.2 / 0.7], rtol=1e-6)
    assert least_error(found, levels).tolist() == [2.0, 3.0]
