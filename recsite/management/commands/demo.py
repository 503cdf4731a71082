"""`manage.py demo`: everything on MovieLens-100K, from an empty folder to served recommendations."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommender.exceptions import RecommenderError
from recsite import embedded
from recsite.demo import accounts, steps
from recsite.embedded.supervisor import Supervisor


class Command(BaseCommand):
    help = "Import MovieLens-100K, train and evaluate the recommenders in the worker, deploy the best, and serve it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--exit", action="store_true", help="stop after the work instead of serving")
        parser.add_argument("--port", type=int, default=8000, help="port of 127.0.0.1 to serve at (default: 8000)")
        parser.add_argument("--data", type=Path, help="folder or zip of MovieLens-100K, instead of fetching it")
        parser.add_argument("--quick", action="store_true", help="small recommenders: shows the path, not the quality")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["port"] <= 65535:
            raise CommandError("--port: choose a number from 1 to 65535")
        supervisor = Supervisor(settings.DATA_DIR, port=options["port"], say=self.say, **embedded.wanted_by(settings))
        try:
            self.run(supervisor, options)
        except (embedded.EmbeddedError, RecommenderError) as error:
            raise CommandError(str(error)) from error

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    def run(self, supervisor: Supervisor, options: dict[str, Any]) -> None:
        self.say("Starting PostgreSQL and Redis")
        with supervisor as house:
            call_command("migrate", verbosity=0)
            self.say("Starting the web process, the workers and beat")
            house.start()
            house.wait_until_ready()
            self.prepare(house.url, options)
            if not options["exit"]:
                self.say("Ctrl-C stops everything.")
                house.serve()

    def prepare(self, url: str, options: dict[str, Any]) -> None:
        catalog = steps.import_once(options["data"], settings.DATA_DIR / "downloads", self.say)
        runs = steps.start_missing(catalog, steps.QUICK if options["quick"] else {})
        ended = steps.follow(runs, self.say)
        serving = steps.deploy_best(catalog, ended, self.say)
        steps.examine(serving, ended, steps.EXAMINED_QUICKLY if options["quick"] else steps.EXAMINED, self.say)
        steps.audit(serving, self.say)
        self.introduce(url, accounts.ready(catalog, settings.DATA_DIR / "demo.json"))

    def introduce(self, url: str, known: dict[str, Any]) -> None:
        """Where everything is, and how to get in."""
        path = f"{url}api/v1/users/1/recommendations/?n=5"
        self.say(f"\nDashboard  {url}{steps.CATALOG}/\nAdmin      {url}admin/\nAPI        {url}api/docs/")
        for name, password in known["logins"].items():
            self.say(f"Login      {name:<9} {password}")
        self.say(f'API key    {known["key"]}\nTry        curl -H "X-API-Key: {known["key"]}" "{path}"\n')
