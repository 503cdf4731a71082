"""The explanation page: what it says, what its address holds, who may see it, and what it says without an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.test import Client
from django.urls import reverse

from explain.services.adapting import adapted
from explain.services.asking import Question, case_of
from explain.services.explaining import explain
from explain.services.reranking import rerank
from explain.views.asked import LONGEST_ADDRESS, State
from recommender import hooks
from recommender.models import Attribute, Catalog, EndUser, Interaction, Item, Run
from recommender.services import serving
from tests.recommender.pages import ROLES, login, text_of

pytestmark = pytest.mark.django_db


def first(catalog: Catalog, user: str = "u0") -> str:
    """The first item of a person's list."""
    return serving.recommend(serving.Question(catalog.pk, user, noted=False)).items[0].item


def got(catalog: Catalog, person: str, item: str, *, part: str = "", role: str = "superuser", **query: Any) -> Any:
    client = Client()
    client.force_login(login(role, catalog))
    name, _, more = (f"explanation_{part}" if part else "explanation").partition("_more_")
    given = [catalog.name, person, item]
    return client.get(reverse("explanation_more", args=[*given, more]) if more else reverse(name, args=given), query)


def test_the_page_says_the_sentence_the_badge_and_every_part(filled: Catalog, deploy: Callable[..., Run]) -> None:
    run = deploy(filled, "ease")
    item = first(filled)
    answer = got(filled, "u0", item)
    document = explain(Question(filled.pk, "u0", item, searched=False))
    text = text_of(answer)
    assert answer.status_code == 200
    assert document["sentence"] in text
    assert "complete the parts sum to the score." in text
    assert f"ease #{run.pk}" in text and "It stands at place 1 of their list" in text
    for unit in document["units"]:
        assert unit["label"] in text
    figure = json.loads(unescape(re.search(r'id="data-waterfall">(.*?)</script>', answer.content.decode())[1]))
    assert set(figure["layout"]["meta"]["units"]) == {unit["id"] for unit in document["units"]}
    assert len(json.dumps(figure)) < 500_000


def test_a_slow_recommender_answers_by_a_fragment_and_whole_when_asked(
    filled: Catalog, deploy: Callable[..., Run]
) -> None:
    deploy(filled, "user_knn")
    item = first(filled)
    page = got(filled, "u0", item).content.decode()
    assert 'hx-trigger="load, again"' in page and 'id="unit-values"' not in page
    fragment = got(filled, "u0", item, part="explained", role="operator").content.decode()
    values = json.loads(re.search(r'id="unit-values" type="application/json">(.*?)</script>', fragment)[1])
    assert set(values) == {f"i{at}" for at in range(6)}
    whole = text_of(got(filled, "u0", item, role="analyst", **{"with": "all"}))
    assert explain(Question(filled.pk, "u0", item, searched=False))["sentence"] in whole
    assert "What would change it" in whole


def test_switching_something_off_ranks_again_and_the_address_follows(
    filled: Catalog, deploy: Callable[..., Run]
) -> None:
    deploy(filled, "ease")
    item = first(filled)
    off = ["i0", "i1", "i2", "i3"]
    answer = got(filled, "u0", item, part="list", without=off)
    expected = rerank(Question(filled.pk, "u0", item, without=frozenset(off)))
    page = answer.content.decode()
    listed = re.findall(r'<span class="rank">(\d+)</span>\s*<div class="what"><a class="title"[^>]*>([^<]+)</a>', page)
    assert [unescape(title) for _, title in listed] == [row.label for row in expected.rows]
    assert answer["HX-Trigger"] == '{"ranked": {}}'
    assert sorted(parse_qsl(answer["HX-Replace-Url"].partition("?")[2])) == [("without", each) for each in off]
    assert [row.label for row in expected.left] == re.findall(r'class="title seen">([^<]+)<', page)
    moved = [row for row in expected.rows if row.before is not None and row.before > row.place]
    assert page.count('class="up"') == len(moved)
    assert "Switch all back on" in page


def test_the_same_address_without_script_shows_the_same(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    item = first(filled)
    page = got(filled, "u0", item, without=["i0", "i3"]).content.decode()
    assert re.findall(r'name="without" value="(\w+)" checked', page) == ["i3", "i0"]  # the newest first
    changed = explain(Question(filled.pk, "u0", item, without=frozenset({"i0", "i3"}), searched=False))
    assert {unit["id"] for unit in changed["units"]} == {"i1", "i2", "i4", "i5"}
    assert unescape(page).count(changed["sentence"]) == 1


def test_why_this_and_not_that(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    text = text_of(got(filled, "u0", first(filled), other="i11"))
    assert "stands above “Title 11”" in text or "in spite of" in text
    assert "Its lead over Title 11" in text and "Explain its score again" in text
    found = got(filled, "u0", first(filled), role="analyst", q="Title 20").content.decode()
    assert "?other=i20" in found, "found items can be compared with"


def test_what_takes_it_out_can_be_applied_and_does(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    item = first(filled)
    page = got(filled, "u0", item, part="reach", k=1).content.decode()
    off = json.loads(unescape(re.search(r'data-switch-off="([^"]+)"', page)[1]))
    rank = rerank(Question(filled.pk, "u0", item, k=1, without=frozenset(off))).rank
    assert rank > 1
    assert f"would fall from place 1 to place {rank}." in page


def test_an_item_outside_the_list_can_be_asked_what_would_bring_it_in(
    filled: Catalog, deploy: Callable[..., Run]
) -> None:
    deploy(filled, "ease")
    ranked = rerank(Question(filled.pk, "u0", "i20", k=3))
    assert ranked.rank is not None and ranked.rank > 3
    offered = got(filled, "u0", "i20", part="reach", k=3)
    assert "What would bring it in?" in text_of(offered)
    found = text_of(got(filled, "u0", "i20", part="reach", role="analyst", k=3, **{"with": "way"}))
    assert "would rise from place" in found or "Nothing within" in found


def test_methods_stand_side_by_side_with_their_agreement(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    answer = got(filled, "u0", first(filled), part="methods")
    text = text_of(answer)
    for title in ("Exact contributions", "Shapley values, enumerated", "Leaving one out"):
        assert title in text
    assert "ease has no gradients" in text, "one that cannot answer says why"
    assert "takes too long for a page" in text or "take too long for a page" in text
    figure = json.loads(unescape(re.search(r'id="data-agreement">(.*?)</script>', answer.content.decode())[1]))
    names = figure["data"][0]["x"]
    z = figure["data"][0]["z"]
    if isinstance(z, list):
        assert [z[len(names) - 1 - at][at] for at in range(len(names))] == pytest.approx([1.0] * len(names))


def test_what_is_said_of_the_person_can_be_said_otherwise(filled: Catalog, deploy: Callable[..., Run]) -> None:
    Attribute.objects.create(catalog=filled, scope="user", name="town", type="category", feature=True)
    for person in EndUser.objects.all():
        EndUser.objects.filter(pk=person.pk).update(attributes={"town": "AB"[int(person.client_id[1:]) % 2]})
    deploy(filled, "ncf")
    item = first(filled)
    page = got(filled, "u0", item).content.decode()
    assert 'name="set.town"' in page and "as stored: A" in page
    for value, meant in (("B", "B"), ("?", None)):
        answer = got(filled, "u0", item, part="list", role=("analyst" if meant else "operator"), **{"set.town": value})
        expected = rerank(Question(filled.pk, "u0", item, attributes={"town": meant}))
        titles = re.findall(r'<a class="title"[^>]*>([^<]+)</a>', answer.content.decode())
        assert titles == [row.label for row in expected.rows]
    assert rerank(Question(filled.pk, "u0", item, attributes={"town": "B"})).value != pytest.approx(
        rerank(Question(filled.pk, "u0", item)).value
    )


def test_a_recommender_of_histories_offers_nothing_else_to_change(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    assert 'name="set.' not in got(filled, "u0", first(filled)).content.decode()


def test_the_values_as_a_file(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    item = first(filled)
    lines = got(filled, "u0", item, part="csv").content.decode().splitlines()
    units = explain(Question(filled.pk, "u0", item, searched=False))["units"]
    assert lines[0] == "kind,id,label,value,standard_error"
    assert [line.split(",")[1] for line in lines[1:]] == [unit["id"] for unit in units]


def test_the_file_of_an_explanation_holds_what_the_page_does_and_needs_nothing(
    filled: Catalog, deploy: Callable[..., Run]
) -> None:
    deploy(filled, "ease")
    EndUser.objects.filter(client_id="u0").update(attributes={"secret": "left-handed"})
    item = first(filled)
    answer = got(filled, "u0", item, part="report", without=["i0"])
    page = answer.content.decode()
    assert answer["Content-Disposition"] == f'attachment; filename="why-{item}-for-u0.html"'
    assert "<svg" in page and "<script" not in page and "href" not in page and " src=" not in page
    assert "1 item of the history left out" in page
    changed = explain(Question(filled.pk, "u0", item, without=frozenset({"i0"}), searched=False))
    assert changed["sentence"] in unescape(page)
    assert page.count('<rect class="') == len(changed["units"])
    assert "left-handed" not in page


PARTS = ("", "_list", "_explained", "_reach", "_methods", "_csv", "_report")


@pytest.fixture
def client_in(client: Client, filled: Catalog) -> Client:
    client.force_login(login("superuser"))
    return client


@pytest.mark.parametrize(("person", "item"), [("nobody", "i8"), ("u0", "nothing"), ("a\x00b", "i8")])
def test_who_or_what_is_unknown_is_told_in_words(filled: Catalog, client_in: Client, person: str, item: str) -> None:
    for part in PARTS:
        answer = client_in.get(reverse(f"explanation{part}", args=[filled.name, person, item]))
        assert answer.status_code == 404
        assert "knows no" in text_of(answer)


def test_states_without_an_explanation_say_what_to_do(filled: Catalog, deploy: Callable[..., Run]) -> None:
    page = text_of(got(filled, "u0", "i8"))
    assert "No recommender is in service" in page and "Train recommenders" in page
    deploy(filled, "ease")
    EndUser.objects.create(catalog=filled, client_id="empty")
    empty = text_of(got(filled, "empty", "i8", role="operator"))
    assert "nothing to explain" in empty and "has met nothing yet" in empty
    Item.objects.create(catalog=filled, client_id="later", title="Later")
    assert "came after the training" in text_of(got(filled, "u0", "later", role="analyst"))
    assert "no finished run 999" in text_of(got(filled, "u0", "i8", role="catalogue manager", run=999))


NONSENSE: list[dict[str, Any]] = [
    {"run": "x"}, {"run": -1}, {"k": 0}, {"k": "many"}, {"target": "mood"}, {"method": "guess"}, {"other": "i8"},
    {"method": "integrated_gradients"}, {"other": "nothing"}, {"other": "\x00"}, {"without": ["nothing", "\x00"]},
    {"set.age": "x"}, {"set.": "x"}, {"context.hour": "9" * 300}, {"target": "probability"}, {"with": "all"},
    {"q": "!' & |"},
]  # fmt: skip


def test_nonsense_in_the_address_breaks_nothing(filled: Catalog, deploy: Callable[..., Run], client_in: Client) -> None:
    deploy(filled, "ease")
    for query in NONSENSE:
        for part in ("", "_list", "_explained", "_report"):
            answer = client_in.get(reverse(f"explanation{part}", args=[filled.name, "u0", "i8"]), query)
            assert answer.status_code == 200, (part, query)


def test_a_method_that_cannot_answer_says_which_can(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    text = text_of(got(filled, "u0", "i8", part="explained", method="integrated_gradients"))
    assert "has no gradients" in text and "Methods that can explain this: contributions" in text
    page = text_of(got(filled, "u0", "i8", role="analyst", method="integrated_gradients"))
    assert "The list as it is" in page, "the list is there all the same"


def test_every_page_asks_for_the_right_to_look(filled: Catalog, deploy: Callable[..., Run], client: Client) -> None:
    deploy(filled, "ease")
    addresses = [reverse(f"explanation{part}", args=[filled.name, "u0", "i8"]) for part in PARTS]
    addresses.append(reverse("explanations", args=[filled.name]))
    for role in ROLES:
        client.force_login(login(role, filled))
        status = {"not a member": 404, "in no group": 403}.get(role, 200)
        assert {client.get(address).status_code for address in addresses} == {status}, role
        assert {client.post(address).status_code for address in addresses} == {405}, role


def test_strangers_sign_in_first(filled: Catalog) -> None:
    answer = Client().get(reverse("explanation", args=[filled.name, "u0", "i8"]))
    assert answer.status_code == 302 and answer["Location"].startswith("/login/?next=/")


def test_nothing_on_the_pages_breaks_the_policy(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    Item.objects.filter(client_id="i8").update(title="<script>alert(1)</script>")
    pages = [
        got(filled, "u0", "i8").content.decode(),
        got(filled, "u0", "i8", part="report", role="analyst").content.decode(),
    ]
    for page in pages:
        assert "<script>alert" not in page
        scripts = re.findall(r"<script([^>]*)>", page)
        assert all("src=" in each or "application/json" in each for each in scripts)
        assert not re.search(r"\son\w+=|javascript:", page)


def test_the_index_offers_examples_and_finds_people_and_items(filled: Catalog, deploy: Callable[..., Run]) -> None:
    client = Client()
    client.force_login(login("superuser"))
    address = reverse("explanations", args=[filled.name])
    assert "No recommender can be asked yet" in text_of(client.get(address))
    run = deploy(filled, "ease")
    page = client.get(address)
    examples = re.findall(r'href="(/films/explanations/people/[^"]+)"', page.content.decode())
    assert len(examples) == 5
    assert client.get(unescape(examples[0])).status_code == 200
    listed = text_of(client.get(address, {"person": "u0"}))
    assert "The list of person u0" in listed and "Because of" in listed
    assert "u1" in text_of(client.get(address, {"person": "u"}))
    assert "knows no person whose id begins with “zz”" in text_of(client.get(address, {"person": "zz"}))
    assert "Why Title 20?" in text_of(client.get(address, {"person": "u0", "item": "Title 20"}))
    straight = client.get(address, {"person": "u0", "item": "i20", "run": run.pk})
    assert straight["Location"] == f"/films/explanations/people/u0/items/i20/?run={run.pk}"
    assert "Explanations</a>" in page.content.decode()


def test_lists_of_the_explorer_and_the_item_page_link_here(filled: Catalog, deploy: Callable[..., Run]) -> None:
    run = deploy(filled, "ease")
    client = Client()
    client.force_login(login("superuser"))
    page = client.get(reverse("person", args=[filled.name, "u0"])).content.decode()
    expected = hooks.why_address(catalog="films", run=run.pk, person="u0", item=first(filled))
    assert expected == f"/films/explanations/people/u0/items/{first(filled)}/?run={run.pk}"
    assert f'href="{expected}"' in page and page.count(">Why?</a>") == 10
    item = client.get(reverse("item", args=[filled.name, "i3"])).content.decode()
    assert re.search(rf'href="/films/explanations/people/u\d+/items/i3/\?run={run.pk}"', item)


def test_an_address_never_grows_too_long() -> None:
    state = State("u", "i", without=tuple(f"a rather long name of an item {at:04}" for at in range(700)))
    assert len(state.query()) <= LONGEST_ADDRESS + 1
    assert state.pairs()[0] == ("without", "a rather long name of an item 0000")


def test_ids_with_every_sign_keep_their_address(filled: Catalog, deploy: Callable[..., Run]) -> None:
    Item.objects.filter(client_id="i8").update(client_id="a b?c&d#é.ü")
    deploy(filled, "ease")
    page = got(filled, "u0", "a b?c&d#é.ü")
    assert page.status_code == 200 and "a%20b%3Fc&amp;d%23%C3%A9.%C3%BC/list/" in page.content.decode()


def test_words_are_marked_with_value_and_nothing_of_the_text_is_lost(
    filled: Catalog, deploy: Callable[..., Run]
) -> None:
    deploy(filled, "ease")
    item = first(filled)
    Item.objects.filter(client_id=item).update(title="Alien", description="A crew meets a <deadly> lifeform.")
    page = got(filled, "u0", item, part="more_words").content.decode()
    texts = [re.sub(r"<[^>]+>", "", each) for each in re.findall(r'<p class="marked-text">(.*?)</p>', page, re.DOTALL)]
    assert "A crew meets a <deadly> lifeform." in unescape(texts[0])
    assert re.search(r'<mark class="raises" style="--share: \d+%" title="\+[\d.e−-]+">', page)
    assert "raises this item most" in page and "of the difference" in page


def test_an_item_of_which_nothing_is_said_has_no_words(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    item = first(filled)
    Item.objects.filter(client_id=item).update(title="", categories=[])
    assert "Nothing is said of one of the two items" in text_of(got(filled, "u0", item, part="more_words"))


def test_of_a_recommender_that_adapts_the_page_says_what_that_changed(
    filled: Catalog, deploy: Callable[..., Run]
) -> None:
    deploy(filled, "ridge_head", epochs=1, width=4, features=4, factors=2)
    item = first(filled)
    page = text_of(got(filled, "u0", item))
    assert "What adapting changed" in page
    found = adapted(case_of(Question(filled.pk, "u0", item)))
    fragment = text_of(got(filled, "u0", item, part="more_adapted", role="analyst"))
    assert f"at place {found.of.target.rank_before} (score" in fragment
    assert f"adapted to them, at place {found.of.target.rank_after} (score" in fragment
    ease = deploy(filled, "ease", serve=False).pk
    assert "What adapting changed" not in text_of(got(filled, "u0", item, role="operator", run=ease))
    refused = got(filled, "u0", item, part="more_adapted", role="catalogue manager", run=ease)
    assert "does not adapt" in text_of(refused)


def test_exact_parts_of_what_is_usual_for_the_person_are_shown_where_ratings_are_predicted(
    filled: Catalog, deploy: Callable[..., Run]
) -> None:
    for at, row in enumerate(Interaction.objects.filter(user__client_id="u0").order_by("pk")):
        Interaction.objects.filter(pk=row.pk).update(value=1.0 + at % 5)
    deploy(filled, "maml", loss="rating", epochs=1)
    case = case_of(Question(filled.pk, "u0", "i8"))
    found, model = adapted(case), case.served.model
    assert {row["id"] for row in found.usual} == {f"i{at}" for at in range(6)}
    total = sum(row["value"] for row in found.usual)
    assert total == pytest.approx(float(model.adapt(case.histories)["usual"][0]), abs=1e-6)
    assert abs(total) > 0.1
    fragment = text_of(got(filled, "u0", "i8", part="more_adapted"))
    assert "is what is usual for them" in fragment and "exactly: b(u) = Σ" in fragment
    clicks = deploy(filled, "ridge_head", serve=False, epochs=1, width=4, features=4, factors=2)
    assert adapted(case_of(Question(filled.pk, "u0", "i8", run=clicks.pk))).usual == []


def test_a_part_that_there_is_not_is_told(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "ease")
    assert got(filled, "u0", first(filled), part="more_fortune").status_code == 404


def test_attention_is_shown_as_no_explanation(filled: Catalog, deploy: Callable[..., Run]) -> None:
    deploy(filled, "sasrec")
    page = text_of(got(filled, "u0", first(filled), part="methods"))
    assert "it is no explanation" in page and "Where attention looked (not an explanation)" in page
    assert "block 1, head 1" in page
