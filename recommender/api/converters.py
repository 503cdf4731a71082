"""The client's own ids in addresses: any character but a slash, dots included."""

from __future__ import annotations

from django.urls import register_converter


class ClientIdConverter:
    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(ClientIdConverter, "client_id")  # once: with the first addresses that use it
