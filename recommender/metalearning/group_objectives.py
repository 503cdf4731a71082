"""Trainings that look at groups of people: their losses are weighed so that the group served worst counts more.

With L_g the mean loss of group g, π_g its share of the examples (Σ π_g = 1), L̄ = Σ π_g L_g, G groups, s the strength:
reweight (1 − s) L̄ + s Σ L_g / G; dro (1 − s) L̄ + s Σ q_g L_g, q_g ← q_g exp(η L_g), normalised (Sagawa, Koh,
Hashimoto, Liang, ICLR 2020, algorithm 1); std L̄ + s √(Σ π_g (L_g − L̄)²); gini L̄ (1 + s · Gini), with
Gini = Σ_gh π_g π_h |L_g − L_h| / (2 L̄). The Gini coefficient is multiplied by L̄ because it has no unit, a loss has one.

All of them are of degree one in the losses, so each is a mean of losses with weights: Σ_g a_g L_g, a_g its slope in L_g
(Euler). A batch holds few of a small group; slopes are therefore taken at running means, whose gradient they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recommender.data.config import Config, hyper
from recommender.data.dataset import Dataset, Int
from recommender.data.groups import groups_of
from recommender.exceptions import BadConfig

Values = NDArray[np.float64]
NONE, REWEIGHT, DRO, STD, GINI = "none", "reweight", "dro", "std", "gini"
OBJECTIVES = (NONE, REWEIGHT, DRO, STD, GINI)
MIXED = (REWEIGHT, DRO)
"""Objectives of which a strength is a share."""
MEMORY = 0.95
"""How much of what earlier batches said of a group's loss stays with each batch: about twenty batches count."""
PACE = 2.0
"""η of group-DRO times the steps of an epoch: about the paper's .01 with 200 steps, whatever the size of a batch."""


@dataclass(frozen=True)
class GroupConfig(Config):
    """What every training that can look at groups of people is told of them."""

    group_objective: str = hyper(
        NONE,
        "What training lowers of the losses of groups of people. none: the mean over all. reweight: groups count "
        "alike, whatever their size. dro: the group with the largest loss counts more and more. std, gini: the mean "
        "and how far groups are apart, by standard deviation or Gini coefficient.",
        choices=OBJECTIVES,
        tune=False,
        late=True,
    )
    group_strength: float = hyper(
        0.5,
        "How much the groups count beside the mean; 0 is the plain training. Of reweight and dro a share, up to 1.",
        low=0.0,
        high=10.0,
        tune=False,
        late=True,
    )
    groups: str | None = hyper(
        None,
        "The attribute of people that makes the groups (a sensitive one may be named; it is read by the training "
        "alone, never to recommend), or activity: four groups by length of history.",
        tune=False,
        late=True,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.group_objective != NONE and not (self.groups or "").strip():
            raise BadConfig(f"groups must name what makes the groups of {self.group_objective}.", field="groups")
        if self.group_objective in MIXED and self.group_strength > 1:
            message = f"group_strength must be at most 1 with {self.group_objective}."
            raise BadConfig(message, field="group_strength")

    @property
    def weighs_groups(self) -> bool:
        return self.group_objective != NONE and self.group_strength > 0


class GroupObjective:
    """The objective of one kind of loss while a training lasts: running means, and the adversary's weights of dro.

    `codes` (n_users,) the group of each person, −1 not known; `examples` (n_users,) how many examples an epoch has of
    each. Whoever is in no group keeps the weight of 1.
    """

    def __init__(self, config: GroupConfig, codes: Int, examples: NDArray[Any]) -> None:
        self.kind, self.strength = config.group_objective, config.group_strength
        each = np.asarray(examples, dtype=np.float64)
        self.codes, counts = _with_examples(codes, np.bincount(codes[codes >= 0], each[codes >= 0]))
        self.shares: Values = counts / counts.sum()
        self.q: Values = np.full(len(counts), 1 / len(counts))
        self.sums, self.seen = np.zeros(len(counts)), np.zeros(len(counts))
        self.rate = PACE

    def pace(self, steps: int) -> None:
        """An epoch has so many `steps`."""
        self.rate = PACE / max(1, steps)

    def __call__(self, losses: Tensor, people: Int) -> Tensor:
        """The objective of one batch: `losses` (n,), `people` (n,) whose each is (positions)."""
        return (self.weights(losses, people) * losses).mean()

    def weights(self, losses: Tensor, people: Int) -> Tensor:
        """(n,) what each of `losses` counts, after they were taken note of; no gradient goes through it."""
        codes = self.codes[people]
        self._note(losses.detach().double().cpu().numpy(), codes)
        known = np.maximum(slopes(self.kind, self.strength, self.means(), self.shares, self.q) / self.shares, 0.0)
        found = np.append(known, 1.0)[codes].astype(np.float32)  # −1 is the last: not known
        return torch.from_numpy(found).to(losses.device)

    def means(self) -> Values:
        """(G,) the running mean loss of each group; of one not met yet that of all."""
        whole = self.sums.sum() / max(self.seen.sum(), 1e-12)
        return np.where(self.seen > 0, self.sums / np.maximum(self.seen, 1e-12), whole)

    def _note(self, losses: Values, codes: Int) -> None:
        inside = codes >= 0
        counts = len(self.shares)
        self.sums = MEMORY * self.sums + np.bincount(codes[inside], losses[inside], minlength=counts)
        self.seen = MEMORY * self.seen + np.bincount(codes[inside], minlength=counts)
        if self.kind == DRO:
            self.q = adversary(self.q, self.means(), self.rate)

    def state(self) -> dict[str, NDArray[Any]]:
        return {"sums": self.sums.copy(), "seen": self.seen.copy(), "q": self.q.copy()}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        self.sums, self.seen, self.q = (np.array(state[name], dtype=np.float64) for name in ("sums", "seen", "q"))


def objectives_of(
    config: Config, train: Dataset, examples: Mapping[str, NDArray[Any]]
) -> dict[str, GroupObjective]:  # fmt: skip
    """By the name of each kind of loss its objective; {} where the training looks at no groups. `examples` as of
    GroupObjective. Raises NotTrainable where there are no groups."""
    if not isinstance(config, GroupConfig) or not config.weighs_groups:
        return {}
    codes = groups_of(train, (config.groups or "").strip()).codes
    of_groups = {name: each for name, each in examples.items() if np.asarray(each)[codes >= 0].any()}
    return {name: GroupObjective(config, codes, each) for name, each in of_groups.items()}


def _with_examples(codes: Int, counts: NDArray[Any]) -> tuple[Int, Values]:
    """Without groups that have no examples."""
    there = np.flatnonzero(counts > 0)
    place = np.full(len(counts) + 1, -1, dtype=np.int64)
    place[there] = np.arange(len(there))
    return place[codes], counts[there]


def packed(objectives: Mapping[str, GroupObjective]) -> dict[str, NDArray[Any]]:
    """What resuming needs of each, as arrays of one dictionary."""
    return {f"groups.{of}.{name}": array for of, each in objectives.items() for name, array in each.state().items()}


def unpack(objectives: Mapping[str, GroupObjective], state: Mapping[str, NDArray[Any]]) -> None:
    """Take each back out of what `packed` made, and whatever else is with it."""
    for of, each in objectives.items():
        each.load({name: state[f"groups.{of}.{name}"] for name in ("sums", "seen", "q")})


def averaged(losses: Tensor, people: Int, objective: GroupObjective | None) -> Tensor:
    """The mean of `losses` (n,), or what `objective` makes of them."""
    return losses.mean() if objective is None else objective(losses, people)


def objective(kind: str, strength: float, losses: Values, shares: Values, q: Values) -> float:
    """The value of an objective, of losses (G,) of groups with `shares` (G,); `q` (G,) the adversary's weights."""
    mean = float(shares @ losses)
    added = {
        NONE: 0.0,
        REWEIGHT: float(losses.mean()) - mean,
        DRO: float(q @ losses) - mean,
        STD: float(np.sqrt(shares @ (losses - mean) ** 2)),
        GINI: float(shares @ np.abs(losses[:, None] - losses) @ shares / 2),
    }
    return mean + strength * added[kind]


def slopes(kind: str, strength: float, losses: Values, shares: Values, q: Values) -> Values:
    """(G,) the slope of `objective` in each group's loss."""
    if kind == REWEIGHT:
        return (1 - strength) * shares + strength / len(shares)
    if kind == DRO:
        return (1 - strength) * shares + strength * q
    apart = losses - shares @ losses
    if kind == STD:
        spread = np.sqrt(shares @ apart**2)
        return shares * (1 + strength * (apart / spread if spread > 0 else 0.0))
    if kind == GINI:
        return shares * (1 + strength * (np.sign(losses[:, None] - losses) @ shares))
    return shares


def adversary(q: Values, losses: Values, rate: float) -> Values:
    """q_g exp(η L_g) / Σ q_h exp(η L_h): the larger a group's loss, the more it counts from now on."""
    raised = q * np.exp(rate * (losses - losses.max()))
    found: Values = raised / raised.sum()
    return found
