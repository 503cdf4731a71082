"""The client's own ids in addresses: any character but a slash, dots included."""

from __future__ import annotations


class ClientIdConverter:
    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value
