"""MeLU's network and the loss of an episode."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from recommender.metalearning.melu import MeLU, decide, loss


@pytest.fixture(scope="module")
def net() -> MeLU:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return MeLU([2, 3], [4], [2], torch.zeros(5), factors=3, hidden=[6, 4])


def test_decision_layers_are_applied_to_both_sides_beside_each_other(net: MeLU) -> None:
    person, items = torch.randn(6), torch.randn(7, 6)
    z = torch.cat([person.expand(7, -1), items], dim=1)
    for at in range(3):
        z = net.decision[f"layer{at}"](F.relu(z) if at else z)
    torch.testing.assert_close(decide(net.prior(), person, items), z)


def test_each_person_may_have_weights_of_their_own(net: MeLU) -> None:
    people, items = torch.randn(2, 6), torch.randn(7, 6)
    own = {name: torch.stack([each, 2 * each]) for name, each in net.prior().items()}
    both = decide(own, people, items)
    for row in range(2):
        alone = decide({name: each[row] for name, each in own.items()}, people[row], items)
        torch.testing.assert_close(both[row], alone)


def test_of_a_new_item_only_what_is_said_of_it_is_read(net: MeLU) -> None:
    content, at = torch.ones(2, 4), torch.tensor([0, 1])
    found, _ = net.items(content, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), at, torch.zeros(2))
    assert torch.equal(found[0], found[1])
    assert not found[:, 3:].any()


def test_the_loss_by_hand() -> None:
    """One layer that passes on the item's two numbers: ratings (1 − 3)² = 4 (the other was not rated); clicks of the
    taken 0 and 2 against one other of 0: mean of log 2 and log(1 + e^−2)."""
    weights = {"layer0.weight": torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), "layer0.bias": torch.zeros(2)}
    episode = {
        "person": torch.zeros(1),
        "items": torch.tensor([[1.0, 0.0], [9.0, 1.5], [5.0, 5.0]]),
        "ratings": torch.tensor([3.0, 0.0, 0.0]),
        "rated": torch.tensor([1.0, 0.0, 0.0]),
        "taken": torch.tensor([1.0, 1.0, 0.0]),
        "offset": torch.tensor([0.0, 0.5, 0.0]),
        "others": torch.tensor([[7.0, 0.0], [7.0, 7.0]]),
        "others_offset": torch.zeros(2),
        "others_mask": torch.tensor([1.0, 0.0]),
        "weigh": torch.tensor([0.5, 2.0]),
    }
    clicks = (math.log(2) + math.log(1 + math.exp(-2))) / 2
    assert loss(weights, episode).item() == pytest.approx(0.5 * 4 + 2 * clicks, rel=1e-5)
    none = episode | {"others": torch.zeros(0, 2), "others_offset": torch.zeros(0), "others_mask": torch.zeros(0)}
    assert loss(weights, none).item() == pytest.approx(2.0)
