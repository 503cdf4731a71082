"""`manage.py adapt --run ID --support FILE --out FILE`: lists or predicted ratings from a few interactions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from recommender.management.plain import PlainCommand, Progress
from recommender.selectors.runs import get_run
from recommender.services.adapting_files import Asked, adapt_files

WORDS = {
    "unknown": "interactions with items nobody knows were left out",
    "too_new": "interactions with items that this recommender cannot place were left out",
    "repeated": "items were given repeatedly; the last time counts",
    "off_scale": "ratings were off the scale and count as its nearest end",
}


class Command(PlainCommand):
    help = "Adapt a run to people by their few interactions: their lists, or predicted ratings for pairs."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run", type=int, required=True, help="the run's id")
        parser.add_argument("--support", type=Path, required=True, metavar="FILE", help="user,item,rating[,timestamp]")
        parser.add_argument(
            "--users", type=Path, metavar="FILE", help="user and attributes, also of people without any"
        )
        parser.add_argument("--items", type=Path, metavar="FILE", help="items that came after the training")
        parser.add_argument("--k", type=int, default=20, help="items per person (default 20)")
        parser.add_argument("--predict", type=Path, metavar="PAIRS", help="user,item: predict these ratings instead")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the CSV to write")

    def work(self, **options: Any) -> dict[str, Any]:
        names = ("support", "out", "k", "users", "items", "predict")
        progress = Progress()
        try:
            return adapt_files(
                run=get_run(run_id=options["run"]),
                asked=Asked(**{name: options[name] for name in names}),
                progress=lambda share: progress.show("Adapting", f"{share:.0%}"),
            )
        finally:
            progress.done()

    def show(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"{result['rows']:,} rows for {result['users']:,} people are in {result['out']}.")

    def finish(self, result: dict[str, Any]) -> None:
        """What was not taken as it stood."""
        for name, words in WORDS.items():
            if count := result["support"][name]["count"]:
                self.note(f"{count:,} {words}.")
        for name, words in (("unseen", "values of attributes were never seen and say nothing"),):
            if count := result["attributes"][name]["count"]:
                self.note(f"{count:,} {words}.")
        if unread := result["attributes"]["unread"]:
            self.note(f"Recommenders do not read {', '.join(unread)}.")
        if count := result["items"]["unplaced"]["count"]:
            self.note(f"{count:,} items came after the training, and this recommender cannot place them.")
        if count := result["rejected"]["count"]:
            first = result["rejected"]["first"][0]
            self.note(f"{count:,} rows could not be read, such as line {first['line']} of {first['file']}: "
                      f"{first['message']}.")  # fmt: skip
        if count := result["unpredicted"]["count"]:
            self.note(f"{count:,} pairs could not be predicted.")
