"""`manage.py explain --run ID --user U --item I`: why a run gives an item its score."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from explain.attribution.game import MARGIN, SCORE
from explain.services.asking import ABOUT, CHANGES, HISTORY, REMOVAL, TARGETS, Question
from explain.services.explaining import explain
from recommender.management.plain import PlainCommand
from recommender.selectors.runs import get_run

WIDTH = 30
"""Letters of the longest bar."""
SHOWN = 12
"""Units that the waterfall shows, the strongest; the rest are one line."""


class Command(PlainCommand):
    help = "Explain one recommendation: what each thing known of the person adds, and what would take the item out."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--run", type=int, required=True, help="the run's id")
        parser.add_argument("--user", required=True, help="the client's id of the person")
        parser.add_argument("--item", required=True, help="the client's id of the item")
        parser.add_argument("--method", default="", help="a method of attribution (default: the best there is)")
        parser.add_argument("--target", help=f"one of {', '.join(TARGETS)} (default {SCORE})")
        parser.add_argument("--other", default="", help="why this and not that: the id of another item")
        parser.add_argument("--k", type=int, default=10, help="length of the list (default 10)")

        parser.add_argument("--units", default=HISTORY, help=f"one of {', '.join(ABOUT)} (default {HISTORY})")
        parser.add_argument(
            "--changes", default=REMOVAL, help=f"what else would change it: one of {', '.join(CHANGES)} "
            f"(default {REMOVAL})"
        )  # fmt: skip

    def work(self, **options: Any) -> dict[str, Any]:
        run = get_run(run_id=options["run"])
        asked = {name: options[name] for name in ("user", "item", "method", "other", "k")}
        target = options["target"] or (MARGIN if options["other"] else SCORE)
        about, changes = options["units"], options["changes"]
        question = Question(run.catalog_id, run=run.pk, target=target, about=about, changes=changes, **asked)
        return explain(question, in_request=False)

    def show(self, result: dict[str, Any]) -> None:
        place = f"place {result['rank']:,}" if result["rank"] else "in no list"
        head = (
            f"{result['title'] or result['item']} for {result['user']}, run {result['run']} ({result['algorithm']}): "
        )
        more = [result["note"], result["counterfactual_text"], result.get("changes", {}).get("text")]
        lines = [head + place, result["sentence"], *filter(None, more), ""]
        lines += [f"{result['target']} by {result['method']}: {result['badge']['text']}", *waterfall(result)]
        self.stdout.write("\n".join(lines))


def waterfall(result: dict[str, Any]) -> list[str]:
    """From the baseline to the prediction, a line per unit: value, bar (left of the middle lowers), label."""
    rows = [(unit["value"], unit["label"]) for unit in result["units"]]
    shown, rest = rows[:SHOWN], rows[SHOWN:]
    if rest:
        shown.append((sum(value for value, _ in rest), f"{len(rest)} more"))
    largest = max((abs(value) for value, _ in shown), default=0.0) or 1.0
    lines = [f"{result['baseline_prediction']:>12.4f}  {result['baseline']}"]
    lines += [f"{value:>+12.4f}  {bar(value / largest)}  {label[:60]}" for value, label in shown]
    if result["gap"] > 1e-6 * max(1.0, abs(result["prediction"])):
        words = "not explained" if result["additive"] else "not a sum: each is what would be lost without it alone"
        missing = result["prediction"] - result["baseline_prediction"] - sum(value for value, _ in rows)
        lines.append(f"{missing:>+12.4f}  {'':{2 * (WIDTH // 2) + 1}}  {words}")
    return [*lines, f"{result['prediction']:>12.4f}  {result['target']}"]


def bar(share: float) -> str:
    """A bar of −1 to 1 on either side of a middle line."""
    half = WIDTH // 2
    length = round(abs(share) * half)
    left, right = ("-" * length if share < 0 else "", "+" * length if share > 0 else "")
    return f"{left:>{half}}|{right:<{half}}"
