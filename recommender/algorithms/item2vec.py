"""Items placed by the company they keep in histories (Barkan, Koenigstein, MLSP 2016): gensim's Word2Vec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self, cast

import numpy as np
from gensim.models import Word2Vec
from scipy import sparse

from recommender.algorithms.base import Adapted, Config, Recommender, Report, State, columns, hyper, require_data
from recommender.data.dataset import Dataset, Float, Histories, Holdout, Int
from recommender.data.preparation import recency
from recommender.exceptions import NotFitted

END = 0.1
"""The step at the end, as a share of that at the start."""


@dataclass(frozen=True)
class Item2VecConfig(Config):
    """Size and training of the vectors, and how fast a history is forgotten."""

    factors: int = hyper(64, "Numbers that describe an item.", low=2, high=1024)
    window: int = hyper(5, "Items on either side that are company.", low=1, high=1000)
    negatives: int = hyper(10, "Items drawn by chance for each pair.", low=1, high=100)
    exponent: float = hyper(
        0.75, "Items are drawn by popularity to this power; 0 draws all alike, below 0 rare ones more.", low=-2, high=2
    )
    sample: float = hyper(
        1e-3,
        "Items more frequent than this share are partly left out while training; 0 leaves out none.",
        low=0,
        high=1,
    )
    epochs: int = hyper(5, "Passes over all histories.", low=1, high=1000)
    learning_rate: float = hyper(0.025, "Step at the start.", low=1e-6, high=1.0)
    half_life: float = hyper(
        1.0, "Later interactions of the person after which one counts half. 0 counts all alike.", low=0.0, high=1e6
    )


class Item2Vec:
    """score(u, i) = Σ over j in u's history of w(j) v(j)ᵀ c(i); w as in item_knn. Items nobody met score 0.

    v and c minimise skip-gram's loss −log σ(v(j)ᵀ c(i)) − Σ over drawn n of log σ(−v(j)ᵀ c(n)) over neighbours i, j in
    a history: an item is scored by the logit that was trained, as company of what was met. (The cosine of v(j) and
    v(i), of which the paper lists similar items, forgets how often an item is met: on MovieLens-100K's validation it
    reached a third to two thirds of this.)
    """

    name: ClassVar[str] = "item2vec"
    config_class: ClassVar[type[Config]] = Item2VecConfig
    stochastic: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = False

    def __init__(self, config: Item2VecConfig | None = None) -> None:
        self.config: Config = config or Item2VecConfig()
        self._vectors: Float | None = None  # (n_items, factors) of items as what was met
        self._company: Float | None = None  # (n_items, factors) of items as company of it

    def fit(
        self,
        train: Dataset,
        *,
        validation: Holdout | None = None,
        parents: Mapping[str, Recommender] | None = None,
        resume: State | None = None,
        rng: np.random.Generator,
        report: Report,
    ) -> Self:
        """One worker and, each epoch, a seed of its own: the same seed gives the same vectors, and a resumed training
        those of an uninterrupted one. Raises NotTrainable without interactions, Cancelled."""
        require_data(train)
        config = cast(Item2VecConfig, self.config)
        sentences = Sentences(train.histories)
        model, seed, done = library_model(config), int(rng.integers(2**31)), 0
        model.build_vocab(sentences)
        model.wv.vectors[:] = (np.random.default_rng(seed).random(model.wv.vectors.shape) - 0.5) / config.factors
        if resume:
            seed, done = (int(number) for number in resume["counters"])
            model.wv.vectors[:], model.syn1neg[:] = resume["vectors"], resume["contexts"]
        while done < config.epochs:
            start, end = (config.learning_rate * rate(at / config.epochs) for at in (done, done + 1))
            model.random = np.random.RandomState(np.random.SeedSequence([seed, done]).generate_state(4))
            model.train(
                sentences, total_examples=len(sentences), epochs=1, start_alpha=start, end_alpha=end
            )  # fmt: skip
            done += 1
            state = {"counters": np.array([seed, done]), "vectors": model.wv.vectors, "contexts": model.syn1neg}
            copied = {name: array.copy() for name, array in state.items()}
            report(done / config.epochs, {"epoch": float(done)}, copied)
        at = np.array([int(word) for word in model.wv.index_to_key])
        found = {"vectors": model.wv.vectors, "company": model.syn1neg}
        return self.load_state({name: placed(array, at, train.n_items) for name, array in found.items()})

    def refit_config(self) -> Config:
        return self.config

    def score(self, histories: Histories, *, items: Int | None = None, adapted: Adapted | None = None) -> Float:
        vectors, company = self._fitted()
        shape = (len(histories), len(vectors))
        met = sparse.csr_matrix((recency(histories, self._half_life), histories.items, histories.indptr), shape=shape)
        return columns(cast(Float, np.asarray(met @ vectors) @ company.T), items)

    def contributions(self, histories: Histories, items: Int) -> Float:
        """(nnz, k): w(j) v(j)ᵀ c(i) for each interaction j and its person's k `items` i (n_people, k)."""
        vectors, company = self._fitted()
        parts = np.einsum("nkf,nf->nk", company[items[histories.rows]], vectors[histories.items])
        return cast(Float, (parts * recency(histories, self._half_life)[:, None]).astype(np.float32))

    def state(self) -> State:
        vectors, company = self._fitted()
        return {"vectors": vectors, "company": company}

    def load_state(self, state: State) -> Self:
        self._vectors, self._company = state["vectors"], state["company"]
        return self

    @property
    def _half_life(self) -> float:
        return cast(Item2VecConfig, self.config).half_life

    def _fitted(self) -> tuple[Float, Float]:
        if self._vectors is None or self._company is None:
            raise NotFitted("This recommender has not been trained.")
        return self._vectors, self._company


class Sentences:
    """Histories as gensim reads them, as often as it likes: a list of words each, a word being an item's position."""

    def __init__(self, histories: Histories) -> None:
        self.histories = histories.select(np.flatnonzero(histories.lengths))

    def __len__(self) -> int:
        return len(self.histories)

    def __iter__(self) -> Iterator[list[str]]:
        for row in range(len(self)):
            yield list(map(str, self.histories.items_of(row).tolist()))


def library_model(config: Item2VecConfig) -> Word2Vec:
    return Word2Vec(
        vector_size=config.factors,
        window=config.window,
        negative=config.negatives,
        ns_exponent=config.exponent,
        sample=config.sample,
        alpha=config.learning_rate,
        min_alpha=config.learning_rate * END,
        sg=1,
        min_count=1,
        workers=1,
    )


def rate(share: float) -> float:
    """The step falls in a straight line."""
    return 1 - share * (1 - END)


def placed(array: Float, at: Int, n_items: int) -> Float:
    """(n_items, factors): the rows of `array` at the positions `at`, zeros for items in no history."""
    found = np.zeros((n_items, array.shape[1]), dtype=np.float32)
    found[at] = array
    return found
