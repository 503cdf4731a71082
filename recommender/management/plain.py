"""What commands share: one line for what is wrong, progress on the error stream, one JSON object with --json."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser

from recommender.exceptions import RecommenderError


class PlainCommand(BaseCommand):
    """A command whose `work` returns what --json prints and whose `show` prints the same for people."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """A parser that answers a wrong option with one line instead of the whole usage."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if self._called_from_command_line:

            def refuse(message: str) -> NoReturn:
                parser.exit(2, f"{subcommand}: {message} (see {subcommand} --help)\n")

            parser.error = refuse  # type: ignore[method-assign]
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = self.work(**options)
        except RecommenderError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(result, allow_nan=False))
        else:
            self.show(result)
        self.finish(result)

    def work(self, **options: Any) -> dict[str, Any]:
        raise NotImplementedError

    def show(self, result: dict[str, Any]) -> None:
        raise NotImplementedError

    def finish(self, result: dict[str, Any]) -> None:
        """After the result was printed: raise CommandError where it means failure."""

    def note(self, text: str) -> None:
        """A line for people that never mixes with the result."""
        self.stderr.write(text, style_func=lambda plain: plain)

    def metrics_lines(self, metrics: dict[str, dict[str, float | None]]) -> list[str]:
        """`ndcg@10    .0729  (.0601 to .0857)`"""
        lines = []
        for name, parts in sorted(metrics.items(), key=lambda pair: (pair[0].split("@")[0], len(pair[0]), pair[0])):
            value, low, high = (parts[part] for part in ("value", "low", "high"))
            interval = f"  ({low:.4f} to {high:.4f})" if low is not None and high is not None else ""
            lines.append(f"  {name:<22}{value or 0:.4f}{interval}")
        return lines


class Progress:
    """A line that is rewritten on a terminal; elsewhere one line per phase."""

    def __init__(self) -> None:
        self.terminal = sys.stderr.isatty()
        self.shown = ""

    def show(self, phase: str, text: str) -> None:
        if self.terminal:
            sys.stderr.write(f"\r\x1b[K{phase}  {text}"[:200])
            sys.stderr.flush()
        elif phase != self.shown:
            sys.stderr.write(f"{phase}\n")
            sys.stderr.flush()
        self.shown = phase

    def done(self) -> None:
        if self.terminal and self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
