"""Whether every acknowledged event is stored once, and none twice, when Postgres dies in between.

    python -m tests.benchmarks.durability --clients 32 --events 100000 --json out.json

Clients post batches to Gunicorn; a tenth of the events are repeats, by their keys, of earlier ones. Half of the clients
hold visitor tokens, half are servers that name many visitors. In the middle Postgres is restarted as after a crash. A
client sends a batch again, as it was, until it is acknowledged. In the end the table is compared with what was
acknowledged. Leaves with 1 when anything is missing, or there twice.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .live_site import API, LiveSite, live_site

PRODUCTS = 200
REPEATS = 10  # one event in so many
NAMES = 20  # visitors that a server speaks for
PATIENCE = 300  # seconds that a client tries a batch


@dataclass
class Client:
    """One that posts, and remembers what was acknowledged."""

    number: int
    site: LiveSite
    headers: dict[str, str]
    batches: list[list[dict[str, Any]]]
    acknowledged: set[int] = field(default_factory=set)  # numbers of events
    statuses: Counter[str] = field(default_factory=Counter)  # of rows
    trouble: Counter[str] = field(default_factory=Counter)  # of requests
    told: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Post everything."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=60)
        for batch in self.batches:
            self.post(batch)

    def post(self, batch: list[dict[str, Any]]) -> None:
        """Until it is acknowledged."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            wait = self.attempt(batch)
            if wait is None:
                return
            time.sleep(wait)
        self.told.append("gave up")

    def attempt(self, batch: list[dict[str, Any]]) -> float | None:
        """One request; seconds to wait before the next, None when it went well."""
        try:
            self.connection.request("POST", f"{API}/feedback/", json.dumps(batch), self.headers)
            answer = self.connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            self.trouble[type(error).__name__] += 1
            return 0.2
        if answer.status == 200:
            self.take(batch, json.loads(body))
            return None
        self.trouble[str(answer.status)] += 1
        if answer.status not in (429, 503) or answer.headers["Content-Type"] != "application/problem+json":
            self.told.append(f"{answer.status}: {body[:300]!r}")
        return min(1.0, float(answer.headers["Retry-After"] or 1))

    def take(self, batch: list[dict[str, Any]], answer: dict[str, Any]) -> None:
        """Note what is said to be stored."""
        for event, row in zip(batch, answer["results"], strict=True):
            self.statuses[row["status"]] += 1
            if row["status"] in ("stored", "repeated"):
                self.acknowledged.add(int(event["value"]))


def make_batches(client: int, count: int, size: int, server: bool) -> list[list[dict[str, Any]]]:
    """Events in batches; the value is the event's number, by which it is found again."""
    rng = random.Random(client)
    events: list[dict[str, Any]] = []
    for at in range(count):
        if at % REPEATS == REPEATS - 1:
            events.append(rng.choice(events))
            continue
        number = client * count + at
        event = {"kind": "view", "source": "testsite.product", "item": f"sku-{rng.randrange(PRODUCTS)}"}
        event |= {"value": float(number), "key": f"event-{number}"}
        if server:
            event["visitor"] = f"external:{rng.randrange(NAMES)}"
        events.append(event)
    return [events[at : at + size] for at in range(0, count, size)]


def make_clients(site: LiveSite, clients: int, events: int, size: int) -> list[Client]:
    """Half with tokens, half as servers."""
    from mtrec_django.events.tokens import sign
    from mtrec_django.models import Visitor

    made = []
    for number in range(clients):
        server = number % 2 == 1
        who = site.key if server else f"Visitor {sign(Visitor.objects.create())}"
        headers = {"Authorization": who, "Content-Type": "application/json"}
        made.append(Client(number, site, headers, make_batches(number, events // clients, size, server)))
    return made


def run(site: LiveSite, clients: list[Client]) -> dict[str, float]:
    """Post from all at once, and restart Postgres when half is acknowledged."""
    threads = [threading.Thread(target=client.run) for client in clients]
    total = sum(len(batch) for client in clients for batch in client.batches)
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    while sum(client.statuses.total() for client in clients) < total / 2:
        time.sleep(0.05)
    down = site.restart_postgres()
    for thread in threads:
        thread.join()
    return {"seconds": time.monotonic() - begun, "postgres down, seconds": down}


def compare(clients: list[Client]) -> dict[str, int]:
    """The table beside what was acknowledged."""
    from django.db import connection

    acknowledged = set().union(*(client.acknowledged for client in clients))
    sent = {int(event["value"]) for client in clients for batch in client.batches for event in batch}
    connection.close()  # its server has died meanwhile
    with connection.cursor() as cursor:
        cursor.execute("select value::bigint, count(*) from mtrec_feedback group by 1")
        stored = dict(cursor.fetchall())
    return {
        "different events sent": len(sent),
        "acknowledged": len(acknowledged),
        "stored": len(stored),
        "acknowledged and missing": len(acknowledged - stored.keys()),
        "stored twice": sum(count > 1 for count in stored.values()),
        "stored and never sent": len(stored.keys() - sent),
        "never acknowledged": len(sent - acknowledged),
    }


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--port", type=int, default=18_231)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with live_site(PRODUCTS, port=given.port) as site:
        clients = make_clients(site, given.clients, given.events, given.batch)
        times = run(site, clients)
        found = compare(clients)
        log = site.log.read_text()
    report: dict[str, Any] = {"clients": given.clients, "events sent": sum(c.statuses.total() for c in clients)}
    report |= {name: round(value, 1) for name, value in times.items()} | found
    report["rows by status"] = dict(sum((client.statuses for client in clients), Counter()))
    report["requests that failed"] = dict(sum((client.trouble for client in clients), Counter()))
    report["unexpected"] = sorted({words for client in clients for words in client.told})[:10]
    report["tracebacks in the log"] = log.count("Traceback")
    for name, value in report.items():
        print(f"{name:28} {value}")
    if given.json:
        given.json.write_text(json.dumps(report, indent=1))
    wrong = ("acknowledged and missing", "stored twice", "stored and never sent", "never acknowledged")
    return 1 if any(found[name] for name in wrong) or report["unexpected"] else 0


if __name__ == "__main__":
    sys.exit(main())
