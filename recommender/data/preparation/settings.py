"""How a run's data are prepared. The defaults change nothing."""

from __future__ import annotations

from dataclasses import dataclass

from recommender.data.config import Config, hyper
from recommender.exceptions import BadConfig

FILLS = ("keep", "mean", "median", "most frequent", "unknown", "drop")
UNKNOWN = "unknown"


@dataclass(frozen=True)
class PreparationConfig(Config):
    """Steps in the order in which they are done: interactions first, then attributes, then features."""

    duplicates: str = hyper(
        "keep", "Rows equal in person, item, kind, value and time: keep all, or drop all but the first.",
        choices=("keep", "drop"),
    )  # fmt: skip
    contradictions: str = hyper(
        "keep", "Ratings of one person for one item that differ: keep them, keep only the last, put their mean in the "
        "place of the first, or drop them all.",
        choices=("keep", "last", "mean", "drop"),
    )  # fmt: skip
    repeats: str = hyper(
        "first", "Of several interactions of one person with one item, which one counts.", choices=("first", "last")
    )
    scale_low: float | None = hyper(None, "The lowest rating there can be; empty: none is impossible.")
    scale_high: float | None = hyper(None, "The highest rating there can be.")
    outside: str = hyper(
        "drop", "What happens to ratings outside the scale: drop them, or move them to its end.",
        choices=("drop", "clip"),
    )  # fmt: skip
    busy: str = hyper(
        "keep", "People with implausibly many interactions in one day: keep them, or leave out what those did who are "
        "above the upper quartile by a multiple of the quartiles' distance (iqr), or above the mean by a multiple of "
        "the standard deviation (z).",
        choices=("keep", "iqr", "z"),
    )  # fmt: skip
    busy_limit: float = hyper(3.0, "That multiple.", low=0.0, high=1e6)
    min_person: int = hyper(0, "Leave out what people with fewer interactions did.", low=0, high=1_000_000)
    min_item: int = hyper(0, "Leave out interactions with items that have fewer.", low=0, high=1_000_000)
    core: bool = hyper(True, "Repeat the two until both hold (a k-core), instead of doing them once.")
    cast: bool = hyper(False, "Values that do not fit their attribute's declared type become gaps.")
    gaps_number: str = hyper(
        "keep", "What stands in for a missing number.", choices=("keep", "mean", "median", "most frequent", "drop")
    )
    gaps_word: str = hyper(
        "keep",
        "What stands in for a missing category, yes or no.",
        choices=("keep", "most frequent", "unknown", "drop"),
    )
    gaps: str = hyper(
        "", "The same for single columns, for example item.year=median, user.plan=unknown; drop leaves the column out."
    )
    choose: str = hyper(
        "keep", "Keep only the columns that say most about what people do: by mutual information, or by chi².",
        choices=("keep", "mutual information", "chi2"),
    )  # fmt: skip
    columns: int = hyper(10, "How many columns of people, items and context are kept then.", low=1, high=1_000)
    fuse: bool = hyper(
        False, "Add the main directions of items' texts, and of all fields of items together, as columns of numbers."
    )
    components: int = hyper(8, "How many of each.", low=1, high=64)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.column_fills()
        low, high = self.scale_low, self.scale_high
        if low is not None and high is not None and low >= high:
            raise BadConfig("scale_high must be above scale_low.", field="scale_high")

    def column_fills(self) -> dict[tuple[str, str], str]:
        """`gaps` as (side, column) → what stands in. Raises BadConfig where it cannot be read."""
        found = {}
        for part in filter(None, (part.strip() for part in self.gaps.split(","))):
            name, mark, fill = (piece.strip() for piece in part.partition("="))
            side, dot, column = name.partition(".")
            if not mark or not dot or side not in ("user", "item") or not column or fill not in FILLS:
                raise BadConfig(
                    f"gaps: “{part}” is none; write item.year=median, with one of {', '.join(FILLS)}.", field="gaps"
                )
            found[side, column] = fill
        return found

    @property
    def changes_nothing(self) -> bool:
        steps = (self.duplicates, self.contradictions, self.busy, self.gaps_number, self.gaps_word, self.choose)
        others = (
            self.cast or self.fuse or self.gaps or self.repeats != "first" or max(self.min_person, self.min_item) > 1
        )
        scaled = self.scale_low is not None or self.scale_high is not None
        return set(steps) == {"keep"} and not others and not scaled
