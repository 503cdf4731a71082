"""What pages read: catalogs and their sizes, people and items found by words, what one person or item met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Avg, CharField, Count, Func, Max, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import TruncDay

from recommender.algorithms import registry
from recommender.data.preparation.histories import RATING
from recommender.models import ApiKey, Catalog, DataImport, Deployment, EndUser, Interaction, Item, Membership, Run
from recommender.rights import GROUPS


class Unnest(Func):
    """A row per element of an array column."""

    function = "unnest"
    output_field = CharField()


# Catalogs and logins


def catalogs_of(login: Any) -> QuerySet[Catalog]:
    """Catalogs that a login may enter; a superuser enters all."""
    every = Catalog.objects.all()
    return every if login.is_superuser else every.filter(members=login)


def catalog_of(login: Any, name: str) -> Catalog | None:
    return catalogs_of(login).filter(name=name).first()


def catalogs_with_sizes(login: Any) -> list[dict[str, Any]]:
    """A row per catalog: sizes, what serves, whether something runs."""
    rows = []
    for catalog in catalogs_of(login):
        live = catalog.runs.filter(status__in=Run.LIVE).count()
        rows.append({"catalog": catalog, "sizes": sizes(catalog), "deployed": deployed(catalog), "live": live})
    return rows


def roles_of(login: Any) -> str:
    """The groups of a login, in words."""
    if login.is_superuser:
        return "superuser"
    names = {group.name for group in login.groups.all()}
    return ", ".join(name for name in GROUPS if name in names) or "in no group yet"


def members(catalog: Catalog) -> list[dict[str, Any]]:
    rows = Membership.objects.filter(catalog=catalog).select_related("login").prefetch_related("login__groups")
    rows = rows.order_by("login__username")
    return [{"membership": row, "login": row.login, "roles": roles_of(row.login)} for row in rows]


def login_named(name: str) -> Any:
    return get_user_model().objects.filter(username=name, is_active=True).first()


def keys(catalog: Catalog) -> QuerySet[ApiKey]:
    return catalog.keys.select_related("created_by")


# Overview


def sizes(catalog: Catalog) -> dict[str, int]:
    return {
        "people": catalog.users.count(),
        "items": catalog.items.count(),
        "hidden": catalog.items.filter(hidden=True).count(),
        "interactions": Interaction.objects.filter(catalog=catalog).count(),
    }


def has_ratings(catalog: Catalog) -> bool:
    """Whether anyone ever rated anything."""
    return Interaction.objects.filter(catalog=catalog, kind=RATING).exists()


def deployed(catalog: Catalog) -> Deployment | None:
    return catalog.deployments.select_related("run", "created_by").first()


def live_runs(catalog: Catalog) -> QuerySet[Run]:
    return catalog.runs.filter(status__in=Run.LIVE).order_by("id")


def latest_runs(catalog: Catalog, count: int = 5) -> QuerySet[Run]:
    return catalog.runs.exclude(status__in=Run.LIVE)[:count]


def latest_imports(catalog: Catalog, count: int = 5) -> QuerySet[DataImport]:
    return catalog.imports.select_related("created_by")[:count]


def interactions_over_time(catalog: Catalog, *, item: Item | None = None) -> list[dict[str, Any]]:
    """Rows of (period, interactions): by day where they span under 120 days, else by month. Gaps are filled with 0."""
    rows = Interaction.objects.filter(catalog=catalog) if item is None else Interaction.objects.filter(item=item)
    counted = rows.annotate(day=TruncDay("time")).values("day").annotate(n=Count("id")).values_list("day", "n")
    days = {moment.date(): n for moment, n in counted}
    if days and (max(days) - min(days)).days >= 120:
        months: Counter[date] = Counter()
        for day, n in days.items():
            months[day.replace(day=1)] += n
        return filled(months, daily=False)
    return filled(days, daily=True)


def filled(counts: Mapping[date, int], *, daily: bool) -> list[dict[str, Any]]:
    """One row for every day or month from the first to the last."""
    if not counts:
        return []
    period, last, rows = min(counts), max(counts), []
    while period <= last and len(rows) < 1200:
        rows.append({"period": period, "interactions": counts.get(period, 0)})
        period = following(period, daily=daily)
    return rows


def following(period: date, *, daily: bool) -> date:
    if daily:
        return date.fromordinal(period.toordinal() + 1)
    return date(period.year + period.month // 12, period.month % 12 + 1, 1)


# People


def find_people(catalog: Catalog, text: str = "") -> QuerySet[EndUser]:
    """By the beginning of their id."""
    found = catalog.users.order_by("id")
    return found.filter(client_id__startswith=text) if text else found


def people_facts(people: Sequence[EndUser]) -> dict[int, dict[str, Any]]:
    """How many interactions each of these few people has and the last one's time, by database key."""
    rows = Interaction.objects.filter(user__in=people).order_by().values("user")
    return {row["user"]: row for row in rows.annotate(interactions=Count("id"), last=Max("time"))}


def person(catalog: Catalog, client_id: str) -> EndUser | None:
    return catalog.users.filter(client_id=client_id).first()


def client_ids(catalog: Catalog, keys: Sequence[int]) -> dict[int, str]:
    """Database keys of people → the client's ids."""
    return dict(catalog.users.filter(pk__in=list(keys)).values_list("pk", "client_id"))


def attribute_of_people(catalog: Catalog, name: str) -> dict[int, str | None]:
    """Database key → the value of an attribute as text, of everyone in the catalog."""
    return dict(catalog.users.annotate(value=KeyTextTransform(name, "attributes")).values_list("pk", "value"))


def history(person: EndUser) -> QuerySet[Interaction]:
    """Newest first."""
    return person.interactions.select_related("item").order_by("-time", "-id")


def declared(catalog: Catalog, scope: str) -> list[Any]:
    return list(catalog.attributes.filter(scope=scope))


# Items


def items_with_vectors(catalog: Catalog) -> int:
    """How many items have a vector of their text."""
    return catalog.items.filter(text_vector__isnull=False).count()


def find_items(catalog: Catalog, text: str = "", category: str = "", hidden: str = "") -> QuerySet[Item]:
    """By words of the title (each a beginning) or the exact id; `hidden` "yes" or "no" keeps only those."""
    found = catalog.items.order_by("id")
    if text:
        found = found.annotate(title_words=SearchVector("title", config="simple")).filter(
            Q(title_words=word_beginnings(text)) | Q(client_id=text)
        )
    if category:
        found = found.filter(categories__contains=[category])
    if hidden in ("yes", "no"):
        found = found.filter(hidden=hidden == "yes")
    return found


def word_beginnings(text: str) -> SearchQuery:
    """Every word as a beginning: “star wa” finds Star Wars."""
    words = ["".join(sign for sign in word if sign.isalnum()) for word in text.replace("'", " ").split()]
    raw = " & ".join(f"{word}:*" for word in words if word)
    return SearchQuery(raw or "nothing_at_all_", config="simple", search_type="raw")


def items_facts(items: Sequence[Item]) -> dict[int, dict[str, Any]]:
    """How many interactions each of these few items has and the mean value given, by database key."""
    rows = Interaction.objects.filter(item__in=items).order_by().values("item")
    return {row["item"]: row for row in rows.annotate(interactions=Count("id"), mean=Avg("value"))}


def categories(catalog: Catalog, limit: int = 200) -> list[str]:
    """Names of the catalog's categories, the most frequent first."""
    rows = (
        catalog.items.annotate(name=Unnest("categories"))
        .values("name")
        .annotate(n=Count("id"))
        .order_by("-n", "name")
        .values_list("name", flat=True)
    )
    return list(rows[:limit])


def item(catalog: Catalog, client_id: str) -> Item | None:
    return catalog.items.filter(client_id=client_id).first()


def items_by_key(catalog: Catalog, keys: Sequence[int]) -> dict[int, Item]:
    return catalog.items.in_bulk(list(keys))


def items_by_client_id(catalog: Catalog, ids: Sequence[str]) -> dict[str, Item]:
    return {each.client_id: each for each in catalog.items.filter(client_id__in=list(ids)).defer("text_vector")}


# Runs


def runs_to_ask(catalog: Catalog, limit: int = 12) -> list[Run]:
    """Runs that can give lists: the deployed one first, then by NDCG@10."""
    serving = deployed(catalog)
    done = [run for run in catalog.runs.filter(status=Run.Status.SUCCEEDED) if registry.ranks(run.algorithm)]
    done.sort(key=lambda run: (run.pk != getattr(serving, "run_id", None), -accuracy(run), -run.pk))
    return done[:limit]


def accuracy(run: Run) -> float:
    return float((run.metrics.get("ndcg@10") or {}).get("value") or 0.0)
