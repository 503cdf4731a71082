"""Which remedy a list was made with is in the answer, made anew or given again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from recommender.algorithms import registry
from recommender.data.config import Config
from recommender.models import Catalog, Run
from recommender.services import loaded
from recommender.services.remedies import remedy_of
from tests.recommender.api.support import Api

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Grouped(Config):
    group_objective: str = "none"
    group_strength: float = 0.0


def test_a_remedy_re_ranks_or_is_an_objective_of_training_that_counts() -> None:
    given = {"of": "ials", "remedy": "gini", "strength": 0.25}
    config = registry.config_class("reranked").from_mapping(given)
    assert remedy_of("reranked", config) == {"name": "gini", "strength": 0.25, "of": "ials"}
    assert remedy_of("ease", registry.config_class("ease").from_mapping({})) is None
    assert remedy_of("gru", Grouped("dro", 0.5)) == {"name": "group-dro", "strength": 0.5, "of": "gru"}
    assert remedy_of("gru", Grouped("dro", 0.0)) is None and remedy_of("gru", Grouped("none", 0.5)) is None


def test_the_answer_says_which_remedy_is_in_service(
    filled: Catalog, api: Callable[..., Api], deploy: Callable[..., Run]
) -> None:
    client = api()
    deploy(filled, "ease")
    assert client.list_for("u3")["remedy"] is None
    loaded.forget()  # else the one before answers until the new one is loaded
    deploy(filled, "reranked", of="ease", strength=0.5)
    wanted = {"name": "gini", "strength": 0.5, "of": "ease"}
    for _ in range(2):  # the second may be one that was kept
        document = client.list_for("u3")
        assert (document["algorithm"], document["remedy"]) == ("reranked", wanted)
    assert client.list_for("u3", profiling="off")["remedy"] is None
