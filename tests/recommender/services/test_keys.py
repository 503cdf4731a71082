"""API keys: shown once, kept as a hash, revocable; their last use is noted at most once a minute."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from recommender.exceptions import BadInput
from recommender.models import ApiKey, Catalog
from recommender.services import keys


@pytest.fixture
def catalog(db: None) -> Catalog:
    return Catalog.objects.create(name="films")


def test_the_key_itself_is_kept_nowhere(catalog):
    made = keys.create(catalog=catalog, name="shop", scope="write")
    row = ApiKey.objects.values().get()
    assert made.secret.startswith(f"{row['prefix']}_") and row["prefix"].startswith("rk_")
    assert made.secret not in str(row) and made.secret.split("_", 2)[2] not in str(row)
    assert keys.authenticate(secret=made.secret) == made.key


def test_a_wrong_key_is_none(catalog):
    made = keys.create(catalog=catalog, name="shop", scope="read")
    wrong = ["", "rk", "rk_", "rk__", made.key.prefix, made.secret[:-1], made.secret + "x", made.secret.upper()]
    wrong += [f"{made.key.prefix}_", "\x00", f"rk_\x00{made.secret[4:]}", "rk_éééééééé_x", "\udcff"]
    assert [keys.authenticate(secret=secret) for secret in wrong] == [None] * len(wrong)


def test_a_revoked_key_is_none_and_keeps_its_first_moment(catalog):
    made = keys.create(catalog=catalog, name="shop", scope="read")
    keys.revoke(key=made.key)
    first = ApiKey.objects.get().revoked
    keys.revoke(key=made.key)
    assert keys.authenticate(secret=made.secret) is None and ApiKey.objects.get().revoked == first


def test_last_use_is_noted_at_most_once_a_minute(catalog, django_assert_num_queries):
    made = keys.create(catalog=catalog, name="shop", scope="read")
    keys.authenticate(secret=made.secret)
    first = ApiKey.objects.get().last_used
    assert first is not None
    with django_assert_num_queries(1):
        keys.authenticate(secret=made.secret)
    ApiKey.objects.update(last_used=timezone.now() - timedelta(seconds=61))
    keys.authenticate(secret=made.secret)
    assert ApiKey.objects.get().last_used > first


@pytest.mark.parametrize(
    ("name", "scope", "field"),
    [("", "read", "name"), ("x" * 101, "read", "name"), ("a\x00", "read", "name"), ("a", "all", "scope")],
)
def test_nonsense_is_refused(catalog, name, scope, field):
    with pytest.raises(BadInput) as error:
        keys.create(catalog=catalog, name=name, scope=scope)
    assert error.value.field == field and not ApiKey.objects.exists()


def test_the_command_prints_the_key_once(catalog):
    out = io.StringIO()
    call_command("create_key", "--catalog", "films", "--scope", "manage", "--name", "ops", "--json", stdout=out)
    shown = json.loads(out.getvalue())
    assert (shown["catalog"], shown["scope"]) == ("films", "manage")
    assert keys.authenticate(secret=shown["key"]) == ApiKey.objects.get()
    out = io.StringIO()
    call_command("create_key", "--catalog", "films", "--scope", "read", "--name", "b", "--no-unknown", stdout=out)
    assert keys.authenticate(secret=out.getvalue().split()[0]).creates_unknown is False


@pytest.mark.parametrize(
    ("catalog_name", "scope", "said"), [("nowhere", "read", "--catalog"), ("films", "everything", "--scope")]
)
def test_the_command_names_what_is_wrong(catalog, catalog_name, scope, said):
    with pytest.raises(CommandError, match=said):
        call_command("create_key", "--catalog", catalog_name, "--scope", scope, "--name", "x")
