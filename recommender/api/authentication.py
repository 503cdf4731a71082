"""Who is asking: a client with a key to one catalog, or a login's session with ?catalog=."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from recommender.acting import Actor, become
from recommender.api.problems import Problem
from recommender.models import ApiKey, Catalog
from recommender.rights import may
from recommender.services import keys

HEADER, META = "X-API-Key", "HTTP_X_API_KEY"
SCOPES = {"read": 0, "write": 1, "manage": 2}


@dataclass(frozen=True)
class Need:
    """What a route asks for: of a key its scope, of a login a right from recommender.rights."""

    scope: str
    right: str


@dataclass(frozen=True)
class Caller:
    """Exactly one of `key` and `login` is there; `catalog` only where the route works in one."""

    catalog: Catalog | None
    key: ApiKey | None = None
    login: Any = None

    @property
    def name(self) -> str:
        """Tells callers apart where calls are counted."""
        return f"key:{self.key.pk}" if self.key else f"login:{self.login.pk}"

    @property
    def creates_unknown(self) -> bool:
        return self.key is None or self.key.creates_unknown

    def meets(self, need: Need) -> bool:
        if self.key:
            return SCOPES[self.key.scope] >= SCOPES[need.scope]
        return may(self.login, need.right)


class KeyAuthentication(BaseAuthentication):
    """The header X-API-Key. A header that is there must be right: it never falls back to a session."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        secret = request.headers.get(HEADER)
        if secret is None:
            return None
        key = keys.authenticate(secret=secret)
        if key is None:
            raise AuthenticationFailed(f"The key in {HEADER} is not known or was revoked. Ask an operator for one.")
        named = request.query_params.get("catalog")
        if named is not None and named != key.catalog.name:
            raise Problem(403, f"This key belongs to the catalog “{key.catalog.name}” only.", field="catalog")
        become(Actor(f"key {key}", "API"))
        return AnonymousUser(), Caller(key.catalog, key=key)

    def authenticate_header(self, request: Request) -> str:
        return f'ApiKey realm="api", header="{HEADER}"'


class LoginAuthentication(SessionAuthentication):
    """The session of someone logged in, who must say which catalog; writes must carry the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Caller] | None:
        found = super().authenticate(request)
        if found is None:
            return None
        login = found[0]
        view = request.parser_context["view"]
        return login, Caller(_catalog(request, login) if view.in_catalog else None, login=login)


def _catalog(request: Request, login: Any) -> Catalog:
    """The catalog named in the address; one that the login may not enter does not exist for it."""
    name = request.query_params.get("catalog")
    if not name:
        raise Problem(400, "Say which catalog: add ?catalog=NAME to the address.", field="catalog")
    catalogs = Catalog.objects if login.is_superuser else Catalog.objects.filter(members=login)
    catalog = None if "\x00" in name else catalogs.filter(name=name).first()
    if catalog is None:
        raise Problem(404, f"There is no catalog “{name[:63]}” that you may enter.", field="catalog")
    return catalog


class _KeyScheme(OpenApiAuthenticationExtension):
    target_class = KeyAuthentication
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": HEADER, "description": "A key to one catalog."}


class _LoginScheme(OpenApiAuthenticationExtension):
    target_class = LoginAuthentication
    name = "login"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        about = "The session of a login; add ?catalog=NAME, and the CSRF token to writes."
        return {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": about}
