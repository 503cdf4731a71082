"""Every command that README.md shows is run here as it is written, in the order in which it is shown.

`make demo` and the rest of make are the exception: that they lead to the commands which other tests run is asked of
make itself (`make -n`), since they would set up an environment inside the one that tests run in. Of the benchmark,
which takes minutes, only its help is asked for; `createsuperuser` gets its answers from the environment.
"""

from __future__ import annotations

import csv
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

from recsite import embedded
from recsite.embedded.servers import Postgres
from tests.shell import environment, place, section, sections, shell
from tests.support import free_port, until


def test_every_section_with_commands_has_its_test() -> None:
    covered = {"Try it", "Your own data", "Ask more of it", "Ask why", "Ask who is treated worse", "Over REST",
               "On real servers", "Work on it"}  # fmt: skip
    assert {title for title in sections() if section(title)} == covered


@pytest.mark.parametrize("title", ["Try it", "Work on it"])
def test_make_leads_to_the_commands_that_other_tests_run(title: str, tmp_path: Path) -> None:
    wanted = {
        "make demo\n": "manage.py demo",
        "make demo ARGS=--exit\n": "manage.py demo --exit",
        "make test\n": 'pytest -m "not benchmark"',
        "make lint\n": "ruff check",
        ". .venv/bin/activate\n": None,
        "python manage.py benchmark quality\n": None,
    }
    for command in section(title):
        leads_to = wanted[command]
        if leads_to:
            said = shell(command.replace("make", "make -n"), settings.BASE_DIR, environment(tmp_path))
            assert leads_to in said
    assert "quality" in shell("python manage.py help benchmark", settings.BASE_DIR, environment(tmp_path))


@contextmanager
def process(command: str, folder: Path, env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs until it is told to stop."""
    with (folder / "output.log").open("ab") as log:
        running = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield running
        finally:
            running.terminate()
            running.wait(timeout=60)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.slow
def test_own_data_from_a_file_to_answers_over_rest(open_folder: Path) -> None:
    folder, port = place(open_folder), free_port()
    env = environment(folder)
    *commands, createsuperuser, serving = section("Your own data")
    said = shell("".join(commands), folder, env)
    named = {f"DJANGO_SUPERUSER_{name}": f"{name}@example.org" for name in ("USERNAME", "EMAIL", "PASSWORD")}
    shell(f"{createsuperuser.strip()} --no-input", folder, env | named)
    key = json.loads(next(line for line in said.splitlines() if line.startswith('{"') and "rk_" in line))["key"]
    assert '"protocol": "cold-users"' in shell("".join(section("Ask more of it")), folder, env)
    assert "</html>" in (folder / "report.html").read_text() and (folder / "films.backup").stat().st_size
    told = shell("".join(section("Ask why")), folder, env)
    assert "“Dune” is suggested" in told and '"method": "ablation"' in told
    audit = shell("".join(section("Ask who is treated worse")), folder, env)
    assert "fewer than 20 people" in audit and "</html>" in (folder / "audit.html").read_text()
    rows = list(csv.DictReader((folder / "lists.csv").open()))
    assert {row["user"] for row in rows} == {"ann", "ben", "cleo"}
    assert ("ann", "dune") in {(row["user"], row["item"]) for row in rows}
    with process(serving.replace("8000", str(port)), folder, env):
        until(lambda: answers(f"http://127.0.0.1:{port}/health/ready"), 120, "the site")
        asked, why, sent = [line.replace("8000", str(port)) for line in section("Over REST")]
        env |= {"KEY": key}
        found = json.loads(shell(why, folder, env))
        assert {unit["id"] for unit in found["units"]} == {"alien", "brazil", "casablanca"}
        assert found["gap"] < 1e-6
        before = [row["item"] for row in json.loads(shell(asked, folder, env))["items"]]
        assert json.loads(shell(sent, folder, env))["accepted"] == 1
        after = [row["item"] for row in json.loads(shell(asked, folder, env))["items"]]
    assert "dune" in before
    assert "dune" not in after


@pytest.mark.slow
def test_on_real_servers_over_tcp_several_processes_do_the_whole_path(open_folder: Path) -> None:
    """PostgreSQL over TCP with a password, Redis of another process, two workers, two web processes, one beat."""
    folder, port = place(open_folder), free_port()
    with servers_on_tcp(open_folder) as addresses:
        exports, secret, migrate, collect, *servers = section("On real servers")
        given = f"export DATABASE_URL={addresses[0]} REDIS_URL={addresses[1]}\n"
        assert exports.split("=")[0] == given.split("=")[0]
        host = secret.replace("recommend.example", "127.0.0.1")
        env = environment(folder, HTTPS="0") | exported(given + host, folder)
        shell(migrate + collect, folder, env)
        web, *others = [command.strip().replace("8000", str(port)) for command in servers]
        with ExitStack() as running:
            for command in (web, *others):
                running.enter_context(process(command, folder, env))
            until(lambda: answers(f"http://127.0.0.1:{port}/health/ready"), 90, "the site")
            check_main_path(folder, env, port)


def exported(commands: str, folder: Path) -> dict[str, str]:
    """What `export` lines set."""
    said = shell(f"{commands}\nenv -0", folder, environment(folder))
    both = dict(line.split("=", 1) for line in said.split("\0") if "=" in line)
    return {name: both[name] for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "ALLOWED_HOSTS")}


@contextmanager
def servers_on_tcp(folder: Path) -> Iterator[tuple[str, str]]:
    """Addresses of a PostgreSQL and a Redis that have nothing to do with the site's data folder."""
    ports = free_port(), free_port()
    options = embedded.Options(durable=False, tied=True, postgres_port=ports[0], redis_port=ports[1])
    with embedded.running(folder / "elsewhere", options=options) as held:
        password = next(server for server in held.servers if isinstance(server, Postgres)).password
        url = f"postgres://recsite:{password}@127.0.0.1:{ports[0]}/grown"
        with psycopg.connect(url.replace("/grown", "/recsite"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE grown")
        yield url, f"redis://127.0.0.1:{ports[1]}/0"


def check_main_path(folder: Path, env: dict[str, str], port: int) -> None:
    """Import, train in a worker, deploy, ask over REST: all on the servers that the environment names."""
    steps = ("import_data", "train", "deploy", "create_key")
    wanted = ("cat >", *(f"python manage.py {step}" for step in steps))
    own = [command for command in section("Your own data") if command.startswith(wanted)]
    said = shell("".join(own), folder, env)
    key = json.loads(next(line for line in said.splitlines() if line.startswith('{"') and "rk_" in line))["key"]
    asked = section("Over REST")[0].replace("8000", str(port))
    answer = json.loads(shell(asked, folder, env | {"KEY": key}))
    assert answer["algorithm"] == "item_knn"
    assert [row["item"] for row in answer["items"]] == ["dune"]
    status = json.loads(shell("python manage.py status --json", folder, env))
    assert json.dumps(status).count("training")
