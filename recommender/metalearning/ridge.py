"""Ridge regression in closed form over a batch of people, differentiable in all that goes in."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDING = 8
"""Of a matrix's trace, in units of the last place, added to its diagonal: without it one with hardly any prior may be
found not to be positive."""


def solve(features: Tensor, left: Tensor, weight: Tensor, precision: Tensor) -> tuple[Tensor, Tensor]:
    """argmin_w Σ_j weight_j (left_j − w·features_j)² + wᵀ P w for each person, and the Cholesky factor of its matrix.

    `features` (n, L, d), `left` and `weight` (n, L) (0 where there is no interaction), `precision` P (d,) a diagonal
    or (d, d), positive. Returns w (n, d) and the lower factor of A = P + Σ_j weight_j features_j featuresᵀ_j.
    """
    weighed = features * weight[..., None]
    prior = torch.diag(precision) if precision.ndim == 1 else precision
    matrix = prior + weighed.transpose(1, 2) @ features
    rounding = ROUNDING * torch.finfo(matrix.dtype).eps * matrix.diagonal(dim1=1, dim2=2).sum(1, keepdim=True).detach()
    matrix = matrix + torch.diag_embed(rounding.expand(-1, features.shape[2]))
    lower = torch.linalg.cholesky(matrix)
    right = (weighed * left[..., None]).sum(1)
    return torch.cholesky_solve(right[..., None], lower)[..., 0], lower


def variance(features: Tensor, lower: Tensor) -> Tensor:
    """(n, Q) featuresᵀ A⁻¹ features of `features` (n, Q, d): how little is known of each, in units of the noise."""
    half = torch.linalg.solve_triangular(lower, features.transpose(1, 2), upper=False)
    found: Tensor = (half**2).sum(1)
    return found
