"""A linear model per person, whose prior is learned from everyone (empirical Bayes): the closed form of meta-learning.

r(u, i) = offset(i) + x(i)·w(u) + e, w(u) ~ N(W (1, a(u)), S), e ~ N(0, noise / weight). W, S and the noise are found
by expectation maximisation (Laird and Ware, Biometrics 1982); adapting to a person is one linear system.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from recommender.data.dataset import Float, Histories
from recommender.metalearning.episodes import latest

SWEEPS, MOST = 6, 300
"""Turns of expectation and maximisation, and ratings of a person that take part."""
START, PULL = 0.1, 20.0
"""Variance of each weight at the start; pull of attributes' parts of W towards zero, in people."""
BLOCK = 256


@dataclass(frozen=True)
class Moments:
    """Of each person Σ x xᵀ (n, d, d), Σ x left (n, d), and of all Σ left², and how many ratings."""

    matrix: Tensor
    right: Tensor
    square: float
    count: int

    @classmethod
    def of(cls, ratings: Histories, left: Float, x: Float) -> Moments:
        ends = np.cumsum(ratings.lengths)
        matrix, right = torch.zeros(len(ratings), x.shape[1], x.shape[1]), torch.zeros(len(ratings), x.shape[1])
        for row in np.flatnonzero(ratings.lengths):
            at = slice(ends[row] - ratings.lengths[row], ends[row])
            own, y = torch.from_numpy(x[ratings.items[at]]), torch.from_numpy(left[at])
            matrix[row], right[row] = own.T @ own, own.T @ y
        return cls(matrix, right, float((left.astype(np.float64) ** 2).sum()), len(left))


@dataclass(frozen=True)
class Mixed:
    """`expected` W (1 + attributes, d), `covariance` S (d, d), `noise`."""

    expected: Float
    covariance: Float
    noise: float

    @classmethod
    def fit(cls, ratings: Histories, left: Float, x: Float, attributes: Float) -> Mixed:
        """From `left` (nnz,) of `ratings`, features `x` (n_items, d) of items and `attributes` (n_people, a)."""
        places = np.flatnonzero(_newest(ratings, MOST))
        kept = latest(ratings, MOST)
        known = np.flatnonzero(kept.lengths > 0)
        moments = Moments.of(kept.select(known), left[places], x)
        about = torch.cat([torch.ones(len(known), 1), torch.from_numpy(attributes[known])], dim=1)
        pull = torch.full((about.shape[1],), PULL)
        pull[0] = 1e-3
        expected, covariance = torch.zeros(about.shape[1], x.shape[1]), torch.eye(x.shape[1]) * START
        noise = max(moments.square / max(1, moments.count), 1e-3)
        for _ in range(SWEEPS):
            own, spread, noise = _expectation(moments, about @ expected, covariance, noise)
            expected = torch.linalg.solve(about.T @ about + torch.diag(pull), about.T @ own)
            apart = own - about @ expected
            covariance = (spread + apart.T @ apart) / len(own) + 1e-6 * torch.eye(x.shape[1])
        return cls(expected.numpy(), covariance.numpy(), noise)

    def main(self, x: Float, most: int) -> tuple[Float, Float]:
        """In the directions in which people differ most on the items `x` (n, d): (d, k) the map of features to new ones
        whose weights have variance 1 and are independent, and (1 + attributes, k) W for these."""
        sizes, turned = np.linalg.eigh(self.covariance.astype(np.float64))
        root = turned * np.sqrt(np.maximum(sizes, 1e-6))
        z = x @ root
        _, main = np.linalg.eigh(z.T @ z)
        main = main[:, ::-1][:, :most]
        back = (turned / np.sqrt(np.maximum(sizes, 1e-6))) @ main
        return (root @ main).astype(np.float32), (self.expected @ back).astype(np.float32)


def _expectation(moments: Moments, start: Tensor, covariance: Tensor, noise: float) -> tuple[Tensor, Tensor, float]:
    """(n, d) everyone's expected w, (d, d) the sum of their covariances, and the noise that then is likeliest."""
    inverse = torch.linalg.inv(covariance)
    own, spread, left = torch.empty_like(start), torch.zeros_like(covariance), moments.square
    for at in range(0, len(start), BLOCK):
        part = slice(at, at + BLOCK)
        matrix, right = moments.matrix[part], moments.right[part]
        within = torch.cholesky_inverse(torch.linalg.cholesky(matrix / noise + inverse))
        w = (within @ (right / noise + start[part] @ inverse)[..., None])[..., 0]
        own[part], spread = w, spread + within.sum(0)
        said = (matrix @ w[..., None])[..., 0]
        left += float((w * said).sum() - 2 * (w * right).sum() + (within * matrix).sum())
    return own, spread, max(left / max(1, moments.count), 1e-3)


def _newest(ratings: Histories, most: int) -> Float:
    place = np.repeat(ratings.indptr[1:], ratings.lengths) - np.arange(len(ratings.items))
    return cast(Float, place <= most)
