"""Concept activation vectors for categories in networks that read histories (TCAV: Kim et al., ICML 2018).

The layer is the embedded history: its mean over places is what a concept's classifier sees, and a step along the
concept moves every place by it. The target is not linear in it (attention, or gates, come after), while at the last
hidden state score = h · e would be, and the derivative along a concept the same for everyone. A score alone does not
order a list, so what is differentiated is a margin: an item over the mean of items drawn by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from explain.attribution.importance import bounds
from recommender.algorithms.base import Differentiable, Recommender
from recommender.data.dataset import Histories, Int
from recommender.evaluation.significance import holm

EXAMPLES = 60
"""Histories that stand for a concept, those with the largest share of it; and as many by chance against them."""
FEWEST = 15
"""Histories with a share above that of everyone together, below which a concept is not asked about."""
SPLITS = 20
"""Times that histories are drawn by chance, each giving a vector; and as many vectors of chance against chance."""
CONCEPTS = 20
OTHERS = 100
"""Items by chance whose mean score the margin is over."""
RIDGE = 1.0
PERMUTATIONS = 10_000
ALPHA = 0.05
BATCH = 64
Values = NDArray[np.float64]
Told = Callable[[float], None]


@dataclass(frozen=True)
class Asked:
    """People whose recommendations are asked about (`histories`, and `items` (n,) that each is shown first), and the
    histories among which examples of concepts are looked for."""

    histories: Histories
    items: Int
    examples: Histories


def able(model: Recommender, histories: Histories) -> bool:
    """Whether a network reads the history place by place and can be differentiated by it."""
    if not isinstance(model, Differentiable) or not len(histories):
        return False
    return {"tokens", "places"} <= set(model.embed(histories.select(np.array([0]))))


def concepts(
    model: Recommender,
    asked: Asked,
    categories: Sequence[Sequence[str]],
    *,
    seed: int = 0,
    told: Told = lambda share: None,
) -> list[dict[str, Any]]:
    """A row per category that enough histories are rich in: {"concept", "share" of people whose first recommendation
    gains on other items along the concept, "low", "high", "p" and "p_holm" (two-sided, against vectors of chance),
    "chance" (the mean share along those), "found" (accuracy of its classifier on histories left out), "own" (share of
    people for whom the category's own items gain), "examples"}, the largest share first."""
    rng, n_items = np.random.default_rng(seed), len(categories)
    states = embedded(model, asked.examples)
    others = rng.permutation(n_items)[:OTHERS].astype(np.int64)
    first = slopes(model, asked.histories, asked.items[:, None], others)
    chance = np.stack([_scores(first, _vector(states, *_two(rng, len(states)), rng)[0]) for _ in range(SPLITS)], axis=1)
    rows = []
    shares = shares_of(asked.examples, categories)
    names = _asked_of(shares)
    for at, name in enumerate(names):
        told(at / len(names))
        own = np.array([item for item in range(n_items) if name in categories[item]], dtype=np.int64)
        gains = slopes(model, asked.histories, np.tile(rng.permutation(own)[:OTHERS], (len(asked.items), 1)), others)
        rows.append({"concept": name, **_judged(states, shares[name], first, gains, chance, rng)})
    adjusted = holm(np.array([row["p"] for row in rows], dtype=np.float64))
    return sorted(
        (row | {"p_holm": float(p)} for row, p in zip(rows, adjusted, strict=True)), key=lambda row: -row["share"]
    )


def shares_of(histories: Histories, categories: Sequence[Sequence[str]]) -> dict[str, Values]:
    """(n_people,) by category: which part of each history has it."""
    found: dict[str, Values] = {}
    lengths = np.maximum(histories.lengths, 1)
    for name in sorted({each for said in categories for each in said}):
        has = np.array([name in said for said in categories], dtype=np.float64)
        found[name] = np.bincount(histories.rows, weights=has[histories.items], minlength=len(histories)) / lengths
    return found


def _asked_of(shares: Mapping[str, Values]) -> list[str]:
    """Categories with enough histories that have more of them than the mean, the most met first."""
    enough = [name for name, share in shares.items() if (share > max(share.mean(), 1e-9)).sum() >= FEWEST]
    return sorted(enough, key=lambda name: (-shares[name].mean(), name))[:CONCEPTS]


def embedded(model: Recommender, histories: Histories) -> Values:
    """(n_people, d) mean over the places of the embedded history."""
    found = []
    for start in range(0, len(histories), BATCH):
        part = histories.select(np.arange(start, min(start + BATCH, len(histories))))
        read = cast(Differentiable, model).embed(part)
        real = (read["places"] >= 0).to(read["tokens"].device)[..., None]
        sums = (read["tokens"].detach() * real).sum(dim=1)
        found.append((sums / real.sum(dim=1).clamp(min=1)).cpu().numpy().astype(np.float64))
    return np.concatenate(found)


def slopes(model: Recommender, histories: Histories, items: Int, others: Int) -> Values:
    """(n_people, d) gradient of the mean score of `items` (n_people, k) over that of `others` (m,), by a step that
    moves every place of the embedded history alike."""
    found = []
    for start in range(0, len(histories), BATCH):
        at = np.arange(start, min(start + BATCH, len(histories)))
        part = histories.select(at)
        read = cast(Differentiable, model).embed(part)
        wanted = np.concatenate([items[at], np.tile(others, (len(at), 1))], axis=1)
        scores: Tensor = cast(Differentiable, model).score_embedded(read, part, wanted)
        margin = scores[:, : items.shape[1]].mean(dim=1) - scores[:, items.shape[1] :].mean(dim=1)
        (gradient,) = torch.autograd.grad(margin.sum(), read["tokens"])
        real = (read["places"] >= 0).to(gradient.device)[..., None]
        found.append((gradient * real).sum(dim=1).cpu().numpy().astype(np.float64))
    return np.concatenate(found)


def _judged(
    states: Values, share: Values, first: Values, gains: Values, chance: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, Any]:
    """What one concept's vectors say; `chance` (n_people, SPLITS) whether each gains along vectors of chance."""
    rich = np.argsort(-share, kind="stable")[: min(EXAMPLES, int((share > share.mean()).sum()))]
    rest = np.setdiff1d(np.arange(len(states)), rich)
    drawn = [_vector(states, rich, rng.permutation(rest)[: len(rich)], rng) for _ in range(SPLITS)]
    rises = np.stack([_scores(first, vector) for vector, _ in drawn], axis=1)
    own = np.stack([_scores(gains, vector) for vector, _ in drawn], axis=1)
    low, high = bounds(rises.mean(axis=1)[:, None])
    return {
        "share": float(rises.mean()), "low": float(low[0]), "high": float(high[0]),
        "p": permutation_p(rises.mean(axis=0), chance.mean(axis=0), rng), "chance": float(chance.mean()),
        "found": float(np.mean([accuracy for _, accuracy in drawn])), "own": float(own.mean()), "examples": len(rich),
    }  # fmt: skip


def _vector(states: Values, one: Int, other: Int, rng: np.random.Generator) -> tuple[Values, float]:
    """The concept activation vector, of length 1, that points from the histories `other` to `one`, and how well its
    classifier tells those apart that it did not learn from (a third)."""
    rows, told = np.concatenate([one, other]), np.repeat([1.0, -1.0], [len(one), len(other)])
    apart = np.zeros(len(rows), dtype=np.bool_)
    apart[rng.permutation(len(rows))[: len(rows) // 3]] = True
    centre = states[rows[~apart]].mean(axis=0)
    x, y = states[rows] - centre, told - told[~apart].mean()
    square = x[~apart].T @ x[~apart]
    weights = np.linalg.solve(square + RIDGE * np.trace(square) / len(square) * np.eye(len(square)),
                              x[~apart].T @ y[~apart])  # fmt: skip
    right = np.sign(x[apart] @ weights + told[~apart].mean()) == told[apart]
    return cast(Values, weights / (np.linalg.norm(weights) or 1.0)), float(right.mean())


def _two(rng: np.random.Generator, n: int) -> tuple[Int, Int]:
    """Two sets of histories by chance, that share none."""
    size = min(EXAMPLES, n // 2)
    drawn = rng.permutation(n)[: 2 * size]
    return drawn[:size], drawn[size:]


def _scores(gradients: Values, vector: Values) -> NDArray[np.bool_]:
    """(n_people,) whether the target rises along the vector."""
    return gradients @ vector > 0


def permutation_p(one: Values, other: Values, rng: np.random.Generator) -> float:
    """Two-sided p that means of two samples differ, labels exchanged: (1 + as extreme) / (1 + permutations).

    Not Welch's t, as in the paper: shares along vectors of chance heap at 0 and 1.
    """
    both, n = np.concatenate([one, other]), len(one)
    observed = abs(one.mean() - other.mean())
    order = rng.permuted(np.tile(np.arange(len(both)), (PERMUTATIONS, 1)), axis=1)
    means = both[order[:, :n]].mean(axis=1) - both[order[:, n:]].mean(axis=1)
    return float((1 + (np.abs(means) >= observed - 1e-12).sum()) / (1 + PERMUTATIONS))
