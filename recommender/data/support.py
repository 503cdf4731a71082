"""What was given of a person, checked: all of it has a defined answer, and whatever is not taken as it stands is named.

An item that is not known is left out; of several ratings of an item, alike or not, the last counts (other things done
repeatedly all count); a rating off the scale counts as the nearest end of it. An attribute value never seen says
nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

RATING = "rating"


class Given(NamedTuple):
    """`value` None where no rating was given; `time` in seconds since 1970."""

    item: str
    kind: str
    value: float | None
    time: float


@dataclass(frozen=True)
class Checked:
    """What counts, oldest first, and what is to be said of the rest: ids of items, names of attributes.

    `used` how many count; `unknown` items nobody has heard of; `too_new` items that came after the recommender was
    trained and that it cannot place; `repeated` of which only the last counts; `off_scale`
    whose ratings were held to the scale; `unseen` attributes whose value nobody else has; `unread` attributes that are
    no features.
    """

    taken: tuple[Given, ...]
    unknown: tuple[str, ...] = ()
    too_new: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    off_scale: tuple[str, ...] = ()
    unseen: tuple[str, ...] = field(default=())
    unread: tuple[str, ...] = field(default=())

    @property
    def used(self) -> int:
        return sum(each.item not in self.too_new for each in self.taken)

    def told(self) -> dict[str, Any]:
        """In the words of answers."""
        names = ("unknown", "too_new", "repeated", "off_scale", "unseen", "unread")
        return {"used": self.used, **{name: list(getattr(self, name)) for name in names}}


def checked(
    given: Sequence[Given],
    *,
    known: Collection[str],
    scale: tuple[float, float] | None,
    too_new: Collection[str] = (),
    **attributes: Any,
) -> Checked:
    """`given` as it counts. `known`: ids of items that the recommender can use; `too_new`: of others that are there;
    `scale`: lowest and highest rating; `attributes`: `unseen` and `unread`, as found by whoever knows the catalog."""
    ordered = sorted((each for each in given if each.item in known), key=lambda each: each.time)
    last = {each.item: at for at, each in enumerate(ordered) if each.kind == RATING}
    late = [each.kind == RATING and last[each.item] != at for at, each in enumerate(ordered)]
    kept = [each for each, is_late in zip(ordered, late, strict=True) if not is_late]
    taken = tuple(each._replace(value=held(each, scale)) for each in kept)
    changed = {new.item for new, old in zip(taken, kept, strict=True) if new.value != old.value}
    return Checked(
        taken,
        unknown=_distinct(each.item for each in given if each.item not in known and each.item not in too_new),
        too_new=_distinct(each.item for each in given if each.item in too_new),
        repeated=_distinct(each.item for each, is_late in zip(ordered, late, strict=True) if is_late),
        off_scale=_distinct(each.item for each in kept if each.item in changed),
        **attributes,
    )


def held(given: Given, scale: tuple[float, float] | None) -> float | None:
    """The rating, or the end of the scale that is nearest to it; other kinds are left as they are."""
    if given.value is None or scale is None or given.kind != RATING:
        return given.value
    return min(max(given.value, scale[0]), scale[1])


def _distinct(items: Any) -> tuple[str, ...]:
    return tuple(sorted(set(items)))
