"""The API's catalog, keys and trained runs, for tests of explanations too."""

from tests.recommender.api.conftest import (
    api,
    catalog,
    deploy,
    filled,
    logins,
    nothing_loaded,
    other,
)

__all__ = ["api", "catalog", "deploy", "filled", "logins", "nothing_loaded", "other"]
