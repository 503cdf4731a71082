"""Names of algorithms and where they live. Classes are imported on first use, so that no page pays for torch."""

from __future__ import annotations

from importlib import import_module

from recommender.algorithms.base import Config, ItemsExtendable, Recommender
from recommender.exceptions import UnknownAlgorithm

ALGORITHMS: dict[str, str] = {
    "random": "recommender.algorithms.random:Random",
    "popularity": "recommender.algorithms.popularity:Popularity",
    "latest": "recommender.algorithms.latest:Latest",
    "user_knn": "recommender.algorithms.user_knn:UserKNN",
    "mf": "recommender.algorithms.mf:MF",
    "item_knn": "recommender.algorithms.item_knn:ItemKNN",
    "ease": "recommender.algorithms.ease:EASE",
    "item2vec": "recommender.algorithms.item2vec:Item2Vec",
    "fm": "recommender.algorithms.fm:FM",
    "ncf": "recommender.algorithms.ncf:NCF",
    "ials": "recommender.algorithms.ials:IALS",
    "content": "recommender.algorithms.content:Content",
    "gru": "recommender.algorithms.gru:GRU",
    "sasrec": "recommender.algorithms.sasrec:SASRec",
    "ensemble": "recommender.algorithms.ensemble:Ensemble",
    "ridge_head": "recommender.algorithms.ridge_head:RidgeHead",
    "neural_process": "recommender.algorithms.neural_process:NeuralProcess",
    "prototypes": "recommender.algorithms.prototypes:Prototypes",
    "maml": "recommender.algorithms.maml:MAML",
    "fomaml": "recommender.algorithms.fomaml:FOMAML",
    "anil": "recommender.algorithms.anil:ANIL",
    "reptile": "recommender.algorithms.reptile:Reptile",
    "blend": "recommender.algorithms.blend:Blend",
    "student": "recommender.algorithms.student:Student",
    "cold_item": "recommender.algorithms.cold_item:ColdItem",
    "reranked": "recommender.algorithms.reranked:Reranked",
}
RATING: dict[str, bool] = {
    "user_knn": True,
    "mf": False,
    "ncf": True,
    "ridge_head": True,
    "neural_process": True,
    "prototypes": True,
    "maml": True,
    "fomaml": True,
    "anil": True,
    "reptile": True,
}
"""Those that predict ratings, and whether they rank as well. Written here so that a page can say what a recommender
does without importing it; the conformance tests hold it against the classes."""
REMEMBERING: frozenset[str] = frozenset({"user_knn"})
"""Those that keep rows about people (`base.Remembering`): erasing someone rewrites their checkpoints."""
ADAPTABLE: frozenset[str] = frozenset(
    {"ridge_head", "neural_process", "prototypes", "maml", "fomaml", "anil", "reptile", "blend"}
)
"""Those that learn from a person's few interactions without being trained again (`base.Adaptable`)."""
STEEP: dict[str, str] = {
    "ease": "Its time grows with the cube of the number of items and its memory with the square: about "
    "{ease_memory} for {items:,} items.",
    "item_knn": "Its memory grows with the square of the number of items where most of them were met together.",
    "user_knn": "Each of its answers looks at everyone: its time to answer grows with {people:,} people.",
    "ensemble": "It costs what its members cost together, ease’s growth with the number of items among them.",
    "reranked": "It costs what the recommender that it is made of costs; by default that is ease.",
}
"""Those that grow faster than linearly with a catalog, in the words of a page (measured by `benchmark growth`)."""
EASE_BYTES = 33
"""Peak memory of ease for each pair of items."""


def warning(name: str, *, items: int, people: int) -> str:
    """How an algorithm's cost grows where that is faster than linear, for a catalog of this size; else nothing."""
    megabytes = items**2 * EASE_BYTES / 1e6
    memory = f"{megabytes / 1000:,.1f} GB" if megabytes >= 1000 else f"{megabytes:,.0f} MB"
    return STEEP.get(name, "").format(items=items, people=people, ease_memory=memory)


def abilities(name: str) -> frozenset[str]:
    """What a recommender can do: {"ranking"}, {"rating"} or both. Raises UnknownAlgorithm."""
    known(name)
    if name not in RATING:
        return frozenset({"ranking"})
    return frozenset({"ranking", "rating"}) if RATING[name] else frozenset({"rating"})


def ranks(name: str) -> bool:
    """Whether a recommender makes lists; False for one that is registered no more."""
    return name in ALGORITHMS and RATING.get(name, True)


def known(name: str) -> None:
    """Raises UnknownAlgorithm where nothing is registered as `name`."""
    if name not in ALGORITHMS:
        names = ", ".join(ALGORITHMS)
        raise UnknownAlgorithm(f"There is no algorithm “{name}”. Known: {names}.", field="algorithm")


def get(name: str) -> type[Recommender]:
    """The class registered as `name`. Raises UnknownAlgorithm."""
    known(name)
    module, _, attribute = ALGORITHMS[name].partition(":")
    found: type[Recommender] = getattr(import_module(module), attribute)
    return found


def config_class(name: str) -> type[Config]:
    return get(name).config_class


def create(name: str, config: Config | None = None) -> Recommender:
    """An untrained recommender with `config` (default: the declared defaults)."""
    cls = get(name)
    return cls(config or cls.config_class())  # type: ignore[call-arg]


def needs_text(name: str, config: Config) -> bool:
    """Whether a training reads `Dataset.item_vectors`: the class says so by `needs_text`, a flag or a class method
    that is asked with the configuration."""
    said = getattr(get(name), "needs_text", False)
    return bool(said(config) if callable(said) else said)


def groups(config: Config) -> str:
    """The attribute of people by which a training with `config` makes groups, "activity", or "" where it makes none."""
    return str(getattr(config, "groups", None) or "").strip() if getattr(config, "weighs_groups", False) else ""


def places_new_items(name: str, config: Config) -> bool:
    """Whether a recommender tells items that came after its training apart (`base.ItemsExtendable`). A class that does
    with some configurations only says with which by a class method `places_new_items(config)`."""
    cls = get(name)
    return issubclass(cls, ItemsExtendable) and bool(getattr(cls, "places_new_items", lambda config: True)(config))


def parents(name: str, config: Config) -> tuple[str, ...]:
    """Names of the algorithms that a recommender with `config` is made of; () for one that stands alone.

    Its class says so by a function `parents(config)`; its `fit` gets them trained, by name.
    """
    found: tuple[str, ...] = getattr(get(name), "parents", lambda config: ())(config)
    return found
