"""The blend: shares worked by hand, a threshold found where it is, and parts that answer alone at the ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from recommender.algorithms import registry
from recommender.algorithms.base import tells_uncertainty
from recommender.algorithms.blend import Blend, BlendConfig, learned, mixed, newest, shares
from recommender.data.splits import leave_last_out
from recommender.exceptions import BadConfig, NotTrainable
from tests.recommender.algorithms.test_conformance import Kept, fitted
from tests.recommender.builders import blocks, histories


def test_the_share_is_a_half_at_the_threshold():
    """n² / (n² + 4²): 1/17, 1/2, 4/5; nothing of nothing, and the whole far behind."""
    found = shares(np.array([0, 1, 4, 8, 1000]), 4.0, 2.0)
    assert found.tolist() == pytest.approx([0, 1 / 17, 1 / 2, 4 / 5, 1])
    assert shares(np.array([0, 1]), 0.0, 2.0).tolist() == [0, 1]
    assert shares(np.array([1, 100]), 1e6, 16.0).tolist() == [0, 0]


def test_ranks_are_mixed_on_their_logarithm():
    found = mixed(np.array([[1.0, 4.0]]), np.array([[2.0, 1.0]]), np.array([0.25]))
    np.testing.assert_allclose(found, [[-0.25 * np.log(2), -0.75 * np.log(4)]], rtol=1e-6)


def test_the_threshold_is_where_the_warm_one_becomes_better():
    """The cold one has .3 at any length; the warm one .1, .2, .4, .5 after 1, 2, 4, 8: between 2 and 4."""
    lengths, warm = np.array([1, 2, 4, 8]), np.array([0.1, 0.2, 0.4, 0.5])
    table = np.linspace(np.full(4, 0.3), warm, 21).T
    threshold, sharpness = learned(lengths, table, None)
    assert 2 < threshold < 4 and sharpness == 16
    assert learned(lengths, np.linspace(np.full(4, 0.3), np.full(4, 0.4), 21).T, None)[0] == 0
    assert learned(lengths, np.linspace(np.full(4, 0.3), np.full(4, 0.2), 21).T, None)[0] > 8


def test_histories_are_cut_to_their_last():
    assert newest(histories([[1, 2, 3], [4], []]), 2).items.tolist() == [2, 3, 4]


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    return {name: fitted(name, blocks()) for name in ("prototypes", "ease")}


def blended(parts: dict[str, Any], **settings: Any) -> Blend:
    config = BlendConfig(cold="prototypes", warm="ease", **settings)
    return Blend(config).fit(blocks(), parents=parts, rng=np.random.default_rng(0), report=Kept())


def test_at_the_ends_one_of_the_two_answers_alone(parts: dict[str, Any]):
    asked = histories([[1, 2, 3], [13, 14]])
    for threshold, name in ((0.0, "ease"), (1e6, "prototypes")):
        model = blended(parts, threshold=threshold)
        scores, own = model.score(asked), parts[name].score(asked)
        own[asked.rows, asked.items] = scores[asked.rows, asked.items] = -np.inf
        assert np.array_equal(np.argsort(-scores, axis=1, kind="stable"), np.argsort(-own, axis=1, kind="stable"))
    assert blended(parts, threshold=0.0).adapts_up_to == 0
    assert blended(parts, threshold=4.0, sharpness=2.0).adapts_up_to == 39  # (n / 4)² = 99
    assert blended(parts, threshold=1e6, length=50).adapts_up_to == 50


def test_it_is_learned_by_cutting_histories_and_told_by_length():
    split = leave_last_out(blocks(length=12))
    made = {name: fitted(name, split.train) for name in ("prototypes", "ease")}
    rows: list[dict[str, float]] = []
    model = Blend(BlendConfig(cold="prototypes", warm="ease")).fit(
        split.train, validation=split.validation, parents=made, rng=np.random.default_rng(0),
        report=lambda progress, metrics, state: rows.append(dict(metrics)),
    )  # fmt: skip
    told = [row for row in rows if "cold" in row]
    assert [row["epoch"] for row in told] == [1, 2, 3, 5, 8]
    assert all(0 <= row[name] <= 1 for row in told for name in ("cold", "warm", "blend", "share"))
    means = {name: np.mean([row[name] for row in told]) for name in ("cold", "warm", "blend")}
    assert means["blend"] >= max(means["cold"], means["warm"])
    assert rows[-1]["threshold"] == model.refit_config().threshold  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "field"),
    [({"cold": "ease"}, "cold"), ({"cold": "blend"}, "cold"), ({"warm": "user_knn"}, "warm"), ({"warm": "mf"}, "warm"),
     ({"cold": "prototypes", "warm": "prototypes"}, "warm"), ({"threshold": -1}, "threshold")],
)  # fmt: skip
def test_what_cannot_be_part_of_it_is_refused(given: dict[str, Any], field: str):
    with pytest.raises(BadConfig) as caught:
        BlendConfig(**given)
    assert caught.value.field == field


def test_it_says_which_part_is_missing():
    with pytest.raises(NotTrainable, match="ease"):
        blended({"prototypes": registry.create("prototypes")})


def test_it_is_as_unsure_as_its_cold_one(parts: dict[str, Any]):
    ridge = fitted("ridge_head", blocks())
    model = Blend(BlendConfig(cold="ridge_head", warm="ease", length=2)).fit(
        blocks(), parents={"ridge_head": ridge, "ease": parts["ease"]}, rng=np.random.default_rng(0), report=Kept()
    )
    assert tells_uncertainty(model)
    asked, kept = histories([[1, 2, 3], [13, 14]]), histories([[2, 3], [13, 14]])
    np.testing.assert_array_equal(model.uncertainty(asked), ridge.uncertainty(kept))  # type: ignore[attr-defined]
    without = blended(parts, threshold=4.0)
    assert not tells_uncertainty(without)
    with pytest.raises(NotTrainable, match="prototypes does not know"):
        without.uncertainty(asked)


def test_named_runs_become_its_parts():
    assert Blend.settings_for(("ease", "prototypes")) == {"cold": "prototypes", "warm": "ease"}
    assert Blend.settings_for(("sasrec",)) == {"warm": "sasrec"}
