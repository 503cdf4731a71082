"""Forms of pages: what may be typed, and what is said when it cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from recommender.data.config import describe
from recommender.data.preparation.settings import PreparationConfig
from recommender.models import ApiKey, Batch, Catalog

LOGIN_WINDOW = 300
LOGIN_FAILURES = 10
ADDRESS_FAILURES = 100


class LoginForm(AuthenticationForm):
    """Ten wrong passwords for an account from one address, or a hundred from one address, and it is closed for five
    minutes (counted in the cache)."""

    error_messages = AuthenticationForm.error_messages | {
        "invalid_login": "This name and password do not belong together. Check capital letters and try again.",
        "throttled": "Too many attempts. Wait five minutes, then try again; nothing is lost.",
    }

    def clean(self) -> dict[str, Any]:
        counters = self.counters()
        if any(cache.get(key, 0) >= limit for key, limit in counters.items()):
            raise ValidationError(self.error_messages["throttled"], code="throttled")
        try:
            return super().clean()
        except ValidationError:
            for key in counters:
                cache.add(key, 0, LOGIN_WINDOW)
                cache.incr(key)
            raise

    def counters(self) -> dict[str, int]:
        address = client_address(self.request)
        name = self.cleaned_data.get("username", "").casefold()[:150]
        return {f"login:{address}:{name}": LOGIN_FAILURES, f"login:{address}": ADDRESS_FAILURES}


def client_address(request: HttpRequest | None) -> str:
    """Where a request comes from; behind a proxy, the last address that the proxy added."""
    if request is None:
        return "unknown"
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.SECURE_PROXY_SSL_HEADER else ""
    return forwarded.rpartition(",")[2].strip() or request.META.get("REMOTE_ADDR", "unknown")


class PasswordForm(PasswordChangeForm):
    """Django's own, with shorter words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].label = "Password now"
        self.fields["new_password2"].label = "New password, once more"
        self.fields["new_password2"].help_text = ""


class CatalogForm(forms.ModelForm):
    class Meta:
        model = Catalog
        fields = ["title", "name"]
        labels = {"name": "Address", "title": "Title"}
        help_texts = {
            "name": "Small letters, digits and hyphens, for example film-club. It cannot be changed later.",
            "title": "What people read, for example Film club.",
        }


class KeyForm(forms.ModelForm):
    class Meta:
        model = ApiKey
        fields = ["name", "scope", "creates_unknown"]
        labels = {"name": "What is it for?"}
        help_texts = {"name": "A word to tell keys apart later, for example Shop front end."}

    scope = forms.ChoiceField(label="What may it do?", choices=ApiKey.Scope.choices, initial=ApiKey.Scope.READ)


class MemberForm(forms.Form):
    login = forms.CharField(label="Name of the login", max_length=150)


class PlanForm(forms.Form):
    """Retraining by night."""

    on = forms.BooleanField(label="Train what serves anew each day", required=False)
    hour = forms.TypedChoiceField(
        label="At", coerce=int, choices=[(hour, f"{hour:02}:00 UTC") for hour in range(24)], initial=3
    )


class BatchForm(forms.Form):
    """Lists for everyone, by what serves."""

    n = forms.IntegerField(label="Items a person", min_value=1, max_value=1000, initial=10)
    format = forms.ChoiceField(label="Format", choices=Batch.Format.choices)


class UploadForm(forms.Form):
    """A file of interactions, or a zip of a known data set; files of people and items may come along."""

    file = forms.FileField(
        label="File",
        help_text="CSV, JSON lines or Parquet with user and item, and, if known, rating and timestamp; or a zip of "
        "MovieLens or RecBole files as they were published.",
        error_messages={"required": "Choose a file.", "empty": "The file is empty; choose one with rows."},
    )
    format = forms.ChoiceField(
        label="Format",
        required=False,
        choices=[
            ("", "Find out from the file"),
            ("movielens", "MovieLens"),
            ("recbole", "RecBole"),
            ("csv", "CSV"),
            ("jsonl", "JSON lines"),
            ("parquet", "Parquet"),
        ],
    )
    users = forms.FileField(
        label="People (optional)",
        required=False,
        help_text="A file with the column user; every other column becomes an attribute.",
    )
    items = forms.FileField(
        label="Items (optional)",
        required=False,
        help_text="A file with the column item; title, description, categories, creators, year, price and image are "
        "understood, every other column becomes an attribute.",
    )


class ChoiceOfAlgorithms(forms.Form):
    """Several recommenders at once, with their declared defaults; those that fit the catalog."""

    algorithm = forms.MultipleChoiceField(
        error_messages={
            "required": "Choose at least one recommender.",
            "invalid_choice": "%(value)s is no recommender, or none that fits what this catalog holds.",
        },
    )
    seed = forms.IntegerField(label="Seed", min_value=0, max_value=2**63 - 1, initial=0)

    def __init__(self, *args: Any, fitting: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["algorithm"].choices = [(name, name) for name in fitting]


SETTING, PREPARE = "set-", "prepare-"


class ConfigForm(forms.Form):
    """The hyperparameters that an algorithm declares, as a form; what is typed goes to its Config unchanged."""

    seed = forms.IntegerField(
        label="Seed", min_value=0, max_value=2**63 - 1, initial=0,
        help_text="The same seed on the same data gives the same result.",
    )  # fmt: skip

    def __init__(self, *args: Any, rows: Sequence[Mapping[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = {SETTING + row["name"]: field_of(row) for row in rows}
        preparation = {PREPARE + row["name"]: field_of(row) for row in describe(PreparationConfig)}
        for field in preparation.values():
            field.required = False  # what is not said stays as it is
            field.initial = "" if field.initial is None else field.initial
        self.fields = own | preparation | self.fields

    def settings(self) -> dict[str, Any]:
        """Name → value as it was typed."""
        return {name[len(SETTING) :]: value for name, value in self.cleaned_data.items() if name.startswith(SETTING)}

    def preparation(self) -> dict[str, Any]:
        """The same for how the data are prepared; what was left empty is not there."""
        given = {name[len(PREPARE) :]: value for name, value in self.cleaned_data.items() if name.startswith(PREPARE)}
        return {name: value for name, value in given.items() if value not in (None, "")}


class TuningForm(forms.Form):
    """Which recommender to tune, and for how long."""

    algorithm = forms.ChoiceField(label="Recommender")
    trials = forms.IntegerField(
        label="Trials", min_value=1, max_value=1000, initial=30,
        help_text="Each trains once. Fewer than fifteen seldom find more than chance would.",
    )  # fmt: skip
    only = forms.CharField(
        label="Only these settings", required=False, max_length=500,
        help_text="Names separated by commas, such as regularization,half_life. Empty varies all that may be.",
    )  # fmt: skip
    seed = forms.IntegerField(label="Seed", min_value=0, max_value=2**63 - 1, initial=0)

    def __init__(self, *args: Any, algorithms: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["algorithm"].choices = [(name, name) for name in algorithms]  # type: ignore[attr-defined]

    def clean_only(self) -> list[str]:
        return [name.strip().replace(" ", "_") for name in self.cleaned_data["only"].split(",") if name.strip()]


def field_of(row: Mapping[str, Any]) -> forms.Field:
    """A form field for one row of algorithms.base.describe."""
    label = row["name"].replace("_", " ")
    common = {"label": label[:1].upper() + label[1:], "initial": row["default"], "help_text": help_of(row)}
    if row["type"] == "bool":
        return forms.BooleanField(required=False, **common)
    if row["choices"]:
        choices = [(choice, str(choice)) for choice in row["choices"]]
        return forms.ChoiceField(choices=choices, required=not row["optional"], **common)
    limits = {"min_value": row["low"], "max_value": row["high"], "required": not row["optional"]}
    if row["type"] == "int":
        return forms.IntegerField(**limits, **common)
    if row["type"] == "float":
        return forms.FloatField(widget=forms.NumberInput(attrs={"step": "any"}), **limits, **common)
    return forms.CharField(required=not row["optional"], **common)


def number(value: float) -> str:
    """1000000.0 → 1,000,000; 1e-06 → 0.000001."""
    return f"{value:,.10f}".rstrip("0").rstrip(".")


def help_of(row: Mapping[str, Any]) -> str:
    """Its meaning, then its range and default."""
    low, high = row["low"], row["high"]
    bounds = f" From {number(low)} to {number(high)}." if low is not None and high is not None else ""
    empty = " May be left empty." if row["optional"] else ""
    return f"{row['help']}{bounds}{empty}"
