"""`manage.py serve`: the site, its workers and beat, on embedded servers unless settings name others."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recsite import embedded
from recsite.embedded.supervisor import Supervisor


class Command(BaseCommand):
    help = "Serve pages and API with workers and beat, until Ctrl-C. Starts PostgreSQL and Redis where none are set."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="port of 127.0.0.1 to serve at (default: 8000)")

    def handle(self, *args: Any, **options: Any) -> None:
        def say(line: str) -> None:
            self.stdout.write(line)
            self.stdout.flush()

        if not 1 <= options["port"] <= 65535:
            raise CommandError("--port: choose a number from 1 to 65535")
        supervisor = Supervisor(settings.DATA_DIR, port=options["port"], say=say, **embedded.wanted_by(settings))
        try:
            with supervisor as house:
                call_command("migrate", verbosity=0)
                house.start()
                house.wait_until_ready()
                say(f"serving at {house.url} (logs in {settings.DATA_DIR / 'logs'}); Ctrl-C stops it")
                house.serve()
        except embedded.EmbeddedError as error:
            raise CommandError(str(error)) from error
