"""What may be new in the cold-start lab: people, items, or both; and what the number of interactions means in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recommender.models import Catalog, Run
from recommender.selectors import lab as select
from recommender.selectors import pages
from recommender.services import new_items

FLOORS = ("popularity", "random", "latest")
"""What every recommender must beat; drawn in grey."""
FALL = (
    "The more is given, the fewer interactions are left to find and the fewer people to ask, so a curve may fall "
    "without anything getting worse: compare recommenders at one number of interactions, and runs of one seed. "
    "Whiskers are 95% intervals by bootstrap over people."
)


@dataclass(frozen=True)
class Scenario:
    """`axis` names the number of interactions, `by` says it in full; `given` begins a sentence with it, `none` one
    without any; `known` says what is measured with so many of them."""

    key: str
    name: str
    protocol: str
    axis: str
    by: str
    given: str
    none: str
    known: str
    about: str

    @property
    def of(self) -> str:
        """“people”, “items”, “people and items”."""
        return "people and items" if self.key == "both" else self.key

    def begun(self, shots: int) -> str:
        return self.given.format(shots=shots, s="" if shots == 1 else "s") if shots else self.none


PEOPLE = Scenario(
    "people", "New people", "cold-users",
    "interactions known of a new person", "interactions known of a new person",
    "With {shots} interaction{s} of a new person", "Before any interaction of a new person",
    "interactions known of each new person",
    "Protocol cold-users: a fifth of the people, drawn by the run's seed, is unknown to training; of each the first so "
    "many interactions are given, all others are asked about.",
)  # fmt: skip
ITEMS = Scenario(
    "items", "New items", "cold-items",
    "interactions known of a new item", "interactions known of each new item",
    "With the first {shots} interaction{s} of each new item", "Before any interaction with a new item",
    "first interactions of each new item in the training",
    "Protocol cold-items: a fifth of the items, drawn by the run's seed, is new; of each the training has seen the "
    "first so many interactions by anyone, at 0 none. Everyone who met a new item afterwards is asked which of the new "
    "items come next, with all else that they did as their history; only new items are ranked. At 0 popularity and "
    "item_knn know no order among them and list them as the catalog does (in some what is famous comes first).",
)  # fmt: skip
BOTH = Scenario(
    "both", "Both", "cold-both",
    "interactions known of a new person", "interactions known of a new person, asked about new items",
    "With {shots} interaction{s} of a new person, asked about new items", "Before any interaction of people and items",
    "interactions known of each new person, none of the new items",
    "Protocol cold-both: a fifth of the people and a fifth of the items, drawn by the run's seed, are unknown to "
    "training. Of each new person the first so many interactions with the other items are given (fewer where there are "
    "fewer); of the new items nobody's are. All new items that the person met are asked about; only new items are "
    "ranked, of which popularity and item_knn know no order: they list them as the catalog does.",
)  # fmt: skip
SCENARIOS: Mapping[str, Scenario] = {each.key: each for each in (PEOPLE, ITEMS, BOTH)}


def scenario_of(given: Mapping[str, str]) -> Scenario:
    """`?scenario=`; new people where it says nothing that is known."""
    return SCENARIOS.get(given.get("scenario", ""), PEOPLE)


def to_measure(catalog: Catalog, scenario: Scenario) -> list[Run]:
    """Recommenders that adapt, where items are new those that can place them too, then the floors: of each the newest
    run."""
    runs = select.adaptable_runs(catalog)
    if scenario is not PEOPLE:
        there = {run.pk for run in runs}
        runs = [*runs, *(run for run in new_items.runs_that_can(catalog) if run.pk not in there)]
    every = pages.runs_to_ask(catalog, limit=10_000)
    floors = [run for run in every if run.algorithm in FLOORS and run.parents.count() == 0]
    newest = {run.algorithm: run for run in sorted(floors, key=lambda run: run.pk)}
    return [*runs, *newest.values()]
