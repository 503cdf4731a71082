"""Stored adapted states: the same numbers back, and nothing but numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from recommender.algorithms.adapted import DTYPES, pack, together, unpack
from recommender.exceptions import BadCheckpoint

TWO = {"centre": np.array([[1.5, -2.0], [0.25, 3.0]], dtype=np.float32), "level": np.array([1, -1], dtype=np.int32)}


def test_each_person_comes_back_alone():
    back = unpack(pack(TWO, 1))
    assert list(back) == ["centre", "level"]
    assert back["centre"].tolist() == [[0.25, 3.0]] and back["level"].tolist() == [-1]
    both = together([unpack(pack(TWO, row)) for row in (0, 1)])
    assert all(np.array_equal(both[name], TWO[name]) and both[name].dtype == TWO[name].dtype for name in TWO)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(DTYPES).flatmap(lambda kind: arrays(np.dtype(kind), array_shapes(max_dims=3, max_side=4))))
def test_any_numbers_of_any_shape_come_back(array: np.ndarray):
    back = unpack(pack({"it": array}, 0))["it"]
    assert back.dtype == array.dtype and np.array_equal(back[0], array[0], equal_nan=array.dtype.kind == "f")


def test_it_is_compact():
    """64 numbers and a rectangle that is mostly empty take less than half a kilobyte."""
    wide = {"centre": np.random.default_rng(0).normal(size=(1, 64)).astype(np.float32),
            "items": np.full((1, 50), -1, dtype=np.int32)}  # fmt: skip
    assert len(pack(wide)) < 400


@pytest.mark.parametrize("damage", [b"", b"AS1", b"other", pack(TWO)[:-3], pack(TWO) + b"x", b"AS1" + b"\x00" * 9])
def test_what_is_damaged_is_refused(damage: bytes):
    if damage == pack(TWO) + b"x":
        assert unpack(damage)  # zlib ends where it ends; what follows is nobody's
        return
    with pytest.raises(BadCheckpoint):
        unpack(damage)


def test_what_is_no_number_is_not_stored():
    with pytest.raises(BadCheckpoint, match="words"):
        pack({"words": np.array(["a"], dtype=object)})
