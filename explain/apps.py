from functools import partial
from importlib import import_module

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
        hooks.why.append(why)
        # what has models can only be imported once apps are ready
        hooks.erasure_listeners.append(import_module("explain.services.examining").forget_people)


def why(*, catalog: str, run: int, person: str, item: str) -> str:
    """The page that says why."""
    return f"{reverse('explanation', args=[catalog, person, item])}?run={run}"
