"""Starting, cancelling and deploying runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from recommender import tasks
from recommender.algorithms import registry
from recommender.algorithms.base import describe
from recommender.exceptions import BadInput, Conflict
from recommender.forms import PREPARE, SETTING, ChoiceOfAlgorithms, ConfigForm
from recommender.models import Catalog, Run
from recommender.selectors import pages
from recommender.services import deploying, parents, retention
from recommender.services import training as service
from recommender.views.frame import page, sent, show
from recommender.views.paging import whole
from recommender.views.runs import run_or_404

ABOUT = {
    "random": "Draws by chance. What any recommender must beat.",
    "popularity": "The same list for everyone: what most people take.",
    "latest": "The same list for everyone: what is new.",
    "user_knn": "What people of like taste met, or how they rated it. Keeps rows about people; erasing takes them out.",
    "mf": "Places people and items in one space and predicts ratings from it. Does not make lists.",
    "item_knn": "Items that were met by the same people as those a person met.",
    "ease": "Learns how every item speaks for every other, in one step. Strong and quick on small catalogs.",
    "ials": "Places people and items in one space, so that near ones fit. Scales to large catalogs.",
    "item2vec": "Places items by the company they keep in histories, as words in sentences.",
    "fm": "Weighs pairs of everything known: attributes, context, history and items’ fields.",
    "ncf": "A neural network over everything known, texts too if asked; learns clicks and ratings at once.",
    "content": "Finds items whose texts and categories are like what a person met, also those nobody met yet.",
    "student": "A small network that learns from a large recommender, to answer in a fraction of its time.",
    "blend": "Adapts to people hardly known and hands over to a recommender that reads histories as they do more.",
    "reranked": "Another recommender’s lists, rearranged by a remedy: exposure, tastes or groups treated more evenly.",
    "ensemble": "Joins several recommenders, each weighed by how well it guessed what people chose next.",
    "neural_process": "Reads a person’s few ratings as a set and says how likely each rating of an item is.",
    "ridge_head": "Learns features on which a person’s few interactions say most; adapts to anyone at once.",
    "prototypes": "A person is the centre of what they liked, by text and by who met what. Serves new people at once.",
    "maml": "A network that a few steps of learning fit to a person; ranks and predicts ratings.",
    "fomaml": "maml by a simpler slope, trained in less time. For comparison with it.",
    "anil": "maml of which only the last layer is fitted to a person: little is kept of each.",
    "reptile": "A simpler way to the network that maml looks for. For comparison with it.",
    "cold_item": "Places items nobody met yet among those everyone has, by what is said of them.",
    "gru": "Reads a person’s history in order with a memory that is carried along. For comparison with sasrec.",
    "sasrec": "Reads a person’s history in order and guesses what comes next. The most accurate, and the slowest.",
}
GROUPS = (
    ("Make lists", {"ranking"}),
    ("Make lists and predict ratings", {"ranking", "rating"}),
    ("Predict ratings", {"rating"}),
)
"""By what they can do; see registry.abilities."""
PROPOSED = ("popularity", "item_knn", "ease")


@require_http_methods(["GET", "HEAD", "POST"])
@page("train")
def run_new(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Without an algorithm in the address, several with their defaults; with one, its form."""
    algorithm = request.GET.get("algorithm", "")
    rates = pages.has_ratings(catalog)
    fitting = [name for name in registry.ALGORITHMS if rates or "ranking" in registry.abilities(name)]
    if algorithm in fitting:
        return configured(request, catalog, algorithm)
    return several(request, catalog, fitting, rates)


def several(request: HttpRequest, catalog: Catalog, fitting: Sequence[str], rates: bool) -> HttpResponse:
    form = ChoiceOfAlgorithms(sent(request), fitting=fitting)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with transaction.atomic():
            made: list[Run] = []
            for name in sorted(given["algorithm"], key=list(registry.ALGORITHMS).index):
                config = parents.made_of_these(name, made)  # an ensemble is made of what is trained beside it
                made.append(
                    tasks.start_training(
                        catalog=catalog, algorithm=name, config=config, seed=given["seed"], by=request.user
                    )
                )
        return started(request, catalog, made)
    chosen = request.POST.getlist("algorithm") if request.method == "POST" else PROPOSED
    sizes = pages.sizes(catalog)
    rows = [{"name": name, "about": about(name, sizes), "chosen": name in chosen} for name in fitting]
    return show(
        request, "run_new", title="Train recommenders", catalog=catalog, section="runs", crumbs=way_back(catalog),
        form=form, groups=grouped(rows, rates), rates=rates, count=sum(row["chosen"] for row in rows), sizes=sizes,
        status=400 if form.errors else 200,
    )  # fmt: skip


def grouped(rows: Sequence[Mapping[str, Any]], rates: bool) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """The rows under what they can do; where nothing was ever rated, all that is left is to make lists."""
    able = {row["name"]: registry.abilities(row["name"]) - (set() if rates else {"rating"}) for row in rows}
    found = [(words, [row for row in rows if able[row["name"]] == wanted]) for words, wanted in GROUPS]
    return [(words, group) for words, group in found if group]


def configured(request: HttpRequest, catalog: Catalog, algorithm: str) -> HttpResponse:
    rows = described(algorithm)
    form = ConfigForm(sent(request), rows=rows, initial=earlier(request, catalog, algorithm))
    if request.method == "POST" and form.is_valid():
        made = try_start(request, catalog, algorithm, form)
        if made is not None:
            return started(request, catalog, [made])
    crumbs = [*way_back(catalog), ("Train recommenders", reverse("run_new", args=[catalog.name]))]
    return show(
        request, "run_configure", title=f"Train {algorithm}", catalog=catalog, section="runs", crumbs=crumbs,
        form=form, algorithm=algorithm, about=about(algorithm, pages.sizes(catalog)),
        settings=[form[SETTING + row["name"]] for row in rows], prepares=prepares(request),
        preparation=[field for field in form if field.name.startswith(PREPARE)],
        status=400 if form.errors else 200,
    )  # fmt: skip


MADE_OF: Mapping[str, Any] = {
    "name": parents.SETTING, "type": "str", "default": None, "low": None, "high": None, "choices": (), "optional": True,
    "help": "Numbers of runs to take as they are, such as 3,5, each of one of its members. The other members are "
    "trained first.",
}  # fmt: skip


def described(algorithm: str) -> list[Mapping[str, Any]]:
    """Rows of its settings; of what is made of others, also which runs to take."""
    rows: list[Mapping[str, Any]] = list(describe(registry.config_class(algorithm)))
    return [*rows, MADE_OF] if hasattr(registry.get(algorithm), "parents") else rows


def about(algorithm: str, sizes: Mapping[str, int]) -> str:
    """What it does, and how its cost grows where that is faster than linear."""
    warned = registry.warning(algorithm, items=sizes["items"], people=sizes["people"])
    return f"{ABOUT.get(algorithm, '')} {warned}".strip()


def try_start(request: HttpRequest, catalog: Catalog, algorithm: str, form: ConfigForm) -> Run | None:
    """None where the algorithm refuses a value; the form then says which and why."""
    try:
        return tasks.start_training(
            catalog=catalog, algorithm=algorithm, config=form.settings(), seed=form.cleaned_data["seed"],
            by=request.user, preparation=form.preparation(),
        )  # fmt: skip
    except BadInput as error:
        own = (SETTING + error.field, error.field, error.field.replace("preparation.", PREPARE))
        name = next((name for name in own if name in form.fields), None)
        form.add_error(name, str(error))
        return None


def prepares(request: HttpRequest) -> bool:
    """Whether the part about preparation is open: where it came from a run that prepares, or was sent."""
    return request.method == "POST" or "like" in request.GET


def earlier(request: HttpRequest, catalog: Catalog, algorithm: str) -> Mapping[str, Any]:
    """The settings of the run named in the address, to begin with."""
    like = catalog.runs.filter(pk=whole(request.GET.get("like"), 0), algorithm=algorithm).first()
    if like is None:
        return {}
    prepared = {PREPARE + name: value for name, value in like.preparation.items()}
    return {"seed": like.seed} | prepared | {SETTING + name: value for name, value in like.config.items()}


def started(request: HttpRequest, catalog: Catalog, made: Sequence[Run]) -> HttpResponse:
    if len(made) == 1:
        return redirect("run", catalog.name, made[0].pk)
    messages.success(request, f"{len(made)} runs wait for a worker. Their progress shows below.")
    return redirect("overview", catalog.name)


def way_back(catalog: Catalog) -> list[tuple[str, str]]:
    return [("Runs", reverse("runs", args=[catalog.name]))]


@require_POST
@page("train")
def run_cancel(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    try:
        service.cancel_run(run=run_or_404(catalog, run_id), by=request.user)
        messages.success(request, "The run is being cancelled; it stops within seconds.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("run", catalog.name, run_id)


@require_POST
@page("train")
def run_delete(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    found = run_or_404(catalog, run_id)
    try:
        retention.delete_run(run=found, by=request.user)
    except Conflict as error:
        messages.error(request, str(error))
        return redirect("run", catalog.name, run_id)
    messages.success(request, f"Run {run_id} and its files are deleted.")
    return redirect("runs", catalog.name)


@require_POST
@page("deploy")
def run_deploy(request: HttpRequest, catalog: Catalog, run_id: int) -> HttpResponse:
    found = run_or_404(catalog, run_id)
    try:
        deploying.deploy_run(run=found, by=request.user)
        messages.success(request, f"{found} is in service: the next answers are its own.")
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("run", catalog.name, run_id)
