"""Files in, lists or predicted ratings out: each person's own support only, and nothing dropped in silence."""

from __future__ import annotations

import csv
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F

from recommender.exceptions import BadInput, Conflict
from recommender.models import Attribute, EndUser, Interaction, Item
from recommender.services.adapting_files import Asked, adapt_files
from tests.recommender.api.conftest import (  # noqa: F401 (fixtures)
    api,
    catalog,
    deploy,
    filled,
    nothing_loaded,
    other,
)  # fmt: skip

SMALL = {
    "ridge_head": {"factors": 4, "width": 8, "features": 4},
    "prototypes": {"factors": 4},
    "maml": {"factors": 4, "hidden": 8},
}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(transactional_db, filled, deploy):  # noqa: F811
    Interaction.objects.update(value=F("id") % 5 + 1)
    return deploy(filled, "prototypes", serve=False, epochs=8, learning_rate=0.02)


@pytest.fixture
def adapt(run, tmp_path):
    """`adapt(support, users=…)` with files' texts; returns the result and the rows written."""

    def go(support, *, of=run, k=5, **files):
        paths = {}
        for name, text in {"support": support, **files}.items():
            paths[name] = tmp_path / f"{name}.csv"
            paths[name].write_text(text)
        result = adapt_files(run=of, asked=Asked(out=tmp_path / "out.csv", k=k, **paths))
        json.dumps(result, allow_nan=False)
        with (tmp_path / "out.csv").open(newline="") as file:
            return result, list(csv.DictReader(file))

    return go


def lists(rows):
    found = {}
    for row in rows:
        found.setdefault(row["user"], []).append(row["item"])
    return found


NEW = "user,item,rating\nnew1,i1,5\nnew1,i2,4\nnew2,i13,5\nnew2,i14,5\n"


def test_new_people_get_lists_by_their_own_support(adapt):
    result, rows = adapt(NEW)
    assert (result["users"], result["rows"], result["support"]["used"]) == (2, 10, 4)
    assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"] * 2
    found = lists(rows)
    assert not {"i1", "i2"} & set(found["new1"]) and not {"i13", "i14"} & set(found["new2"])
    near = {"new1": [f"i{n}" for n in range(12)], "new2": [f"i{n}" for n in range(12, 24)]}
    assert all(len(set(found[user]) & set(near[user])) >= 3 for user in near)
    assert not EndUser.objects.filter(client_id="new1").exists()


def test_company_changes_nothing(adapt):
    """Each person's own support only, never pooled."""
    together = lists(adapt(NEW)[1])
    alone = lists(adapt("user,item,rating\nnew2,i13,5\nnew2,i14,5\n")[1])
    assert together["new2"] == alone["new2"]


def test_the_stored_history_of_someone_known_counts_too(adapt):
    result, rows = adapt("user,item,rating\nu3,i20,5\n", k=24)
    assert result["support"]["used"] == 1
    met = set(EndUser.objects.get(client_id="u3").interactions.values_list("item__client_id", flat=True))
    assert set(lists(rows)["u3"]) == {f"i{n}" for n in range(24)} - met - {"i20"}


def test_pairs_are_predicted_in_their_order(adapt):
    result, rows = adapt(NEW, predict="user,item\nnew2,i3\nnew1,i3\nnobody,i4\n")
    assert [(row["user"], row["item"]) for row in rows] == [("new2", "i3"), ("new1", "i3"), ("nobody", "i4")]
    assert all(1 <= float(row["score"]) <= 5 for row in rows)
    assert result["users"] == 3 and result["unpredicted"]["count"] == 0


def test_people_of_whom_only_attributes_are_known(adapt, filled, deploy):  # noqa: F811
    Attribute.objects.create(catalog=filled, scope="user", name="age", type="category", feature=True)
    for at, user in enumerate(EndUser.objects.order_by("id")):
        EndUser.objects.filter(pk=user.pk).update(attributes={"age": "young" if at % 2 else "old"})
    run = deploy(filled, "ridge_head", serve=False, epochs=30, factors=4, width=8, features=4, learning_rate=0.02)
    users = "user,age,shoe\nyoung,young,43\nold,old,\nodd,never seen,\n"
    result, rows = adapt("user,item,rating\n", of=run, users=users, k=24)
    assert result["users"] == 3 and result["support"]["used"] == 0
    assert lists(rows)["young"] != lists(rows)["old"]
    assert result["attributes"]["unseen"] == {"count": 1, "first": [{"attribute": "age", "value": "never seen"}]}
    assert result["attributes"]["unread"] == ["shoe"]


@pytest.mark.parametrize("algorithm", ["ridge_head", "prototypes", "neural_process", "maml"])
def test_items_that_came_after_the_training(adapt, filled, deploy, algorithm):  # noqa: F811
    small = {"epochs": 2} | SMALL.get(algorithm, {})
    run = deploy(filled, algorithm, serve=False, **small)
    Item.objects.create(catalog=filled, client_id="stored", title="Later", categories=["Comedy"])
    items = "item,title,categories,year\nfiled,Newer,Drama|Comedy,2020\ni1,Known,Comedy,1999\n"
    pairs = "user,item\nnew1,filed\nnew1,stored\nnew1,of nothing\nnew1,i3\n"
    result, rows = adapt(NEW + "new1,filed,4\n", of=run, items=items, predict=pairs)
    assert [row["item"] for row in rows] == ["filed", "stored", "of nothing", "i3"]
    assert result["items"]["later"]["first"] == ["stored", "filed", "of nothing"]
    assert result["items"]["nameless"]["first"] == ["of nothing"] and result["support"]["used"] == 5
    assert result["items"]["as_trained"] == {"count": 1, "first": ["i1"]}
    listed = lists(adapt(NEW, of=run, items=items, k=30)[1])
    assert {"filed", "stored"} <= set(listed["new1"]) and "of nothing" not in listed["new1"]


def test_one_that_cannot_place_later_items_says_so(adapt, filled, deploy):  # noqa: F811
    run = deploy(filled, "mf", serve=False)
    result, rows = adapt(
        NEW + "new1,filed,4\n", of=run, items="item,title\nfiled,New\n", predict="user,item\nnew1,filed\nnew1,i3\n"
    )
    assert [row["item"] for row in rows] == ["i3"]
    assert result["unpredicted"]["first"] == [{"user": "new1", "item": "filed"}]
    assert result["items"]["unplaced"]["first"] == ["filed"]
    assert result["support"]["too_new"]["first"] == [{"user": "new1", "item": "filed"}]


def test_every_kind_of_bad_support_has_an_answer_and_is_told(adapt):
    support = (
        "user,item,rating,timestamp\nx,i1,5,100\nx,i1,1,200\nx,no such item,3,1\nx,i2,99,2\nx,i3,five,3\n"
        "x,i4,3,yesterday\nbad/id,i4,3,5\nx,i5,4,\n"
    )
    result, rows = adapt(support)
    told = result["support"]
    assert told["used"] == 3 and len(rows) == 5
    assert told["unknown"]["first"] == [{"user": "x", "item": "no such item"}]
    assert told["repeated"]["first"] == [{"user": "x", "item": "i1"}]
    assert told["off_scale"]["first"] == [{"user": "x", "item": "i2"}]
    assert [each["line"] for each in result["rejected"]["first"]] == [6, 7, 8]
    _, clean = adapt("user,item,rating,timestamp\nx,i2,5,2\nx,i1,1,200\nx,i5,4,\n")
    assert [row["score"] for row in clean] == [row["score"] for row in rows]


def test_a_thousand_ratings_of_one_person(adapt):
    many = "user,item,rating\n" + "".join(f"x,i{n % 20},{n % 5 + 1}\n" for n in range(1000))
    result, rows = adapt(many)
    assert result["support"]["used"] == 20 and result["support"]["repeated"]["count"] == 20
    assert set(lists(rows)["x"]) <= {f"i{n}" for n in range(20, 24)}


def test_what_cannot_be_read_or_asked_is_named(adapt, run, filled, deploy, tmp_path):  # noqa: F811
    for support, field in (("user,film\n", "support"), ("", "support")):
        with pytest.raises(BadInput) as caught:
            adapt(support)
        assert caught.value.field == field
    with pytest.raises(BadInput) as caught:
        adapt(NEW, k=0)
    assert caught.value.field == "k"
    with pytest.raises(Conflict, match="predicts no ratings"):
        adapt(NEW, of=deploy(filled, "ease", serve=False), predict="user,item\n")
    with pytest.raises(Conflict, match="makes no lists"):
        adapt(NEW, of=deploy(filled, "mf", serve=False))


def test_the_command_prints_one_object_and_says_what_it_did_not_take(run, tmp_path, capsys):
    (tmp_path / "s.csv").write_text(NEW + "new1,nothing,3\n")
    given = {"run": run.pk, "support": tmp_path / "s.csv", "out": tmp_path / "o.csv", "k": 3}
    call_command("adapt", **given, json=True)
    said = capsys.readouterr()
    assert json.loads(said.out)["rows"] == 6
    assert "1 interactions with items nobody knows were left out." in said.err
    with pytest.raises(CommandError, match="no run 999"):
        call_command("adapt", **(given | {"run": 999}))
