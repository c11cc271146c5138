"""The JSON endpoint under gunicorn: asked by wrk, and by clients that check each answer while a version is switched."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATH = "/api/mtrec/v1/scenarios/bench/recommendations/?n=10"
WORKERS = 2
THREADS = 4

SCRIPT = """
local cookies = {{ {cookies} }}
local at = 0
request = function()
  at = at + 1
  return wrk.format("GET", "{path}", {{ ["Cookie"] = cookies[at % #cookies + 1] }})
end
done = function(summary, latency)
  local wrong = summary.errors
  io.stderr:write(string.format('{{"p50": %f, "p95": %f, "requests": %d, "seconds": %f, "slow": %d, "failed": %d}}',
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, summary.requests, summary.duration / 1e6,
    wrong.timeout, wrong.status + wrong.connect + wrong.read))
end
"""


@dataclass
class Server:
    """gunicorn, listening."""

    port: int
    process: subprocess.Popen[bytes]

    def workers(self) -> list[int]:
        """Process ids."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def resident_mb(self) -> float:
        """Of the largest worker; Linux only."""
        return max(_resident_mb(pid) for pid in self.workers())

    def imported(self, library: str) -> bool:
        """Whether a worker has loaded a library; Linux only."""
        return any(f"/{library}/" in Path(f"/proc/{pid}/maps").read_text() for pid in self.workers())


@contextmanager
def gunicorn() -> Iterator[Server]:
    """The site on a free port, two workers with four threads each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "gunicorn", "example_project.wsgi", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(WORKERS), "--threads", str(THREADS), "--log-level", "warning", "--keep-alive", "60"]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.benchmarks.serving_settings", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment)
    try:
        _wait(port)
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait(30)


def load(server: Server, cookies: list[str], clients: int, seconds: int) -> dict[str, float]:
    """What wrk measures with so many clients: p50 and p95 in ms, requests, seconds, failed, and slow, which is how many
    took longer than the two seconds after which wrk counts an answer as an error of its own, though it comes.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT.format(path=PATH, cookies=", ".join(f'"{cookie}"' for cookie in cookies)))
        script.flush()
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", script.name, f"http://127.0.0.1:{server.port}"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stderr)
    return found


@dataclass
class Watch:
    """Clients that ask without pause, each answer with its moment, milliseconds, version and items."""

    server: Server
    cookies: list[str]
    clients: int = 8
    answers: list[tuple[float, float, str, int, tuple[str, ...]]] = field(default_factory=list)
    failed: int = 0

    def __enter__(self) -> Watch:
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(at,)) for at in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, at: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        while not self._stop.is_set():
            cookie = self.cookies[at % len(self.cookies)]
            at += self.clients
            mark = time.perf_counter()
            try:
                connection.request("GET", PATH, headers={"Cookie": cookie})
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException):
                self.failed += 1
                connection.close()
                continue
            spent = 1000 * (time.perf_counter() - mark)
            if response.status != 200:
                self.failed += 1
                continue
            told = json.loads(body)
            items = tuple(item["id"] for item in told["items"])
            self.answers.append((mark, spent, cookie, told["version"], items))

    def milliseconds(self, begin: float, end: float) -> list[float]:
        """Of the answers asked for in between."""
        return [spent for mark, spent, *_rest in self.answers if begin <= mark < end]


def _wait(port: int) -> None:
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", PATH)
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("gunicorn did not answer within a minute")


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))
