"""Checkpoints as bytes: weights in safetensors, everything else in JSON. Nothing in them executes when loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from recommender.algorithms import registry
from recommender.algorithms.base import Config, Recommender, State
from recommender.data.dataset import IdMap, Int
from recommender.exceptions import BadCheckpoint, BadInput

FORMAT = 1
ITEMS = "ids.items"


@dataclass(frozen=True)
class Checkpoint:
    """`state`: arrays of a trained recommender or of a training to resume; `items`: database keys of the columns.

    `code`: version of the code that wrote it; `extra`: anything JSON can hold (seed, fingerprint, epoch …).
    """

    algorithm: str
    config: Config
    items: IdMap
    state: State
    code: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def restore(self) -> Recommender:
        """The trained recommender, ready to score. Raises BadCheckpoint where an array is missing or of odd shape."""
        try:
            return registry.create(self.algorithm, self.config).load_state(self.state)
        except (KeyError, ValueError, IndexError, TypeError, RuntimeError) as error:
            raise BadCheckpoint(f"The checkpoint does not hold a trained {self.algorithm}: {error!r}.") from error


def dump(checkpoint: Checkpoint) -> tuple[bytes, bytes]:
    """(safetensors, JSON). The JSON holds the hash of the other part, so that damage to either is noticed."""
    arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.state.items()}
    tensors = save_tensors(arrays | {ITEMS: np.asarray(checkpoint.items.keys, dtype=np.int64, order="C")})
    about = {
        "format": FORMAT,
        "algorithm": checkpoint.algorithm,
        "config": asdict(checkpoint.config),
        "code": checkpoint.code,
        "extra": dict(checkpoint.extra),
        "sha256": hashlib.sha256(tensors).hexdigest(),
    }
    return tensors, json.dumps(about, sort_keys=True).encode()


def load(tensors: bytes, about: bytes) -> Checkpoint:
    """The checkpoint that `dump` wrote. Raises BadCheckpoint where either part is damaged or of another kind."""
    described = _described(about)
    if hashlib.sha256(tensors).hexdigest() != described["sha256"]:
        raise BadCheckpoint("The checkpoint's weights are damaged: their hash is not the one noted. Train again.")
    try:
        state = dict(load_tensors(tensors))
        keys: Int = state.pop(ITEMS)
        config = registry.config_class(described["algorithm"]).from_mapping(described["config"])
    except (SafetensorError, KeyError, BadInput, TypeError) as error:
        raise BadCheckpoint(f"The checkpoint cannot be read: {error}. Train again.") from error
    return Checkpoint(described["algorithm"], config, IdMap(keys), state, described["code"], described["extra"])


def _described(about: bytes) -> dict[str, Any]:
    try:
        described = json.loads(about)
    except ValueError as error:
        raise BadCheckpoint("The checkpoint's description is not JSON. Train again.") from error
    wanted = {"format": int, "algorithm": str, "config": dict, "code": str, "extra": dict, "sha256": str}
    if not isinstance(described, dict) or any(not isinstance(described.get(key), wanted[key]) for key in wanted):
        raise BadCheckpoint("The checkpoint's description is incomplete. Train again.")
    if described["format"] != FORMAT:
        raise BadCheckpoint(f"The checkpoint has format {described['format']}; this version reads {FORMAT}.")
    return described
