"""In plain words: how each kind of recommender decides, and which of the data it reads. No figures are in here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from recommender.reranking import registry as remedies

HISTORY, ORDER, RATINGS, OTHERS, TEXTS, ITEM_FIELDS, ATTRIBUTES, CONTEXT, POPULARITY, NOVELTY = (
    "history", "order", "ratings", "others", "texts", "item fields", "attributes", "context", "popularity", "novelty",
)  # fmt: skip
READ: dict[str, tuple[str, str]] = {
    HISTORY: ("What the person did before", "it tells which items suit this person"),
    ORDER: ("In which order it was done", "what was done last says most about what comes next"),
    RATINGS: ("How the person rated it", "it tells what was liked from what was only met"),
    OTHERS: ("What others did", "items that are met by the same people are taken to suit the same people"),
    TEXTS: ("Titles and descriptions of items", "items that are described alike are taken to be alike"),
    ITEM_FIELDS: ("Categories, creators and years of items", "they tell what an item is, also a new one"),
    ATTRIBUTES: ("Attributes of the person", "people of whom the same is known are taken to be alike in part"),
    CONTEXT: ("The moment of asking", "what suits may depend on the device, the day or the hour"),
    POPULARITY: ("How many people met an item", "what many take is taken to suit many"),
    NOVELTY: ("When an item came", "the newest come first"),
}
"""What can be read, and why it matters."""


@dataclass(frozen=True)
class Mechanism:
    says: str
    reads: tuple[str, ...]


NEXT = (HISTORY, ORDER, OTHERS)
ADAPTS = (HISTORY, RATINGS, OTHERS, ITEM_FIELDS)
MECHANISMS: dict[str, Mechanism] = {
    "random": Mechanism("Items are drawn by chance; nothing about the person plays a part.", ()),
    "popularity": Mechanism("Everyone gets the items that most people met; nothing about the person plays a part.",
                            (POPULARITY,)),
    "latest": Mechanism("Everyone gets the newest items; nothing about the person plays a part.", (NOVELTY,)),
    "user_knn": Mechanism("People with a like history are looked for, and what they met is recommended.",
                          (HISTORY, RATINGS, OTHERS)),
    "mf": Mechanism("A rating is predicted from learned likenesses between people and items.",
                    (HISTORY, RATINGS, OTHERS)),
    "item_knn": Mechanism("Items are recommended that are met by the same people as those in the history; each item of "
                          "the history adds its likeness.", (HISTORY, OTHERS)),
    "ease": Mechanism("Each item of the history adds or takes a learned weight for every other item; the sum puts "
                      "items in order.", (HISTORY, OTHERS)),
    "item2vec": Mechanism("Items have places near those that occur with them in histories; near the history’s places "
                          "is recommended.", (HISTORY, ORDER, OTHERS)),
    "fm": Mechanism("Pairs of what is known (history, person, moment, item) add learned amounts to the score.",
                    (HISTORY, OTHERS, ITEM_FIELDS, ATTRIBUTES, CONTEXT)),
    "ncf": Mechanism("A network reads history, person, moment and item together and says how likely it is taken.",
                     (HISTORY, OTHERS, ITEM_FIELDS, ATTRIBUTES, CONTEXT)),
    "ials": Mechanism("Tastes are learned from who met what; a person’s taste is worked out from the history when a "
                      "list is asked for, and items that fit it come first.", (HISTORY, OTHERS)),
    "content": Mechanism("Items are recommended that are described like those in the history.",
                         (HISTORY, RATINGS, TEXTS, ITEM_FIELDS)),
    "gru": Mechanism("A network reads the history in order and says what comes next.", NEXT),
    "sasrec": Mechanism("A network reads the history in order, weighs its items against each other and says what comes "
                        "next.", NEXT),
    "ensemble": Mechanism("Several recommenders rank the items, and their rankings are put together by weights.", ()),
    "blend": Mechanism("One recommender answers those of whom little is known, another those known well; between them "
                       "both answer, by shares that follow the number of interactions.", ()),
    "student": Mechanism("A small network was taught to answer as a large recommender does; it reads the history in "
                         "order.", NEXT),
    "reranked": Mechanism("Another recommender ranks the items; a remedy then rearranges its list, so that exposure, "
                          "classes of items or people are treated more evenly.", ()),
    "cold_item": Mechanism("A trained recommender’s view of items is extended to new ones by what is said of them.",
                           (HISTORY, OTHERS, ITEM_FIELDS)),
    "prototypes": Mechanism("Items close to the middle of what the person liked are recommended.",
                            (HISTORY, ORDER, RATINGS, OTHERS)),
    "ridge_head": Mechanism("What suits everyone is adapted to the person by what the person did, in one step.",
                            (*ADAPTS, CONTEXT)),
    "neural_process": Mechanism("What is known of the person is gathered from all that the person did, and each item "
                                "is judged by it.", (*ADAPTS, CONTEXT)),
    **dict.fromkeys(("maml", "fomaml", "anil", "reptile"),
                    Mechanism("What suits everyone is adapted to the person by a few small steps along what the person "
                              "did.", ADAPTS)),
}  # fmt: skip
MADE_OF_OTHERS = frozenset({"ensemble", "blend", "cold_item", "student", "reranked"})
READS_FIELDS = frozenset({"fm", "ncf", "ridge_head", "neural_process", "maml", "fomaml", "anil", "reptile"})
"""Those that read attributes of people where they are configured to. Written here so that the page does not import
them; a test holds it against the classes."""
OTHER = Mechanism("How this recommender decides is not described here.", ())


def read_by(algorithm: str, config: Mapping[str, Any]) -> list[str]:
    """What a recommender of this configuration reads, in the order of READ."""
    found = set(MECHANISMS.get(algorithm, OTHER).reads)
    if algorithm in READS_FIELDS and config.get("use_fields", True):
        found.add(ATTRIBUTES)
    if algorithm in READS_FIELDS and not config.get("use_fields", True):
        found -= {ATTRIBUTES, ITEM_FIELDS}
    if not config.get("use_context", True):
        found.discard(CONTEXT)
    if config.get("use_text") or config.get("items") in ("text", "both"):
        found.add(TEXTS)
    if config.get("half_life"):
        found.add(ORDER)
    return [name for name in READ if name in found]


def by_settings(algorithm: str, config: Mapping[str, Any]) -> list[str]:
    """Sentences on settings that decide how much counts."""
    said: list[str] = []
    if algorithm in MADE_OF_OTHERS - {"student"}:
        return said
    if config.get("half_life"):
        said.append(f"What was done counts half for every {config['half_life']:g} interactions that came after it.")
    if config.get("half_life_days"):
        said.append(f"An interaction counts half after {config['half_life_days']:g} days.")
    for name in ("length", "most"):
        if isinstance(config.get(name), int):
            said.append(f"Only the newest {config[name]:,} interactions of a person are read.")
    if config.get("neighbours"):
        said.append(f"Likeness is followed to the {config['neighbours']:,} most alike.")
    return said


def grouped_by(config: Mapping[str, Any]) -> str:
    """The attribute of people by whose groups a training went, or their activity; "" where it went by none."""
    looked = config.get("group_objective", "none") != "none" and config.get("group_strength", 0) > 0
    remedy = config.get("remedy")
    looked |= remedy in remedies.REMEDIES and remedies.get(str(remedy)).by_people
    return str(config.get("groups") or "").strip() if looked else ""


CAN_CHANGE: tuple[tuple[str, str], ...] = (
    ("Ask for a list that is not based on you", "Lists asked for with profiling=off show what is popular with "
     "everyone; nothing of the person is read."),
    ("Have the history erased", "With it goes all that was worked out from it. Recommendations then rest on nothing "
     "about the person."),
    ("Keep items out of a list", "exclude names items that a list must not hold."),
    ("Narrow a list down", "filter shows only items of a category, a year or another attribute."),
    ("Ask for more variety", "diversity trades a little of the score for items that differ from each other."),
    ("Ask why", "Every recommendation can be explained: what in the history speaks for it and against it."),
)  # fmt: skip
"""What a person can change: through the client application, by parameters of the REST API."""
