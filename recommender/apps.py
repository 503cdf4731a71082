from importlib import import_module

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps
from django.db.models.signals import post_migrate

from recommender.rights import GROUPS


def make_groups(*, using: str, **_: object) -> None:
    """The groups that recommender.rights speaks of are there after every migrate, also where someone deleted one."""
    for name in GROUPS:
        apps.get_model("auth", "Group").objects.using(using).get_or_create(name=name)


class RecommenderConfig(AppConfig):
    default = True
    name = "recommender"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        post_migrate.connect(make_groups, sender=self)
        import_module("recommender.services.retention")  # from the start files go with their rows


class CatalogueAdminConfig(admin_apps.AdminConfig):
    """Django's admin with this project's rule of who may enter."""

    default = False
    default_site = "recommender.adminsite.CatalogueSite"
