"""`manage.py status`: is everything there?"""

from __future__ import annotations

from typing import Any

from recommender.management.plain import PlainCommand
from recommender.services.monitoring import system_status

Row = dict[str, Any]


class Command(PlainCommand):
    help = "Show servers, queues and their depth, workers, live runs, what is deployed, ages of data and models."

    def work(self, **options: Any) -> dict[str, Any]:
        return system_status()

    def show(self, result: dict[str, Any]) -> None:
        servers = [f"{name}: {state['text']}" for name, state in result["servers"].items()]
        depths = result["queues"].items()
        queues = [f"{name}: {'unknown' if depth is None else f'{depth} waiting'}" for name, depth in depths]
        self._section("Servers", servers)
        self._section("Queues", queues)
        for title, key, line in (
            ("Workers", "workers", _worker),
            ("Live runs", "runs", _run),
            ("Deployed", "deployed", _deployed),
            ("Data", "data", _data),
        ):
            self._section(title, [line(row) for row in result[key]])

    def _section(self, title: str, lines: list[str]) -> None:
        self.stdout.write("\n".join([title, *(f"  {line}" for line in lines or ["none"])]))


def _worker(row: Row) -> str:
    state = "" if row["alive"] else ", not answering"
    return f"{row['name']} ({', '.join(row['queues'])}): last heartbeat {spoken(row['age'])} ago{state}"


def _run(row: Row) -> str:
    return (
        f"{row['run']} {row['algorithm']} in {row['catalog']}: {row['phase'] or row['status']}, {row['progress']:.0%}"
    )


def _deployed(row: Row) -> str:
    ages = f"deployed {spoken(row['deployed_age'])} ago, trained {spoken(row['model_age'])} ago"
    return f"{row['catalog']}: run {row['run']} {row['algorithm']}, {ages}"


def _data(row: Row) -> str:
    sizes = f"{row['users']} people, {row['items']} items, {row['interactions']} interactions"
    ages = f"newest {spoken(row['newest_age'])} ago, last received {spoken(row['received_age'])} ago"
    return f"{row['catalog']}: {sizes}" + (f", {ages}" if row["interactions"] else "")


def spoken(seconds: float | None) -> str:
    """`90.0` → `1 min`."""
    if seconds is None:
        return "unknown"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
