"""The floors: plain models that most published meta-learners do not beat, with settings chosen by validation.

All are one linear model per person in closed form: a rating is μ + item + person + w(u)·x(i), w(u) shrunk towards what
is expected of the person, and differ in what x holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from recommender.data.dataset import Dataset, Histories, Int
from recommender.data.features import Vocabulary, learn
from recommender.evaluation.cold_start.protocols import Case
from recommender.metalearning.bias import BiasModel, shrunk
from recommender.metalearning.factors import alternating
from recommender.metalearning.features import columns, years_of

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """Of the linear floors. `factors` 0 and `attributes` false: ridge on content alone."""

    factors: int = 0
    attributes: bool = False
    penalty: float = 8.0
    """λ of a person's weights, per unit of noise."""
    content: float = 0.5
    """Scale of content beside the constant: its weights are pulled 1 / content² times as strongly."""
    behaviour: float = 0.5
    """Scale of factors beside the constant."""
    factor_penalty: float = 8.0


class LinearFloor:
    """r̂(u, i) = μ + b(i) + w(u)·x(i), x = (1, content, factors), w(u) = argmin Σ (r − r̂)² + λ |w − w₀(u)|².

    b(i) is shrunk towards what content says of it, so new items have one; w₀(u) is a regression on attributes.
    """

    def __init__(self, train: Dataset, settings: Settings, content: NDArray[np.floating] | None = None) -> None:
        self.settings = settings
        given = train.histories
        self.content = content_of(train) if content is None else content.astype(np.float64)
        self.bias = BiasModel.fit(given, train.n_items, sweeps=3)
        left = given.values - self.bias.mean - self.bias.adapt(given)[given.rows]
        self.items = self._item_parts(left.astype(np.float64), given.items, train.n_items)
        left = given.values.astype(np.float64) - self.bias.mean - self.items[given.items]
        parts = [np.ones((train.n_items, 1)), settings.content * self.content]
        if settings.factors:
            q = alternating(left, given, train.n_items, settings.factors, penalty=settings.factor_penalty)
            q /= np.sqrt(settings.factors)
            parts.append(settings.behaviour * q)
        self.x = np.hstack(parts)
        self.people = learn(columns(train.user_fields)) if settings.attributes else Vocabulary()
        self.expected = self._regressed(left, given)

    def _item_parts(self, left: Values, items: Int, n: int) -> Values:
        """b(i) = β·content + Σ (left − β·content) / (5 + n)."""
        counts = np.bincount(items, minlength=n)
        means = np.bincount(items, weights=left, minlength=n) / np.maximum(counts, 1)
        weight = counts / max(1.0, counts.mean())  # what is rated much is what is asked about
        c = np.hstack([np.ones((n, 1)), self.content])
        matrix = (c * weight[:, None]).T @ c + np.diag(np.append(1e-6, np.full(self.content.shape[1], 10.0)))
        by_content = c @ np.linalg.solve(matrix, (c * weight[:, None]).T @ means)
        found: Values = by_content + shrunk(left - by_content[items], items, n, 5.0)
        return found

    def _regressed(self, left: Values, given: Histories) -> Values:
        """(1 + attributes, width of x) W with w₀(u) = (1, attributes) W: least squares over training people's own w."""
        rated = np.flatnonzero(given.lengths)
        own = self._solved(given.select(rated), left, np.zeros((len(rated), self.x.shape[1])))
        a: Values = self._attributes(given.select(rated))
        pull = np.append(1e-6, np.full(a.shape[1] - 1, 20.0))
        return cast(Values, np.linalg.solve(a.T @ a + np.diag(pull), a.T @ own))

    def _attributes(self, histories: Histories) -> Values:
        encoded = self.people.encode(histories.fields, len(histories)).toarray()
        return cast(Values, np.hstack([np.ones((len(histories), 1)), encoded]))

    def _solved(self, ratings: Histories, left: Values, start: Values) -> Values:
        found, pull = start.copy(), self.settings.penalty * np.eye(self.x.shape[1])
        for row in np.flatnonzero(ratings.lengths):
            at = slice(ratings.indptr[row], ratings.indptr[row + 1])
            x = self.x[ratings.items[at]]
            found[row] += np.linalg.solve(x.T @ x + pull, x.T @ (left[at] - x @ start[row]))
        return found

    def __call__(self, case: Case) -> Values:
        """(nnz of the query,) ratings, held within the scale."""
        support, query = case.support, case.query
        left = support.values - self.bias.mean - self.items[support.items]
        w = self._solved(support, left, self._attributes(support) @ self.expected)
        found = self.bias.mean + self.items[query.items] + (w[query.rows] * self.x[query.items]).sum(axis=1)
        return cast(Values, np.clip(found, self.bias.low, self.bias.high))


def content_of(train: Dataset) -> Values:
    """(n_items, k) categories and nearness to each decade, centred and scaled to a mean length of 1."""
    frame = train.item_fields
    words = learn({name: column for name, column in columns(frame).items() if name == "categories"})
    said = (words.encode(columns(frame), train.n_items).toarray() > 0).astype(np.float64)
    years = years_of(frame)
    near = np.exp(-(((np.nan_to_num(years)[:, None] - np.arange(1930, 2010, 10)) / 10) ** 2))
    found = np.hstack([said, near * np.isfinite(years)[:, None]])
    found -= found.mean(axis=0)
    return cast(Values, found / np.sqrt((found**2).sum(axis=1).mean()))
