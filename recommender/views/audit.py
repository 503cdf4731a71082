"""The audit trail of a catalog: who did what, and when."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from recommender.models import AuditEntry, Catalog
from recommender.selectors import audit as select
from recommender.services.audit import ACTIONS
from recommender.views.figures import csv_answer
from recommender.views.frame import page, show
from recommender.views.paging import paged

COLUMNS = ("time", "who", "by", "action", "subject", "details")


@require_safe
@page("audit")
def audit(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    """Entries, newest first; the action that is shown alone stands in the address."""
    counts, chosen = select.counts(catalog=catalog), chosen_action(request)
    actions = [
        {"value": action, "label": words, "count": counts.get(action, 0), "chosen": action == chosen}
        for action, words in ACTIONS.items()
        if counts.get(action) or action == chosen
    ]
    return show(
        request, "audit", title="Audit trail", catalog=catalog, actions=actions, chosen=chosen,
        shown=paged(request, select.entries(catalog=catalog, action=chosen)), words=ACTIONS,
    )  # fmt: skip


@require_safe
@page("audit")
def audit_csv(request: HttpRequest, catalog: Catalog) -> HttpResponse:
    rows = select.entries(catalog=catalog, action=chosen_action(request))
    return csv_answer(f"audit-{catalog.name}", COLUMNS, (as_row(each) for each in rows.iterator()))


def chosen_action(request: HttpRequest) -> str:
    action = request.GET.get("action", "")
    return action if action in ACTIONS else ""


def as_row(entry: AuditEntry) -> tuple[Any, ...]:
    details = json.dumps(entry.details, ensure_ascii=False)
    return entry.time.isoformat(), entry.actor, entry.way, entry.action, entry.subject, details
