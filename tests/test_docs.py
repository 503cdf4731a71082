"""The documentation says what is so."""

from __future__ import annotations

import re

from django.conf import settings

from explain.api.serializers import ExplanationSerializer
from explain.api.urls import urlpatterns
from explain.attribution import in_request, registry
from explain.services import auditing, planning, printing
from recommender.data.config import describe
from recommender.data.preparation.settings import PreparationConfig
from recommender.data.readers import FORMATS
from recommender.data.readers.columns import KNOWN

DOCS = settings.BASE_DIR / "docs"


def test_every_setting_of_the_environment_is_described_and_none_else() -> None:
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (settings.BASE_DIR / "recsite" / "settings.py").read_text()))
    described = set(re.findall(r"^\| `([A-Z_]+)` \|", (DOCS / "operating.md").read_text(), re.MULTILINE))
    assert described == read


def test_links_between_documents_lead_somewhere() -> None:
    for page in [settings.BASE_DIR / "README.md", *DOCS.glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} → {target}"


def test_no_document_names_a_place_on_somebodys_machine() -> None:
    for page in [settings.BASE_DIR / "README.md", settings.BASE_DIR / "CHANGELOG.md", *DOCS.glob("*.md")]:
        assert not re.search(r"(?<![\w.])/(home|root|work|Users)/", page.read_text()), page.name


def test_every_setting_of_a_preparation_is_described() -> None:
    text = (DOCS / "data.md").read_text()
    for row in describe(PreparationConfig):
        choices = f" One of: {', '.join(row['choices'])}." if row["choices"] else ""
        assert re.search(
            rf"^\| `{row['name']}` \| \S.* \| {re.escape(row['help'] + choices)} \|$", text, re.MULTILINE
        ), row


def test_every_column_and_format_of_an_import_is_described() -> None:
    text = (DOCS / "data.md").read_text()
    for name in {*FORMATS, *(name for names in KNOWN.values() for name in names)}:
        assert re.search(rf"`(\w+,)*{name}(,\w+)*`", text), name


def test_every_method_of_explaining_is_described_with_whether_it_answers_at_once() -> None:
    text = (DOCS / "explanations.md").read_text()
    rows = re.findall(r"^\| (`[^|]+`) \|.*\| (yes|no) \|$", text, re.MULTILINE)
    described = {name: answer for names, answer in rows for name in re.findall(r"`(\w+)`", names)}
    assert described == {name: "no" if name in registry.TASKS_ONLY else "yes" for name in registry.METHODS}


def test_every_call_and_every_limit_of_explanations_is_described() -> None:
    text = (DOCS / "explanations.md").read_text()
    for path in urlpatterns:
        if "fairness-reports" in str(path.pattern):
            continue  # described where audits are
        address = re.sub(r"<\w+:(\w+)>", r"{\1}", str(path.pattern).removeprefix("v1/")).replace("{number}", "{id}")
        assert f"{address}`" in text, address
    for seconds in (in_request.IN_REQUEST, in_request.MOST, in_request.MOST_AT_LAST):
        assert re.search(rf"(after|over) {seconds:.0f} s\b", text), seconds


def test_every_part_of_an_explanation_is_described() -> None:
    text = (DOCS / "explanations.md").read_text()
    for name in ExplanationSerializer().fields:
        assert f"`{name}`" in text, name


def test_every_call_and_every_threshold_of_audits_is_described() -> None:
    text = (DOCS / "disparities.md").read_text()
    for path in urlpatterns:
        address = str(path.pattern).removeprefix("v1/").replace("<int:number>", "{id}")
        assert "fairness-reports" not in address or f"`{address}`" in text, address
    for name in (*planning.THRESHOLDS, *auditing.NUMBERS, *printing.BROWSERS[:1]):
        assert f"`{name}`" in text, name
