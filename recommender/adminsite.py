"""The admin of the catalogue. Who may enter follows from the groups, as everywhere."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from recommender.rights import may


class CatalogueSite(AdminSite):
    site_header = "Catalogue"
    site_title = "Catalogue"
    index_title = "What is in your catalogs"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and request.user.is_authenticated and may(request.user, "edit")
