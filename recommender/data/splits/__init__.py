"""Ways to hold interactions out, so that a recommender is asked about what it has not seen."""

from __future__ import annotations

from recommender.data.dataset import Dataset
from recommender.data.splits.base import Split
from recommender.data.splits.cold import cold_both, cold_items, held_out_people
from recommender.data.splits.folds import k_fold
from recommender.data.splits.temporal import leave_last_out, shuffled_ties, time_split
from recommender.exceptions import BadInput

__all__ = [
    "PROTOCOLS",
    "WITH_SHOTS",
    "Split",
    "cold_both",
    "cold_items",
    "held_out_people",
    "k_fold",
    "leave_last_out",
    "shuffled_ties",
    "splits_of",
    "time_split",
]

PROTOCOLS: dict[str, str] = {
    "leave-last-out": "Each person’s last item is held out, the rest is learned from.",
    "time": "Everything after one moment is held out, for the whole catalog at once; newcomers count too.",
    "cold-users": "A fifth of the people is unknown to training and asked about with a part of their history.",
    "cold-items": "A fifth of the items is unknown to training; who met some is asked which new ones.",
    "cold-both": "People unknown to training are asked about items unknown to training.",
    "k-fold": "Every rating is predicted once, by a recommender that learned from the other four fifths.",
    "ties-shuffled": "Leave-last-out after things done at the same moment were put in random order.",
}
WITH_SHOTS = ("cold-users", "cold-items", "cold-both")
MOST_SHOTS = 1000


def splits_of(dataset: Dataset, protocol: str, *, shots: int | None = None, seed: int = 0) -> list[Split]:
    """What `protocol` holds out of `dataset`: one split, or one per fold.

    Raises BadInput for an unknown protocol or shots where they mean nothing, NotTrainable where too little is there.
    """
    check(protocol, shots)
    if protocol == "k-fold":
        return k_fold(dataset, seed=seed)
    if protocol == "cold-users":
        return [held_out_people(dataset, shots=shots, seed=seed)]
    if protocol == "cold-items":
        return [cold_items(dataset, shots=shots, seed=seed)]
    if protocol == "cold-both":
        return [cold_both(dataset, shots=shots, seed=seed)]
    if protocol == "ties-shuffled":
        return [shuffled_ties(dataset, seed=seed)]
    return [time_split(dataset) if protocol == "time" else leave_last_out(dataset)]


def check(protocol: str, shots: int | None) -> None:
    """Raises BadInput (fields protocol, shots) unless the protocol exists and takes these shots."""
    if protocol not in PROTOCOLS:
        raise BadInput(f"There is no protocol “{protocol}”. Available: {', '.join(PROTOCOLS)}.", field="protocol")
    if shots is None:
        return
    if protocol not in WITH_SHOTS:
        raise BadInput(f"shots belongs to {', '.join(WITH_SHOTS)}; leave it out for {protocol}.", field="shots")
    if not 0 <= shots <= MOST_SHOTS:
        raise BadInput(f"shots must be from 0 to {MOST_SHOTS}.", field="shots")
