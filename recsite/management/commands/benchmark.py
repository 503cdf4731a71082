"""`manage.py benchmark`: figures of quality and speed, each beside a peer measured in the same run."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandParser

from recommender.exceptions import BadInput
from recommender.management.plain import PlainCommand
from recsite.benchmarks import BENCHMARKS, run


class Command(PlainCommand):
    help = "Run a benchmark against its peer in one go (all of them without a name)."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("name", nargs="?", help=f"one of: {', '.join(BENCHMARKS)} (default: all)")

    def work(self, **options: Any) -> dict[str, Any]:
        name = options["name"]
        if name and name not in BENCHMARKS:
            raise BadInput(f"There is no benchmark “{name}”. Known: {', '.join(BENCHMARKS)}.", field="name")
        call_command("migrate", verbosity=0)
        return run(name, self.note) if name else {"benchmarks": [run(each, self.note) for each in BENCHMARKS]}

    def show(self, result: dict[str, Any]) -> None:
        for each in result.get("benchmarks", [result]):
            ours, peer, unit = each["ours"], each["peer"], each["unit"]
            self.stdout.write(f"{each['name']}: ours {ours:.4g}, peer {peer:.4g} {unit}, ratio {each['ratio']:.3f}")
            for row in each.get("rows", []):
                self.stdout.write("  " + ", ".join(f"{name} {value}" for name, value in row.items()))
