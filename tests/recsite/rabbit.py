"""A real RabbitMQ of a test's own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

from tests.support import free_port, until

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's; the wrapper on the PATH wants the account rabbitmq and its folders."""


def there() -> bool:
    return SERVER.exists() and shutil.which("epmd") is not None


class Rabbit:
    """One node on a port of 127.0.0.1, its data in `folder`; guest may log in from there."""

    def __init__(self, folder: Path) -> None:
        self.port, names = free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self.folder = folder
        self.environment = os.environ | {
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"tests{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "db"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        }
        self.names = self._started(["epmd", "-address", "127.0.0.1", "-port", str(names)])
        self.start()

    def start(self) -> None:
        """Returns once it takes connections."""
        self.process = self._started([str(SERVER)])
        until(self.answers, 120, "RabbitMQ")

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")  # a listener alone is there before the node is
            connection.settimeout(5)
            return bool(connection.recv(1))
        return False

    def kill(self) -> None:
        """kill -9 of the node and what it started."""
        everyone = [
            self.process.pid,
            *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True)),
        ]
        for pid in reversed(everyone):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        if self.process.poll() is None:
            self.kill()
        self.names.kill()
        self.names.wait()

    def _started(self, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.folder / "out").open("ab") as out:
            return subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
