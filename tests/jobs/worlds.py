"""A small world whose right answers are known: gardeners buy for the garden, cooks for the kitchen, in a fixed round.

Item k of a half is followed by item k + 1 of that half, so who saw k wants k + 1, and nobody wants the other half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mtrec_django import Event
from mtrec_django.inference.blend import Blend
from mtrec_django.inference.texts import pack
from mtrec_django.jobs.arrays import read_items
from mtrec_django.jobs.training import _store, load_version
from mtrec_django.models import ModelVersion, Scenario
from mtrec_django.serving import live
from tests.site.models import Category, Product

ITEMS = 12
"""Of each half."""

USERS = 60
ROUND = 8
"""Events of each visitor."""

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)

NAMES = {
    "garden": [
        "rake",
        "spade",
        "hose",
        "pot",
        "seed",
        "fence",
        "shears",
        "trowel",
        "barrow",
        "bench",
        "parasol",
        "gnome",
    ],
    "kitchen": ["pan", "ladle", "knife", "bowl", "plate", "whisk", "oven", "kettle", "board", "cup", "jar", "sieve"],
}


def make_products() -> dict[str, list[Product]]:
    """Both halves, in order."""
    halves: dict[str, list[Product]] = {}
    for half, names in NAMES.items():
        category = Category.objects.create(name=half)
        halves[half] = [
            Product.objects.create(sku=f"{half}-{k}", title=f"{half} {name}", category=category, price=k + 1, stock=5)
            for k, name in enumerate(names)
        ]
    return halves


def make_events(halves: dict[str, list[Product]]) -> Iterator[Event]:
    """Every visitor walks his half from a place of his own; the last events are the newest of all."""
    for user in range(USERS):
        half = halves["garden" if user % 2 else "kitchen"]
        for step in range(ROUND):
            yield Event(
                object_id=half[(user + step) % ITEMS].pk,
                visitor=f"visitor-{user}",
                kind="purchase",
                time=BEGINNING + timedelta(days=step, minutes=user),
                source="testsite.product",
            )


def comparing_texts(base: ModelVersion, **weights: float) -> ModelVersion:
    """The same version with a blend of these weights in every scenario, stored as a training does, and live."""
    trained = load_version(base)
    items, _ = read_items(trained.item_ids.tolist())
    texts = pack(trained.features.similarity(items))
    blends = {name: Blend(weights, decay=0.7).to_json() for name in trained.artifact.config["blends"]}
    config = {**trained.artifact.config, "blends": blends, "texts": texts.shape[1]}
    made = replace(trained, artifact=replace(trained.artifact, config=config), texts=texts)
    version = ModelVersion.objects.create(kind="base", status="ready", encoder=base.encoder)
    _store(version, made, lambda step, done, total: None)
    version.publish(Scenario.objects.all())
    live.reset()
    return version
