"""What is wrong with a running installation, and how each of it is mended."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from celery import current_app
from django.db import connections, router
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerDown

from ..broker import SQL
from ..checks import check_extension
from ..conf import get_config
from ..events.pseudonyms import lost, outdated
from ..inference.artifact import Artifact, ArtifactError, joined
from ..locking import untimed
from ..models import Feedback, Item, ItemContent, ItemVector, ModelVersion, Run, Scenario, VersionFile
from ..queueing import depth, depths, waiting
from ..retrieval import store

STALE = timedelta(days=14)
WAITED = timedelta(minutes=2)
SKEW_SECONDS = 2.0
"""Clocks that differ by more put events into the wrong order."""
INDEXED_FROM = 5000
"""Items below which reading all of them is as fast as the index."""
PING_SECONDS = 2.0
ASKED = ("amqp", "redis")
"""Transports over which workers answer a question."""
PROCESS_BYTES = 700 * 2**20
EVENT_BYTES = 200
ITEM_BYTES = 8000
"""What a training is taken to need where none has said so: the libraries, each event, each item."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    level: str  # "ok", "warning" or "error"
    text: str
    mend: str = ""


def examine() -> Iterator[Finding]:
    """Everything, one after the other; later things rest on earlier ones, so a database without tables ends it."""
    yield from _extension()
    unapplied = list(_migrations())
    yield from unapplied
    if any(finding.level == "error" for finding in unapplied):
        return
    for look in EXAMINATIONS:
        yield from look()


def _extension() -> Iterator[Finding]:
    alias = store.database()
    for message in check_extension(databases=[alias]):
        yield Finding("extension", "error", message.msg, message.hint or "")
        return
    with connections[alias].cursor() as cursor:
        cursor.execute("select extversion, current_setting('server_version') from pg_extension where extname='vector'")
        row = cursor.fetchone()
    if row is None:
        yield Finding("extension", "error", "The extension vector is not in this database.", "manage.py migrate mtrec")
    else:
        yield Finding("extension", "ok", f"pgvector {row[0]} on Postgres {row[1]}")


def _migrations() -> Iterator[Finding]:
    executor = MigrationExecutor(connections[router.db_for_write(Item)])
    plan = executor.migration_plan([key for key in executor.loader.graph.leaf_nodes() if key[0] == "mtrec"])
    if plan:
        names = ", ".join(migration.name for migration, _backwards in plan)
        yield Finding("migrations", "error", f"Not applied: {names}.", "manage.py migrate mtrec")
    else:
        yield Finding("migrations", "ok", "All applied.")


def _live() -> Iterator[Finding]:
    bases: set[int] = set()
    for place in Scenario.objects.filter(enabled=True).select_related("live_version__parent"):
        version = place.live_version
        if version is None:
            yield Finding("live", "warning", f"{place.name} has no version, its lists are by counts.", "mtrec_train")
            continue
        bases.add(version.base_id)
        age = timezone.now() - version.created_at
        if age > STALE:
            yield Finding("live", "warning", f"{version} in {place.name} is {age.days} days old.", "mtrec_train")
        else:
            yield Finding("live", "ok", f"{place.name} is served by {version}.")
        yield from _artifact(version)
    for base in sorted(bases):
        yield from _base(base)


def _artifact(version: ModelVersion) -> Iterator[Finding]:
    mend = "Publish another version, or bring it back by mtrec_restore."
    for wanted in {version.pk, version.base_id}:
        parts = VersionFile.objects.filter(version_id=wanted, name="artifact").order_by("part")
        try:
            file = joined(parts.values_list("data", "sha256"))
            Artifact.from_bytes(file)
        except ArtifactError as error:
            yield Finding("artifact", "error", f"Of v{wanted}: {error}.", mend)
        else:
            yield Finding("artifact", "ok", f"The checksum of v{wanted} is right, {len(file) / 2**20:.1f} MiB.")


def _base(base: int) -> Iterator[Finding]:
    if base not in store.stored():
        yield Finding("vectors", "error", f"v{base} has no tables.", "Publish another version, or mtrec_restore.")
        return
    yield from _index(base)
    placed = ItemVector.objects.filter(version_id=base, item_id=OuterRef("pk"))
    missing = Item.objects.filter(~Exists(placed), available=True).count()
    if missing:
        yield Finding("vectors", "warning", f"{missing:,} available items have no place in v{base}.", _ENCODE)
    else:
        yield Finding("vectors", "ok", f"Every available item has its place in v{base}.")


_ENCODE = "A worker on the queue of light tasks runs mtrec.encode; manage.py mtrec_sync does it here."


def _index(base: int) -> Iterator[Finding]:
    items, plan = store.size(base), store.search_plan(base)
    if "_hnsw" in plan:
        yield Finding("index", "ok", f"Searches of v{base} use its vector index ({items:,} items).")
    elif items < INDEXED_FROM:
        yield Finding("index", "ok", f"v{base} has {items:,} items, so few that Postgres reads them all.")
    else:
        mend = f"Run ANALYZE {store.vectors_table(base).text}; if that is no help, train again."
        yield Finding("index", "error", f"Searches of v{base} read all {items:,} items: {plan}", mend)


def _texts() -> Iterator[Finding]:
    current = ItemContent.objects.filter(item_id=OuterRef("pk"), text_hash=F("item__text_hash"))
    stale = Item.objects.exclude(text="").filter(~Exists(current)).count()
    if stale:
        yield Finding("texts", "warning", f"{stale:,} items have new texts that no encoder has read.", _ENCODE)
    else:
        yield Finding("texts", "ok", "Every text is encoded.")


def _runs() -> Iterator[Finding]:
    died = Run.objects.reap()
    if died:
        yield Finding("runs", "warning", f"{died} runs were left by workers that died.", "Ask for them again.")
    for run in Run.objects.filter(status=Run.Status.QUEUED, created_at__lt=timezone.now() - WAITED):
        queue = get_config().TRAIN_QUEUE
        mend = f"Start a worker: celery -A yourproject worker -Q {queue}; see that beat runs mtrec.catch_up."
        yield Finding("runs", "error", f"{run} waits since {run.created_at:%Y-%m-%d %H:%M}. {run.step}", mend)
    last = Run.objects.order_by("kind", "scenario_id", "-pk").distinct("kind", "scenario_id")
    for run in last:
        if run.status == Run.Status.FAILED:
            yield Finding("runs", "warning", f"{run} failed: {run.error[:200]}", "Mend the cause, ask for another.")


def _waiting() -> Iterator[Finding]:
    found = waiting()
    for one in found:
        words = f"{one.count} of {one.kind} wait on {one.queue}, the oldest for {one.seconds:.0f} s."
        if one.seconds > WAITED.total_seconds():
            mend = f"Start workers, or more of them: celery -A yourproject worker -Q {one.queue}"
            yield Finding("waiting", "warning", words, mend)
        else:
            yield Finding("waiting", "ok", words)
    if not found:
        yield Finding("waiting", "ok", "No run and no batch waits for a worker.")
    for name, messages in depths():
        yield Finding("waiting", "ok", f"{messages} messages in the queue {name}.")


_BROKER = "Start it, or mend CELERY_BROKER_URL; what was to be queued waits for mtrec.catch_up."


def _queue() -> Iterator[Finding]:
    try:
        with current_app.connection(connect_timeout=PING_SECONDS) as connection:
            connection.ensure_connection(max_retries=1, timeout=PING_SECONDS)
            kind = connection.transport.driver_type
    except (BrokerDown, OSError) as error:
        yield Finding("queue", "error", f"The broker does not answer: {error}", _BROKER)
        return
    if kind == SQL and depth(get_config().QUEUE) is None:  # it was not asked for anything yet
        yield Finding("queue", "error", "The broker does not answer.", _BROKER)
        return
    if kind not in ASKED:
        yield Finding("queue", "ok", "The broker answers; over this transport workers cannot be asked.")
        return
    queues = current_app.control.inspect(timeout=PING_SECONDS).active_queues() or {}
    heard = {queue["name"] for worker in queues.values() for queue in worker}
    ours = {get_config().QUEUE, get_config().TRAIN_QUEUE}
    silent = ours - heard
    for name in sorted(silent):
        mend = f"celery -A yourproject worker -Q {name}"
        yield Finding("queue", "error", f"No worker listens to the queue {name}.", mend)
    if not silent:
        yield Finding("queue", "ok", f"{len(queues)} workers listen to {', '.join(sorted(heard))}.")
    yield from _pools({name for name, theirs in queues.items() if any(each["name"] in ours for each in theirs)})


def _pools(workers: set[str]) -> Iterator[Finding]:
    """Whether the time limits of tasks hold in these workers."""
    told = current_app.control.inspect(workers, timeout=PING_SECONDS).stats() if workers else None
    for name, facts in sorted((told or {}).items()):
        if untimed(facts["pool"]["implementation"]):
            words = f"No task of {name} has a time limit: its pool is {facts['pool']['implementation']}."
            yield Finding("pools", "warning", words, "Start it with --pool prefork.")


def _clock() -> Iterator[Finding]:
    """Between this host and the database's; half of the round trip is taken off."""
    with connections[store.database()].cursor() as cursor:
        began = time.time()
        cursor.execute("select extract(epoch from clock_timestamp())::float8")
        there, ended = cursor.fetchone()[0], time.time()
    skew = abs(there - (began + ended) / 2)
    if skew > SKEW_SECONDS:
        mend = "Run NTP (chrony, systemd-timesyncd) on both."
        yield Finding("clock", "error", f"The database's clock is {skew:.1f} s from this host's.", mend)
    else:
        yield Finding("clock", "ok", f"{skew * 1000:.0f} ms from the database's.")


def _memory() -> Iterator[Finding]:
    need, free = needed_bytes(), free_bytes()
    words = f"The next training needs about {need / 2**30:.1f} GiB; this host has {free / 2**30:.1f} GiB free."
    if need > free:
        mend = "Train on a larger host (MTREC['TRAIN_QUEUE']), or keep fewer events (MTREC['KEEP_EVENTS_DAYS'])."
        yield Finding("memory", "warning", words, mend)
    else:
        yield Finding("memory", "ok", words)


def needed_bytes() -> int:
    """What the newest training took at its peak, grown as its events and items have; without one, a rough rule."""
    events, items = Feedback.objects.count(), Item.objects.count()
    newest = ModelVersion.objects.filter(kind=ModelVersion.Kind.BASE, report__has_key="peak_bytes").first()
    if newest is None:
        return PROCESS_BYTES + EVENT_BYTES * events + ITEM_BYTES * items
    growth = max(1.0, events / max(newest.events, 1), items / max(newest.items, 1))
    return int(PROCESS_BYTES + max(0, newest.report["peak_bytes"] - PROCESS_BYTES) * growth)


def free_bytes() -> int:
    """Of this host, or of the container where that has less."""
    free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) * 1024
    limit, used = (next(_lines(f"/sys/fs/cgroup/memory.{name}"), "") for name in ("max", "current"))
    return min(free, int(limit) - int(used)) if limit.isdigit() and used.isdigit() else free


def _lines(path: str) -> Iterator[str]:
    file = Path(path)
    return iter(file.read_text().splitlines() if file.is_file() else [])


def _partitions() -> Iterator[Finding]:
    building = set(Run.objects.filter(status=Run.Status.RUNNING).values_list("version_id", flat=True))
    orphans = [pk for pk in store.orphans() if pk not in building]
    stored = store.stored()
    size = sum(store.disk(pk) for pk in stored) / 2**20
    if orphans:
        names = ", ".join(f"v{pk}" for pk in orphans)
        yield Finding("partitions", "warning", f"Left by versions that are none: {names}.", "manage.py mtrec_prune")
    else:
        yield Finding("partitions", "ok", f"{len(stored)} versions have tables, {size:,.1f} MiB.")


def _names() -> Iterator[Finding]:
    if missed := lost().count():
        mend = "Put the older secret back at the end of MTREC['VISITOR_KEYS']."
        yield Finding("names", "error", f"{missed:,} visitors are stored under a secret that is not listed.", mend)
    elif get_config().VISITOR_KEYS and (older := outdated().count()):
        yield Finding(
            "names", "warning", f"{older:,} visitors are not under the newest secret.", "manage.py mtrec_rekey"
        )
    else:
        yield Finding("names", "ok", "Every visitor can be found by name.")


EXAMINATIONS: list[Callable[[], Iterator[Finding]]] = [
    _live,
    _texts,
    _runs,
    _waiting,
    _queue,
    _clock,
    _memory,
    _partitions,
    _names,
]
