"""A request about a slow recommender is answered within seconds, and says what it left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from explain.attribution import in_request
from explain.exceptions import CannotExplain
from explain.models import Explanation
from explain.services.asking import Question, case_of
from explain.services.changing import way_in
from explain.services.comparing import compared
from explain.services.explaining import explain
from recommender.algorithms.user_knn import UserKNN
from recommender.data.dataset import Histories
from recommender.models import Catalog, Run
from recommender.services import serving

pytestmark = pytest.mark.django_db


@pytest.fixture
def slow(filled: Catalog, deploy: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Question]:
    """A question about a recommender that takes so many seconds for a row."""
    deploy(filled, "user_knn")
    first = serving.recommend(serving.Question(filled.pk, "u0", noted=False)).items[0].item
    score = UserKNN.score

    def asked(seconds: float) -> Question:
        def slowly(model: UserKNN, met: Histories, **more: Any) -> Any:
            time.sleep(seconds * len(met))
            return score(model, met, **more)

        monkeypatch.setattr(UserKNN, "score", slowly)
        return Question(filled.pk, "u0", first, k=3)

    return asked


def test_what_is_asked_by_default_is_answered_by_as_much_as_can_be_done_in_time(slow: Callable[[float], Question]):
    asked, started = slow(0.12), time.perf_counter()  # 64 coalitions would take 8 s, a pair of permutations 2 s
    found = explain(asked)
    assert time.perf_counter() - started < 3 * in_request.IN_REQUEST + 2
    assert (found["method"], found["cost"]["evaluations"]) == ("shapley_sampling", 2 * 7)
    assert [unit["error"] for unit in found["units"]] == [None] * 6
    assert found["relative_gap"] < 1e-6
    assert found["counterfactual_found"] is False
    assert found["counterfactual_text"].endswith("The search stopped after 2 s; not all sets were tried.")


def test_a_method_that_would_take_too_long_is_refused_with_another_that_does_not(
    slow: Callable[[float], Question], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(in_request, "MOST", 0.4)
    asked = slow(0.05)
    found = explain(Question(asked.catalog_id, "u0", asked.item, searched=False))
    assert (found["method"], found["additive"]) == ("ablation", False)
    for method in ("shapley", "shapley_sampling"):
        with pytest.raises(CannotExplain, match=f"{method} of 6 things would take about .* or by `ablation`") as error:
            explain(Question(asked.catalog_id, "u0", asked.item, method=method))
        assert error.value.field == "method"
    beside = compared(asked)
    assert [each.name for each in beside.methods] == ["ablation"]
    assert sum("would take about" in why for _, why in beside.refused) == 2


def test_a_way_in_is_looked_for_no_longer_than_asked(slow: Callable[[float], Question]):
    asked, started = slow(0.02), time.perf_counter()
    found = way_in(case_of(Question(asked.catalog_id, "u0", "i20", k=1)), seconds=0.3)
    assert time.perf_counter() - started < 2
    assert found["found"] is False
    assert found["text"].endswith("The search stopped after 0 s; not all sets were tried.")


def test_out_of_a_request_nothing_is_cut_short_and_what_a_request_kept_is_not_taken(slow: Callable[[float], Question]):
    asked = slow(0.0)
    explain(asked)
    kept = Explanation.objects.get()
    Explanation.objects.update(document=kept.document | {"method": "kept"})
    assert explain(asked)["method"] == "kept"
    assert explain(asked, in_request=False, keep=False)["method"] == "shapley"
    assert Explanation.objects.get().document["method"] == "kept"
    explain(asked, in_request=False)
    assert Explanation.objects.get().document["method"] == "shapley"
