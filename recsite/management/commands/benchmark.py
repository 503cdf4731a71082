"""`manage.py benchmark`: figures of quality and speed, each beside a peer measured in the same run."""

from __future__ import annotations

import json
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommender.exceptions import RecommenderError
from recsite import benchmarks


class Command(BaseCommand):
    help = "Run a benchmark against its peer in one go (all of them without a name)."

    def add_arguments(self, parser: CommandParser) -> None:
        names = ", ".join(benchmarks.BENCHMARKS)
        parser.add_argument("name", nargs="?", help=f"one of: {names} (default: all)")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = [options["name"]] if options["name"] else list(benchmarks.BENCHMARKS)
        if unknown := set(chosen) - set(benchmarks.BENCHMARKS):
            raise CommandError(f"There is no benchmark “{unknown.pop()}”. Known: {', '.join(benchmarks.BENCHMARKS)}.")
        call_command("migrate", verbosity=0)
        try:
            results = [benchmarks.run(name, self.stderr.write) for name in chosen]
        except RecommenderError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(results[0] if options["name"] else {"benchmarks": results}))
        else:
            for result in results:
                self.show(result)

    def show(self, result: dict[str, Any]) -> None:
        ours, peer, unit = result["ours"], result["peer"], result["unit"]
        self.stdout.write(f"{result['name']}: ours {ours:.4g}, peer {peer:.4g} {unit}, ratio {result['ratio']:.3f}")
        for row in result.get("rows", []):
            self.stdout.write("  " + ", ".join(f"{name} {value}" for name, value in row.items()))
