"""How many lists a second a worker makes for e-mails, beside the same lists asked for one by one.

    python -m tests.benchmarks.batch --items 200000 --visitors 5000 --json out.json

Makes the catalogue of the serving benchmark in an embedded Postgres of its own. With `--known` the version asks what is
known of a visitor besides his events, and every visitor has features and ten friends.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from itertools import islice
from pathlib import Path

from .serving import Report
from .serving_catalogue import Catalogue, database

ALONE = 200
"""Lists that are asked for one by one."""
FRIENDS = 10


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--visitors", type=int, default=5000)
    parser.add_argument("--known", action="store_true", help="visitors have features and friends")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    report = Report()
    with database():
        shop = Catalogue(given.items, given.visitors)
        shop.fill()
        shop.publish()
        shop.follow()
        if given.known:
            acquaint(shop)
        measure(report)
    if given.json:
        given.json.write_text(json.dumps(report.rows, indent=1))


def acquaint(shop: Catalogue) -> None:
    """A version of the same vectors that asks for features and friends, and visitors who have them."""
    import numpy as np

    from mtrec_django.conf import DIM
    from mtrec_django.inference.blend import Blend
    from mtrec_django.models import Relation, Visitor
    from tests.serving.world import artifact, direction

    asking = artifact(bench=Blend())
    asking.arrays["query.friends"] = 0.3 * np.eye(DIM, dtype=np.float32)
    asking.arrays["query.user"] = 0.3 * np.stack([direction(topic) for topic in range(10)])
    asking.config["profile"] = {"labels": {"town": {str(town): town for town in range(10)}}, "edges": {}, "first": {}}
    version = shop.build(shop.vectors)
    version.add_file("artifact", asking.to_bytes())
    version.publish([shop.scenario])
    for at, visitor in enumerate(shop.visitors):
        visitor.features = {"town": str(at % 10)}
    Visitor.objects.bulk_update(shop.visitors, ["features"], batch_size=1000)
    others = [shop.rng.choice(len(shop.visitors), FRIENDS, replace=False) for _visitor in shop.visitors]
    Relation.objects.bulk_create(
        [
            Relation(visitor=visitor, other=shop.visitors[other], weight=1.0)
            for at, (visitor, some) in enumerate(zip(shop.visitors, others, strict=True))
            for other in some.tolist()
            if other != at
        ],
        batch_size=5000,
    )


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
