"""Every call of the OpenAPI document with generated input: no server error, no answer that breaks the document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from recommender.models import Catalog
from recommender.services import keys

CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 12
"""Calls of each kind generated for each operation."""


DOCUMENT = SchemaGenerator().get_schema(request=None, public=True)
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
MODES = list(GenerationMode)
"""Input as the document allows it, and input that it does not."""


@pytest.fixture
def described(filled: Catalog, deploy: Callable[..., Any]) -> Iterator[Any]:
    """The document against a catalog with a run deployed, asked with a key that may do everything."""
    deploy(filled, "ease")
    key = keys.create(catalog=filled, name="all", scope="manage").secret
    for signal in (request_started, request_finished):  # they would close the connection that holds the test's rows
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", WSGIHandler(), headers={"X-API-Key": key}), key
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{method} {path}" for path, method in OPERATIONS])
def test_no_call_breaks_the_document(described: Any, path: str, method: str) -> None:
    document, key = described
    for mode in MODES:

        @given(document[path][method].as_strategy(generation_mode=mode))
        @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
        def ask(case: schemathesis.Case) -> None:
            with transaction.atomic():
                case.call_and_validate(checks=CHECKS, headers={"X-API-Key": key})
                transaction.set_rollback(True)

        ask()
