"""Closed-form ridge regression against NumPy's, and its gradient against finite differences."""

from __future__ import annotations

import numpy as np
import torch

from recommender.metalearning import ridge


def test_each_person_gets_the_minimum() -> None:
    rng = np.random.default_rng(0)
    features, left = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5))
    weight, pull = np.array([[1, 1, 1, 0, 0], [2, 1, 1, 1, 1.0]]), np.array([0.5, 1, 2])
    found, lower = ridge.solve(*(torch.from_numpy(each) for each in (features, left, weight, pull)))
    for row in range(2):
        matrix = np.diag(pull) + (features[row] * weight[row][:, None]).T @ features[row]
        wanted = np.linalg.solve(matrix, (features[row] * weight[row][:, None]).T @ left[row])
        np.testing.assert_allclose(found[row].numpy(), wanted)
        asked = features[row, :1]
        np.testing.assert_allclose(
            ridge.variance(torch.from_numpy(features[row : row + 1, :1]), lower[row : row + 1]).numpy()[0],
            [asked[0] @ np.linalg.inv(matrix) @ asked[0]],
        )


def test_the_gradient_goes_through_the_solution() -> None:
    features = torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True, generator=torch.Generator().manual_seed(0))
    left, weight, pull = torch.ones(2, 4, dtype=torch.float64), torch.ones(2, 4).double(), torch.ones(3).double()
    assert torch.autograd.gradcheck(lambda x: ridge.solve(x, left, weight, pull)[0], features)


def test_alike_features_with_hardly_any_prior_are_solved_all_the_same() -> None:
    features = torch.ones(1, 3, 8) * 1e3
    w, _ = ridge.solve(features, torch.ones(1, 3), torch.ones(1, 3), torch.full((8,), 1e-9))
    torch.testing.assert_close((features[0] @ w[0]), torch.ones(3), rtol=1e-3, atol=1e-3)
