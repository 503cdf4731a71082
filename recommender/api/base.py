"""What every view of the API shares: who may call it, what it takes, and how it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.exceptions import NotAuthenticated
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from recommender.api import problems
from recommender.api.authentication import HEADER, Caller, KeyAuthentication, LoginAuthentication, Need
from recommender.api.parsers import StrictJSONParser
from recommender.api.problems import Problem
from recommender.api.schema import ProblemSchema
from recommender.api.throttling import CallerThrottle
from recommender.models import Catalog
from recommender.rights import RIGHTS


class MayCall(BasePermission):
    """A stranger gets nothing; a caller what its scope or its groups give."""

    def has_permission(self, request: Request, view: Any) -> bool:
        caller = request.auth
        if not isinstance(caller, Caller):
            raise NotAuthenticated(f"Send a key in the header {HEADER}, or log in.")
        need = view.needs.get("GET" if request.method == "HEAD" else request.method)
        if need is not None and not caller.meets(need):
            raise Problem(403, _refusal(caller, need))
        return True  # a method without a need is one that the view does not take: that gets its own answer


def _refusal(caller: Caller, need: Need) -> str:
    if caller.key:
        return f"This needs a key with the scope {need.scope}; yours has the scope {caller.key.scope}."
    groups, what = RIGHTS[need.right]
    return f"Your login may not {what}. That is for the groups: {', '.join(sorted(groups))}."


class ApiView(APIView):
    needs: ClassVar[dict[str, Need]] = {}
    """What each method asks for. A method that is not listed here must not exist."""
    in_catalog: ClassVar[bool] = True

    authentication_classes = [KeyAuthentication, LoginAuthentication]
    permission_classes = [MayCall]
    throttle_classes = [CallerThrottle]
    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = DefaultContentNegotiation
    metadata_class = None
    schema = ProblemSchema()

    def get_exception_handler(self) -> Callable[..., Any]:
        return problems.handler

    @property
    def allowed_methods(self) -> list[str]:
        return [method for method in self._allowed_methods() if method in self.needs]

    @property
    def catalog(self) -> Catalog:
        return self.request.auth.catalog


READ = Need("read", "view")
SEND = Need("write", "import")
EDIT = Need("write", "edit")
TRAIN = Need("manage", "train")
DEPLOY = Need("manage", "deploy")
