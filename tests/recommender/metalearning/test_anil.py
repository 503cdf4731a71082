"""Only the last layer adapts, above what the others say."""

from __future__ import annotations

import torch

from recommender.metalearning import anil
from recommender.metalearning.melu import MeLU, decide


def test_the_head_above_the_body_is_the_whole_network() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        whole = MeLU([2], [3], [], torch.zeros(4), factors=3, hidden=[5, 4]).prior()
        episode = {"person": torch.randn(2, 3), "items": torch.randn(2, 6, 3), "others": torch.randn(2, 1, 3)}
    head, body = anil.split(whole)
    assert {name: each.shape for name, each in head.items()} == {"layer0.weight": (2, 4), "layer0.bias": (2,)}
    assert set(anil.joined(head, body)) == set(whole)
    assert all(anil.joined(head, body)[name] is each for name, each in whole.items())
    read = anil.above(body, episode)
    expected = decide(whole, episode["person"], episode["items"])
    torch.testing.assert_close(decide(head, read["person"], read["items"]), expected)
