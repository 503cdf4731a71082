"""What views of runs share: finding one, and the file of its people."""

from __future__ import annotations

from django.http import Http404, HttpResponse

from recommender.models import Catalog, Measurement, Run
from recommender.selectors import pages
from recommender.views import run_figures
from recommender.views.figures import csv_answer


def people_answer(catalog: Catalog, of: Run | Measurement, name: str) -> HttpResponse:
    table = run_figures.person_table(of) if of.person_metrics else None
    if table is None:
        raise Http404("This run has no metrics per person.")
    ids = pages.client_ids(catalog, table["user"].tolist())
    columns = [each for each in table.columns if each != "user"]
    rows = table[["user", *columns]].itertuples(index=False)
    return csv_answer(name, ["user", *columns], ([ids.get(row[0], ""), *row[1:]] for row in rows))


def run_or_404(catalog: Catalog, run_id: int) -> Run:
    found = catalog.runs.filter(pk=run_id).first() if run_id < 2**63 else None
    if found is None:
        raise Http404(f"{catalog} has no run {run_id}.")
    return found
