from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class RecommenderConfig(AppConfig):
    default = True
    name = "recommender"
    verbose_name = "Catalogue"
    default_auto_field = "django.db.models.BigAutoField"


class CatalogueAdminConfig(admin_apps.AdminConfig):
    """Django's admin with this project's rule of who may enter."""

    default = False
    default_site = "recommender.adminsite.CatalogueSite"
