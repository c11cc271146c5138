"""A world whose right answers are known: topics at right angles, and an encoder that asks for what was met last."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from django.utils import timezone

from mtrec_django.conf import DIM, HISTORY_LENGTH
from mtrec_django.inference.artifact import Artifact
from mtrec_django.inference.blend import Blend
from mtrec_django.inference.query import AGE_BUCKETS
from mtrec_django.inference.texts import pack
from mtrec_django.models import Feedback, Item, ItemScore, ModelVersion, Scenario, Visitor
from mtrec_django.retrieval import store
from tests.site.models import Product

Floats = npt.NDArray[np.float32]

KINDS = ["view", "cart", "purchase"]
TOPICS = DIM // 2
SHARE = 0.5
"""How much the mean of the history counts beside its newest event."""


def direction(topic: int) -> Floats:
    """The unit vector of a topic; its mean is 0, so that layer norms keep its direction. [dim]"""
    vector = np.zeros(DIM, np.float32)
    vector[2 * topic], vector[2 * topic + 1] = 1, -1
    return vector / np.float32(np.sqrt(2))


def near(topic: int, rank: int, other: int) -> Floats:
    """The vector of the item that is `rank`-th nearest to its topic, leaning towards another. [dim]"""
    vector = direction(topic) + np.float32(0.02 * rank) * direction(other)
    return vector / np.linalg.norm(vector)


def artifact(**blends: Blend) -> Artifact:
    """A base whose query is the newest event's vector, plus some of the mean of all."""
    one, zero = np.ones(DIM, np.float32), np.zeros(DIM, np.float32)
    square = np.zeros((DIM, DIM), np.float32)
    eye = np.eye(DIM, dtype=np.float32)
    arrays = {
        "empty": direction(TOPICS - 1),
        "kind": np.zeros((len(KINDS) + 1, DIM), np.float32),
        "qkv": np.concatenate([square, square, eye], axis=1),
        "position": np.zeros((2, HISTORY_LENGTH), np.float32),
        "age": np.zeros((2, AGE_BUCKETS), np.float32),
        "here": np.zeros(2, np.float32),
        "out": eye * np.float32(SHARE),
        "up": np.zeros((DIM, 2 * DIM), np.float32),
        "up_bias": np.zeros(2 * DIM, np.float32),
        "down": np.zeros((2 * DIM, DIM), np.float32),
        "down_bias": zero,
    }
    for norm in ("in", "attention", "mlp", "out"):
        arrays |= {f"norm_{norm}.weight": one, f"norm_{norm}.bias": zero}
    config = {
        "id": "world",
        "kinds": KINDS,
        "heads": 2,
        "length": HISTORY_LENGTH,
        "blends": {name: blend.to_json() for name, blend in blends.items()},
    }
    return Artifact("base", config, {f"query.{name}": array for name, array in arrays.items()})


ALONE = Blend({"personal": 1.0})


@dataclass
class World:
    """Products by topic, their items, a scenario and its live version."""

    topics: int = 8
    depth: int = 10
    blend: Blend = field(default_factory=lambda: ALONE)
    products: list[Product] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    vectors: Floats = field(default_factory=lambda: np.empty((0, DIM), np.float32))
    scenario: Scenario = None  # type: ignore[assignment]
    version: ModelVersion = None  # type: ignore[assignment]

    def build(self) -> World:
        """Write it all to the database."""
        count = self.topics * self.depth
        self.products = Product.objects.bulk_create(
            [Product(sku=f"t{row // self.depth}-{row % self.depth}", title=self.title(row)) for row in range(count)]
        )
        self.items = Item.objects.bulk_create(
            [Item(source="testsite.product", object_id=str(one.pk), title=one.title) for one in self.products]
        )
        self.vectors = np.stack(
            [near(row // self.depth, row % self.depth, (row // self.depth + 1) % TOPICS) for row in range(count)]
        )
        self.scenario = Scenario.objects.create(
            name="world", title="For you", sources=["testsite.product"], goal={"view": 1, "purchase": 5}
        )
        self.version = self.publish()
        return self

    def title(self, row: int) -> str:
        return f"Product {row // self.depth}.{row % self.depth}"

    def publish(
        self,
        *,
        neighbours: dict[int, list[int]] | None = None,
        data: bytes | None = None,
        texts: Floats | None = None,
    ) -> ModelVersion:
        """A new base version of the same vectors, live; `texts` is what is written on the items. [items, width]"""
        version = ModelVersion.objects.create(kind="base", status="ready", items=len(self.items))
        store.create(version.pk)
        vectors = zip((item.pk for item in self.items), self.vectors, strict=True)
        store.load_vectors(version.pk, vectors, None if texts is None else pack(texts))
        rows = [
            (self.items[row].pk, [self.items[o].pk for o in others], [1.0 / (1 + at) for at in range(len(others))])
            for row, others in (neighbours or {}).items()
        ]
        store.load_neighbours(version.pk, rows)
        store.index(version.pk)
        store.attach(version.pk)
        made = artifact(world=self.blend)
        made.config["texts"] = 0 if texts is None else texts.shape[1]
        version.add_file("artifact", data if data is not None else made.to_bytes())
        version.publish([self.scenario])
        self.scenario.refresh_from_db()
        self.version = version
        return version

    def row(self, topic: int, rank: int) -> int:
        return topic * self.depth + rank

    def product(self, topic: int, rank: int) -> Product:
        return self.products[self.row(topic, rank)]

    def item(self, topic: int, rank: int) -> Item:
        return self.items[self.row(topic, rank)]

    def topics_of(self, objects: list[Any]) -> list[int]:
        """The topic of each product."""
        return [int(one.sku[1:].split("-")[0]) for one in objects]

    def visitor(self, *met: tuple[int, int], kind: str = "view", **fields: Any) -> Visitor:
        """A visitor who met these items, (topic, rank), the last one last."""
        visitor = Visitor.objects.create(**fields)
        now = timezone.now()
        Feedback.objects.bulk_create(
            [
                Feedback(visitor=visitor, item=self.item(*one), kind=kind, time=now - timedelta(minutes=len(met) - at))
                for at, one in enumerate(met)
            ]
        )
        return visitor

    def score(self, topic: int, rank: int, *, popular: float, trending: float = 0.0) -> None:
        ItemScore.objects.create(
            scenario=self.scenario, item=self.item(topic, rank), count=popular, popular=popular, trending=trending
        )
