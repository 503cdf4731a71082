"""One explanation as a file that needs nothing else: text, tables and its figure as SVG, without script or link."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from explain.services.asking import case_of
from explain.views.asked import State
from explain.views.explanation import explained, fragment, listed, question_of
from explain.views.explanation_parts import drawn_steps
from explain.views.reach import reach_context
from explain.views.sketch import waterfall
from recommender.exceptions import BadInput, Conflict
from recommender.models import Catalog
from recommender.views.frame import page


@require_safe
@page("view")
def explanation_report(request: HttpRequest, catalog: Catalog, person: str, item: str) -> HttpResponse:
    """What the page shows and no more of the person."""
    state = fragment(request, catalog, person, item)
    answer = HttpResponse(report(catalog, state), content_type="text/html; charset=utf-8")
    name = slugify(f"why {state.item} for {state.person}") or "explanation"
    answer["Content-Disposition"] = f'attachment; filename="{name}.html"'
    return answer


def report(catalog: Catalog, state: State) -> str:
    context: dict[str, Any] = {"catalog": catalog, "state": state, "made": timezone.now()}
    try:
        case = case_of(question_of(catalog, state))
        case.game()  # raises where there is no such target
    except (BadInput, Conflict) as error:
        return render_to_string("explain/explanation_report.html", context | {"unexplained": str(error)})
    context |= {"case": case} | explained(catalog, state) | listed(catalog, state)
    context["reach"] = reach_context(catalog, state, case, way=False)
    if document := context["document"]:
        title = context["waterfall"].title
        sketch = waterfall(
            drawn_steps(document), baseline=document["baseline_prediction"], prediction=document["prediction"],
            title=title, target=context["word"], additive=document["additive"],
        )  # fmt: skip
        context["sketch"] = mark_safe(sketch)
    return render_to_string("explain/explanation_report.html", context)
