"""Checkpoints: what goes in comes out, damage is noticed, nothing executes."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from recommender.algorithms.checkpoint import Checkpoint, dump, load
from recommender.algorithms.popularity import PopularityConfig
from recommender.data.dataset import IdMap
from recommender.exceptions import BadCheckpoint
from tests.recommender.builders import histories

STATE = {"weights": np.array([1.0, 3.0, 2.0], dtype=np.float32)}
GIVEN = Checkpoint(
    algorithm="popularity",
    config=PopularityConfig(half_life_days=3),
    items=IdMap(np.array([4, 7, 9])),
    state=STATE,
    code="abc",
    extra={"seed": 5},
)


def test_what_goes_in_comes_out() -> None:
    found = load(*dump(GIVEN))
    assert (found.algorithm, found.config, found.code, found.extra) == ("popularity", GIVEN.config, "abc", {"seed": 5})
    assert found.items.keys.tolist() == [4, 7, 9]
    assert found.restore().score(histories([[0]])).tolist() == [[1, 3, 2]]


def test_every_kind_of_array_survives() -> None:
    state = {
        "long": np.array([2**62]), "bytes": np.arange(3, dtype=np.uint8), "flag": np.array([True]),
        "scalar": np.array(3.5), "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "empty": np.empty((0, 4), dtype=np.float32),
    }  # fmt: skip
    back = load(*dump(Checkpoint("popularity", PopularityConfig(), IdMap(np.array([1])), state))).state
    for name, array in state.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert np.array_equal(back[name], array)


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_flipped_byte_is_noticed(place: int) -> None:
    tensors, about = dump(GIVEN)
    damaged = bytearray(tensors)
    damaged[place] ^= 1
    with pytest.raises(BadCheckpoint, match="damaged"):
        load(bytes(damaged), about)


@pytest.mark.parametrize(
    "change",
    [{"format": 99}, {"sha256": None}, {"algorithm": "nonsense"}, {"config": {"nonsense": 1}}, {"config": []}],
)
def test_a_description_of_another_kind_is_refused(change: dict[str, object]) -> None:
    tensors, about = dump(GIVEN)
    with pytest.raises(BadCheckpoint):
        load(tensors, json.dumps(json.loads(about) | change).encode())


@pytest.mark.parametrize("about", [b"", b"\xff", b"[]", b"{}", pickle.dumps({"format": 1})])
def test_what_is_no_description_is_refused(about: bytes) -> None:
    with pytest.raises(BadCheckpoint):
        load(dump(GIVEN)[0], about)


def test_missing_arrays_are_told() -> None:
    tensors, about = dump(Checkpoint("popularity", PopularityConfig(), GIVEN.items, {"other": STATE["weights"]}))
    with pytest.raises(BadCheckpoint, match="popularity"):
        load(tensors, about).restore()
