"""The file of recommendations: everyone, best first, nothing seen, nothing hidden, whole or not at all."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from recommender.exceptions import BadInput, Conflict
from recommender.models import EndUser, Interaction, Item, Run
from recommender.services import exporting
from recommender.services.exporting import export_recommendations
from recommender.services.training import create_run, execute_run
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import START, catalog_from

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ease() -> Run:
    run = create_run(catalog=catalog_from(blocks()), algorithm="ease")
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    return run


def lists(path: Path) -> dict[str, list[dict[str, str]]]:
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        assert reader.fieldnames == ["user", "item", "rank", "score"]
        found = defaultdict(list)
        for row in reader:
            found[row["user"]].append(row)
    return found


def test_everyone_gets_k_items_best_first_and_none_they_have_met(
    ease: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(exporting, "MOST_PEOPLE", 7)  # several batches
    result = export_recommendations(run=ease, k=5, out=tmp_path / "lists.csv")
    found = lists(tmp_path / "lists.csv")
    assert list(found) == [f"p{n}" for n in range(60)]
    assert result == {"run": ease.pk, "users": 60, "rows": 300, "out": str(tmp_path / "lists.csv")}
    met = set(Interaction.objects.values_list("user__client_id", "item__client_id"))
    for user, rows in found.items():
        assert [row["rank"] for row in rows] == ["1", "2", "3", "4", "5"]
        scores = [float(row["score"]) for row in rows]
        assert scores == sorted(scores, reverse=True)
        assert not {(user, row["item"]) for row in rows} & met


def test_hidden_and_deleted_items_are_never_listed(ease: Run, tmp_path: Path):
    before = lists_of(ease, tmp_path)
    hidden, deleted = before["p0"][0]["item"], before["p0"][1]["item"]
    Item.objects.filter(client_id=hidden).update(hidden=True)
    Item.objects.get(client_id=deleted).delete()
    after = lists_of(ease, tmp_path)
    assert not {row["item"] for rows in after.values() for row in rows} & {hidden, deleted}


def lists_of(run: Run, folder: Path, **given: object) -> dict[str, list[dict[str, str]]]:
    export_recommendations(run=run, k=5, out=folder / "lists.csv", **given)
    return lists(folder / "lists.csv")


def test_people_without_history_get_what_is_popular(ease: Run, tmp_path: Path):
    newcomer = EndUser.objects.create(catalog=ease.catalog, client_id="newcomer")
    favourite = ease.catalog.items.get(client_id="i7")
    for n in range(60):
        Interaction.objects.create(
            catalog=ease.catalog,
            user=EndUser.objects.create(catalog=ease.catalog, client_id=f"fan{n}"),
            item=favourite,
            kind="view",
            time=START,
            event_key=f"00000000-0000-0000-0000-{n:012d}",
        )
    assert lists_of(ease, tmp_path)[newcomer.client_id][0]["item"] == "i7"


def test_only_the_people_of_a_file_in_its_order(ease: Run, tmp_path: Path):
    (tmp_path / "users.csv").write_text("user,note\np9,x\np3,y\np9,again\n")
    assert list(lists_of(ease, tmp_path, users=tmp_path / "users.csv")) == ["p9", "p3"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("user\np1\nnobody\n", "does not know: “nobody”"),
        ("user\np1\na\x00b\n", r"does not know: “a\\0b”"),
        ("person\np1\n", "needs a header with the column user"),
        ("", "needs a header"),
        (b"user\n\xff\xfe\n", "not a CSV file in UTF-8"),
        (None, "No such file"),
    ],
)
def test_a_file_of_people_that_cannot_be_used_leaves_nothing(
    ease: Run, tmp_path: Path, content: str | bytes | None, message: str
):
    if content is not None:
        (tmp_path / "users.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInput, match=message) as caught:
        export_recommendations(run=ease, k=5, out=tmp_path / "lists.csv", users=tmp_path / "users.csv")
    assert caught.value.field == "users"
    assert not list(tmp_path.glob("*lists*"))


def test_a_pipe_is_written_to_and_stays_a_pipe(ease: Run, tmp_path: Path):
    """As root, replacing /dev/null or /dev/stdout by a file would harm the whole machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        text = pool.submit(pipe.read_text)
        export_recommendations(run=ease, k=1, out=pipe)
        assert text.result(timeout=30).startswith("user,item,rank,score\np0,")
    assert pipe.is_fifo() and [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_an_export_that_breaks_off_leaves_the_file_there_was(
    ease: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = lists_of(ease, tmp_path)

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_recommendations(run=ease, k=2, out=tmp_path / "lists.csv", progress=stop)
    assert lists(tmp_path / "lists.csv") == before
    assert [path.name for path in tmp_path.iterdir()] == ["lists.csv"]


@pytest.mark.parametrize(("k", "out", "field"), [(0, "lists.csv", "k"), (5, ".", "out"), (5, "no/lists.csv", "out")])
def test_nonsense_is_refused_by_name(ease: Run, tmp_path: Path, k: int, out: str, field: str):
    with pytest.raises(BadInput) as caught:
        export_recommendations(run=ease, k=k, out=tmp_path / out)
    assert caught.value.field == field


def test_an_unfinished_run_is_refused(ease: Run, tmp_path: Path):
    waiting = create_run(catalog=ease.catalog, algorithm="random")
    with pytest.raises(Conflict):
        export_recommendations(run=waiting, k=5, out=tmp_path / "lists.csv")
    assert not list(tmp_path.iterdir())
