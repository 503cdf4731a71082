"""What the views of disparities share: finding an audit, and what of it a login may see."""

from __future__ import annotations

from typing import Any

from django.http import Http404

from explain.models import DisparityAudit
from explain.selectors.disparity import sensitive_now
from explain.services import auditing
from recommender.models import Catalog, Run
from recommender.rights import may


def audit_or_404(catalog: Catalog, audit_id: int) -> DisparityAudit:
    rows = DisparityAudit.objects.select_related("run__catalog", "catalog", "plan").filter(catalog=catalog)
    found = rows.filter(pk=audit_id).first() if audit_id < 2**63 else None
    if found is None:
        raise Http404(f"{catalog} has no audit {audit_id} of disparities.")
    return found


def name_of(row: DisparityAudit) -> str:
    """What was audited, in words."""
    if row.source == DisparityAudit.Source.SERVED:
        return f"what {row.run} served" if row.run else "what was served"
    return str(row.run)


def seen_results(login: Any, row: DisparityAudit) -> dict[str, Any]:
    """The results as a login may see them."""
    sees = may(login, "sensitive")
    return auditing.visible(row.results, sees, () if sees else sensitive_now(row.catalog))


def alerts_for(login: Any, row: DisparityAudit) -> list[str]:
    """Sentences of what passed a threshold, without those about groups the login may not see."""
    return alerts_in(row, seen_results(login, row))


def alerts_in(row: DisparityAudit, results: dict[str, Any]) -> list[str]:
    """Those about groups that are in these results, and about everyone."""
    if row.status != Run.Status.SUCCEEDED or not row.alerts:
        return []
    known = {each["name"] for each in results["groupings"]} | {""}
    return [each["text"] for each in row.alerts if each["grouping"] in known]
