"""Pages, one by one: what they say with data, without, and with nonsense in the address or a form."""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd
import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from recommender import tasks
from recommender.algorithms import registry
from recommender.models import Catalog, Impression, Interaction, Item, Run
from recommender.services import comparing, training
from recommender.services.comparing import against_best
from recommender.services.evaluating import put_person_metrics
from recommender.templatetags import pages
from recommender.views.comparing import bars, movements
from recommender.views.leaderboard import leaderboard, verdict
from recommender.views.training import ABOUT
from tests.recommender.pages import films, login, measured_run, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog() -> Catalog:
    return films()


@pytest.fixture
def empty() -> Catalog:
    return Catalog.objects.create(name="empty", title="Empty shop")


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(login("superuser"))
    return client


def test_the_home_page_lists_only_own_catalogs(client: Client, catalog: Catalog, empty: Catalog) -> None:
    client.force_login(login("analyst", catalog))
    said = text_of(client.get("/"))
    assert "Film club" in said
    assert "Empty shop" not in said


def test_an_empty_catalog_says_what_to_do(root: Client, empty: Catalog) -> None:
    for page, words in {"overview": "Three steps", "runs": "No runs yet", "people": "Nobody here yet",
                        "items": "No items yet", "data": "No imports yet", "api": "No keys yet"}.items():  # fmt: skip
        answer = root.get(reverse(page, args=[empty.name]))
        assert answer.status_code == 200
        assert words in text_of(answer), page


def test_the_overview_shows_sizes_and_live_runs(root: Client, catalog: Catalog) -> None:
    said = text_of(root.get(f"/{catalog.name}/"))
    for words in ("People 12", "Items 8", "1 hidden", "Interactions 48", "epoch 5", "40%", "Servers", "ratings.csv"):
        assert words in said, words


def test_the_live_fragment_polls_itself(root: Client, catalog: Catalog) -> None:
    page = root.get(f"/{catalog.name}/live/").content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert "<html" not in page


@pytest.mark.parametrize(("q", "found"), [("film 3", {"i3"}), ("i5", {"i5"}), ("fil", {f"i{n}" for n in range(8)}),
                                          ("nothing like it", set()), ("'; --", set()), ("& | !", set())])  # fmt: skip
def test_items_are_found_by_words_and_id(root: Client, catalog: Catalog, q: str, found: set[str]) -> None:
    answer = root.get(f"/{catalog.name}/items/", {"q": q})
    assert {item.client_id for item in answer.context["shown"]} == found


def test_items_are_filtered_by_category_and_hidden(root: Client, catalog: Catalog) -> None:
    Item.objects.filter(client_id="i2").update(categories=["Comedy", "Drama"])
    page = f"/{catalog.name}/items/"
    assert [item.client_id for item in root.get(page, {"category": "Comedy"}).context["shown"]] == ["i2"]
    assert [item.client_id for item in root.get(page, {"hidden": "yes"}).context["shown"]] == ["i7"]
    assert len(root.get(page, {"hidden": "no"}).context["shown"]) == 7


def test_people_are_found_by_the_beginning_of_their_id(root: Client, catalog: Catalog) -> None:
    answer = root.get(f"/{catalog.name}/people/", {"q": "p1"})
    assert [row["person"].client_id for row in answer.context["rows"]] == ["p1", "p10", "p11"]
    assert answer.context["rows"][0]["facts"]["interactions"] == 4


@pytest.mark.parametrize("address", [
    "people/nobody/", "people/%00/", "items/nothing/", "items/%00/", "runs/999999/", "runs/99999999999999999999999/",
    "data/imports/999/", "items/i1/people/zip.csv", "nothing/",
])  # fmt: skip
def test_what_is_not_there_is_told(root: Client, catalog: Catalog, address: str) -> None:
    answer = root.get(f"/{catalog.name}/{address}")
    assert answer.status_code == 404
    assert "Nothing found here" in text_of(answer)


@pytest.mark.parametrize("query", [
    "?page=zero", "?page=-1", "?page=99999999999999", "?k=NaN&run=x&run=", "?metric=luck@3&status=odd", "?q=%00%FF",
    "?group=nonsense&category=%00", "?like=x&algorithm=nothing",
])  # fmt: skip
def test_nonsense_in_the_address_breaks_no_page(root: Client, catalog: Catalog, query: str) -> None:
    for page in ("", "people/", "people/p1/", "items/", "items/i1/", "runs/", "runs/new/", "data/", "api/", "members/"):
        assert root.get(f"/{catalog.name}/{page}{query}").status_code == 200, page


def test_who_meets_an_item_by_a_sensitive_attribute_is_for_those_with_the_right(catalog: Catalog) -> None:
    for role, there in (("analyst", True), ("catalogue manager", False)):
        client = Client()
        client.force_login(login(role, catalog))
        assert ("of those who met it have gender" in text_of(client.get(f"/{catalog.name}/items/i3/"))) is there
        status = client.get(f"/{catalog.name}/items/i3/people/gender.csv").status_code
        assert status == (200 if there else 403)


def test_an_item_page_shows_who_meets_it_and_what_goes_with_it(root: Client, catalog: Catalog) -> None:
    answer = root.get(f"/{catalog.name}/items/i3/?group=gender&with=similar")
    said = text_of(answer)
    assert "Met by the same people" in said
    assert "% of those who met it have gender" in said
    assert [row["item"].client_id for row in answer.context["similar"]]
    assert all(0 < row["score"] <= 1 for row in answer.context["similar"])


def test_titles_are_escaped(root: Client, catalog: Catalog) -> None:
    Item.objects.filter(client_id="i3").update(title="<script>alert(1)</script>")
    assert b"<script>alert" not in root.get(f"/{catalog.name}/items/i3/").content
    assert b"<script>alert" not in root.get(f"/{catalog.name}/people/p1/").content


@pytest.mark.parametrize("address", ["interactions.csv", "people/p1/history.csv", "items/i1/interactions.csv",
                                     "items/i1/people/gender.csv", "runs/metrics.csv"])  # fmt: skip
def test_each_table_comes_as_a_file(root: Client, catalog: Catalog, address: str) -> None:
    answer = root.get(f"/{catalog.name}/{address}")
    assert answer["Content-Type"].startswith("text/csv")
    assert len(answer.content.decode().splitlines()) > 1


def test_a_spreadsheet_takes_no_title_for_a_formula(root: Client, catalog: Catalog) -> None:
    Item.objects.all().update(title="=HYPERLINK(1)")
    assert ",'=HYPERLINK(1)" in root.get(f"/{catalog.name}/people/p1/history.csv").content.decode()


# Runs


def test_popular_and_random_stand_beside_the_best(root: Client, catalog: Catalog) -> None:
    for n in range(25):
        measured_run(catalog, "ease", 0.08 + n / 1000)
    rows = leaderboard(catalog, "ndcg@10")
    assert {"popularity", "random"} <= {row.run.algorithm for row in rows}
    assert rows[0].value == pytest.approx(0.104)


def test_runs_are_compared_person_by_person(root: Client, catalog: Catalog) -> None:
    good, same, bad = (
        measured_run(catalog, name, value) for name, value in (("ease", 0.5), ("ials", 0.5), ("item_knn", 0.1))
    )
    for run, values in ((good, [0.5] * 40), (same, [0.5] * 39 + [0.49]), (bad, [0.1] * 40)):
        run.person_metrics = put_person_metrics(
            run_id=run.pk, table=pd.DataFrame({"user": range(40), "ndcg@10": values})
        )
        run.save()
    found = against_best(best=good, others=[same, bad], metric="ndcg@10", now=True)
    assert verdict(found[bad.pk])[0] == "worse by .400"
    assert verdict(found[same.pk])[0] == "no difference found"
    assert "with 40 people" in verdict(found[same.pk])[1]
    assert against_best(best=good, others=[same, bad], metric="ndcg@10", now=False).keys() == found.keys()
    assert "worse by .400" in text_of(root.get(f"/{catalog.name}/runs/leaderboard/"))
    cache.delete(comparing.address(good, bad, "ndcg@10"))  # Holm over one pair would show too small a p
    assert against_best(best=good, others=[same, bad], metric="ndcg@10", now=False) == {}


def test_a_failed_run_shows_its_reason_and_folds_the_traceback(root: Client, catalog: Catalog) -> None:
    run = catalog.runs.get(status="failed")
    page = root.get(f"/{catalog.name}/runs/{run.pk}/").content.decode()
    assert "Too few people." in page
    assert re.search(r"<details[^>]*>.*Traceback.*deep", page, re.S)


def test_the_curve_of_a_live_run_is_drawn_of_its_validation_metric(root: Client, catalog: Catalog) -> None:
    run = catalog.runs.get(algorithm="sasrec")
    answer = root.get(f"/{catalog.name}/runs/{run.pk}/live/")
    assert answer.context["curve"].title == "Best after epoch 5 of 5: NDCG@10 .050 on validation"
    assert [row[0] for row in answer.context["curve"].rows] == [1, 2, 3, 4, 5]
    lines = root.get(f"/{catalog.name}/runs/{run.pk}/curve.csv").content.decode().splitlines()
    assert lines[0] == "phase,epoch,metric,value,seconds"
    assert len(lines) == 11


def test_three_recommenders_are_started_at_once(
    root: Client, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = catalog.runs.count()
    page = text_of(root.get(f"/{catalog.name}/runs/new/"))
    assert "Train 3 recommenders" in page
    chosen = {"algorithm": ["popularity", "item_knn", "ease"], "seed": 3}
    answer = root.post(f"/{catalog.name}/runs/new/", chosen)
    assert answer.status_code == 302
    assert catalog.runs.count() == before + 3
    assert set(catalog.runs.values_list("seed", flat=True)[:3]) == {3}


@pytest.mark.parametrize("sent", [{}, {"algorithm": "nothing", "seed": 0}, {"algorithm": "ease", "seed": -1},
                                  {"algorithm": "ease", "seed": "many"}])  # fmt: skip
def test_a_training_that_cannot_start_is_told(root: Client, catalog: Catalog, sent: Any) -> None:
    before = catalog.runs.count()
    assert root.post(f"/{catalog.name}/runs/new/", sent).status_code == 400
    assert catalog.runs.count() == before


def test_the_form_of_an_algorithm_follows_from_its_config(root: Client, catalog: Catalog) -> None:
    address = f"/{catalog.name}/runs/new/?algorithm=ease"
    page = root.get(address)
    assert {"set-regularization", "seed"} <= set(page.context["form"].fields)
    sent = {name: field.initial for name, field in page.context["form"].fields.items()} | {"set-regularization": "77"}
    assert root.post(address, sent).status_code == 302
    assert catalog.runs.first().config["regularization"] == 77.0


def test_a_value_out_of_range_names_its_field_and_keeps_the_rest(root: Client, catalog: Catalog) -> None:
    address = f"/{catalog.name}/runs/new/?algorithm=ease"
    sent = {name: field.initial for name, field in root.get(address).context["form"].fields.items()}
    answer = root.post(address, sent | {"set-regularization": "-1", "seed": "12"})
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["set-regularization"]
    assert 'value="12"' in answer.content.decode()


def test_a_waiting_run_is_cancelled_and_a_finished_one_says_no(root: Client, catalog: Catalog) -> None:
    run = training.create_run(catalog=catalog, algorithm="popularity")
    address = f"/{catalog.name}/runs/{run.pk}/cancel/"
    root.post(address)
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED
    assert "there is nothing to cancel" in text_of(root.post(address, follow=True))


def test_only_a_run_with_weights_is_put_into_service(root: Client, catalog: Catalog) -> None:
    run = catalog.runs.filter(algorithm="ease").get()
    said = text_of(root.post(f"/{catalog.name}/runs/{run.pk}/deploy/", follow=True))
    assert "has no final checkpoint" in said
    assert not catalog.deployments.exists()


@pytest.mark.django_db(transaction=True)  # the lease's pulse is another process: it must see the row
def test_lists_of_several_runs_stand_side_by_side(root: Client, catalog: Catalog, settings: Any, tmp_path: Any) -> None:
    catalog.runs.all().delete()
    made = []
    for name in ("popularity", "item_knn"):
        run = training.create_run(catalog=catalog, algorithm=name)
        training.execute_run(run_id=run.pk)
        made.append(run)
    root.post(f"/{catalog.name}/runs/{made[0].pk}/deploy/")
    address = f"/{catalog.name}/people/p1/?k=5&" + "&".join(f"run={run.pk}" for run in made)
    columns = root.get(address).context["columns"]
    met = set(Interaction.objects.filter(user__client_id="p1").values_list("item_id", flat=True))
    assert [column["run"].pk for column in columns] == [run.pk for run in made]
    for column in columns:
        listed = [row["item"] for row in column["items"]]
        assert listed
        assert not any(item.pk in met or item.hidden for item in listed)
    assert all("move" in row for row in columns[1]["items"])
    assert not Impression.objects.exists()


def test_movement_counts_places_from_the_first_list() -> None:
    moved = movements(["a", "b", "c"], ["c", "b", "d"])
    assert [moved[item]["sign"] for item in ("c", "b", "d")] == ["▲2", "=", "new"]
    assert movements(["a", "b"], ["b", "a"])["a"]["words"] == "1 place down"


def test_bars_compare_within_one_list() -> None:
    assert bars([3.0, 2.0, 1.0]) == pytest.approx([1.0, 2 / 3, 1 / 3])  # from zero
    assert bars([0.0, -1.0, -2.0]) == pytest.approx([1.0, 0.55, 0.1])  # no zero that means anything
    assert bars([0.0, 0.0]) == [1.0, 1.0]
    assert bars([2.0]) == [1.0]
    assert bars([]) == []


# Data, keys, members, catalogs


def test_an_upload_becomes_an_import(root: Client, empty: Catalog) -> None:
    file = SimpleUploadedFile("ratings.csv", b"user,item,rating\na,x,5\nb,y,4\n")
    answer = root.post(f"/{empty.name}/data/", {"file": file, "format": "csv"})
    row = empty.imports.get()
    assert answer["Location"] == f"/{empty.name}/data/imports/{row.pk}/"
    tasks.import_upload(row.pk)
    said = text_of(root.get(answer["Location"]))
    assert "Every row was taken" in said
    assert Interaction.objects.filter(catalog=empty).count() == 2


def test_rejected_rows_are_counted_by_reason_and_downloadable(root: Client, empty: Catalog) -> None:
    file = SimpleUploadedFile("ratings.csv", b"user,item,rating\na,x,5\nb,y,NaN\nc,,4\n" + b"d,z,3\n" * 3)
    root.post(f"/{empty.name}/data/", {"file": file, "format": ""})
    row = empty.imports.get()
    tasks.import_upload(row.pk)
    page = root.get(f"/{empty.name}/data/imports/{row.pk}/")
    assert sum(count for _, count in page.context["reasons"]) >= 2
    lines = b"".join(root.get(f"/{empty.name}/data/imports/{row.pk}/rejects/").streaming_content).decode().splitlines()
    assert lines[0].startswith("file,line,reason")


def test_a_file_that_is_not_what_it_says_changes_nothing(root: Client, empty: Catalog) -> None:
    file = SimpleUploadedFile("photo.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    root.post(f"/{empty.name}/data/", {"file": file, "format": "csv"})
    row = empty.imports.get()
    tasks.import_upload(row.pk)
    said = text_of(root.get(f"/{empty.name}/data/imports/{row.pk}/"))
    assert "Nothing was changed." in said
    assert not empty.items.exists()


@pytest.mark.parametrize("sent", [{}, {"format": "csv"}, {"format": "odd"}])
def test_an_upload_without_a_file_is_told(root: Client, empty: Catalog, sent: dict[str, str]) -> None:
    answer = root.post(f"/{empty.name}/data/", sent)
    assert answer.status_code == 400
    assert "Choose a file." in text_of(answer)


def test_figures_lie_in_the_page_as_data(root: Client, catalog: Catalog) -> None:
    page = root.get(f"/{catalog.name}/runs/").content.decode()
    found = re.findall(r'<script type="application/json" id="data-\w+">(.*?)</script>', page, re.S)
    assert len(found) == 2
    assert all("data" in json.loads(figure) for figure in found)
    assert sum(map(len, found)) < 500_000


def rated_run(catalog: Catalog, algorithm: str, rmse: float) -> Run:
    errors = {name: {"value": rmse, "low": rmse - 0.01, "high": rmse + 0.01} for name in ("rmse", "mae")}
    return measured_run(catalog, algorithm, 0.0, metrics=errors)


def test_recommenders_are_offered_by_what_they_can_do(root: Client, catalog: Catalog) -> None:
    address = f"/{catalog.name}/runs/new/"
    page = text_of(root.get(address))
    assert "Make lists" in page and "Make lists and predict ratings" in page and "mf" in page.split()
    Interaction.objects.filter(catalog=catalog).update(kind="view")
    page = text_of(root.get(address))
    assert "holds no ratings" in page and "mf" not in page.split()
    assert "Make lists and predict ratings" not in page and "ncf" in page.split()
    refused = root.post(address, {"algorithm": ["mf"], "seed": "0"})
    assert refused.status_code == 400 and "none that fits what this catalog holds" in text_of(refused)
    assert "Make lists" in text_of(root.get(f"{address}?algorithm=mf"))


def test_errors_of_ratings_are_shown_and_compared_least_first(root: Client, catalog: Catalog) -> None:
    worse, better = rated_run(catalog, "user_knn", 0.95), rated_run(catalog, "mf", 0.92)
    assert [row.run for row in leaderboard(catalog, "rmse")] == [better, worse]
    assert verdict({"difference": -0.03, "low": -0.04, "high": -0.02, "p": 0.01, "p_holm": 0.01, "people": 9},
                   falling=True) == ("worse by .030", ".020 to .040, p = .010")  # fmt: skip
    board = text_of(root.get(f"/{catalog.name}/runs/?metric=rmse"))
    assert "predicts ratings best: RMSE .920" in board and "Less is better" in board
    page = text_of(root.get(f"/{catalog.name}/runs/{better.pk}/"))
    assert "RMSE .920" in page and "Put into service" not in page


def test_where_only_ratings_were_measured_the_board_is_of_them(root: Client, catalog: Catalog) -> None:
    catalog.runs.all().delete()
    rated_run(catalog, "mf", 0.92)
    assert "RMSE .920" in text_of(root.get(f"/{catalog.name}/runs/"))


def test_details_read_as_words() -> None:
    assert pages.words({"new_items": 1682, "interactions": 100_000}) == "new items 1,682, interactions 100,000"
    assert pages.spaced("creates_unknown") == "creates unknown"


def test_every_recommender_says_what_it_does() -> None:
    assert set(registry.ALGORITHMS) <= set(ABOUT)


def test_runs_that_prepared_their_data_are_marked_beside_the_rest() -> None:
    catalog = films()
    run = catalog.runs.filter(status="succeeded").first()
    run.preparation = {"min_person": 5}
    run.save(update_fields=["preparation"])
    client = Client()
    client.force_login(login("superuser"))
    html = client.get(reverse("runs", args=[catalog.name])).content.decode()
    assert f"{run.algorithm} #{run.pk} prepared the data before anything was held out" in html
    assert html.count(">prepared</span>") == 1
