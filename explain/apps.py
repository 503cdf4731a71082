from functools import partial

from django.apps import AppConfig

from explain.figures import FIGURES, draw
from recommender import hooks


class ExplainConfig(AppConfig):
    name = "explain"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give the pages their figures."""
        hooks.figures.update({name: partial(draw, name) for name in FIGURES})
