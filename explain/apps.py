from functools import partial
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.urls import reverse

from explain.figures import FIGURES, draw
from recommender import hooks


class ExplainConfig(AppConfig):
    name = "explain"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give the pages their figures, and hear of erasures."""
        hooks.figures.update({name: partial(draw, name) for name in FIGURES})
        hooks.sections.append(("explanations", "Explanations"))
        hooks.sections.append(("disparities", "Disparities"))
        hooks.why.append(why)
        hooks.run_pages.append(partial(_called, "explain.views.overall:run_page"))
        hooks.run_pages.append(partial(_called, "explain.views.disparities:run_page"))
        hooks.run_pages.append(partial(_called, "explain.views.remedies:run_page"))
        hooks.overview_cards.append(partial(_called, "explain.views.parameters:card"))
        hooks.overview_cards.append(partial(_called, "explain.views.disparities:card"))
        # what has models can only be imported once apps are ready
        examining = import_module("explain.services.examining")
        hooks.erasure_listeners.append(examining.forget_people)
        hooks.after_erasure.append(examining.drop_files)
        auditing = import_module("explain.services.auditing")
        hooks.erasure_listeners.append(partial(_dropped, auditing.drop_files))
        hooks.after_erasure.append(auditing.drop_files)
        sweeping = import_module("explain.services.sweeping")
        hooks.erasure_listeners.append(partial(_dropped, sweeping.drop_files))
        hooks.after_erasure.append(sweeping.drop_files)


def why(*, catalog: str, run: int, person: str, item: str) -> str:
    """The page that says why."""
    return f"{reverse('explanation', args=[catalog, person, item])}?run={run}"


def _dropped(drop_files: Any, *, catalog: Any, user_ids: Any) -> None:
    """Rows per person go with whoever is erased."""
    if user_ids:
        drop_files(catalog=catalog)


def _called(name: str, **given: Any) -> Any:
    """What a function of a view says; views are imported on first use."""
    module, _, function = name.partition(":")
    return getattr(import_module(module), function)(**given)
