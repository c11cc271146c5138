"""Worlds whose right answers are known: visitors stay with one taste, items say which taste they are for."""

from __future__ import annotations

import numpy as np

from mtrec_django.dataset import Dataset, Events, Goal, Items, Labels, Users
from mtrec_django.learning.settings import Settings
from mtrec_django.representation.encoders import HashingEncoder

WORDS = ("garden tools", "kitchen pans", "party candles", "winter gloves", "paper notebooks", "wooden toys")
DAY = 86_400
START = 1_600_000_000

QUICK = Settings(
    epochs=4, batch_tokens=512, max_positions=6000, threads=1, max_queries=150, quick=True, full_softmax_items=500
)


def tastes(*, users: int = 180, per_taste: int = 12, events: int = 14, seed: int = 0, second: bool = False) -> Dataset:
    """Every visitor wants random items of his one taste, one every few days. Item i has taste i % 6.

    With `second` half of the events happen in another scenario over the same items.
    """
    rng = np.random.default_rng(seed)
    items = len(WORDS) * per_taste
    user = np.repeat(np.arange(users), events)
    item = np.concatenate(
        [
            one % len(WORDS) + len(WORDS) * rng.permutation(per_taste)[np.arange(events) % per_taste]
            for one in range(users)
        ]
    )
    time = START + np.sort(rng.integers(0, 100 * DAY, (users, events)), axis=1).ravel()
    goals = [Goal("home", {"view": 1.0, "purchase": 5.0})] + ([Goal("basket", {"purchase": 1.0})] if second else [])
    scenario = rng.integers(0, len(goals), len(user))
    kind = np.where(scenario == 1, 1, 0)
    ints = [column.astype(np.int32) for column in (user, item, kind, scenario)]
    log = Events(*ints, np.full(len(user), np.nan, np.float32), time.astype(np.int64))
    return Dataset(
        catalogue_of(items),
        Users(np.arange(users)),
        log,
        ["view", "purchase"],
        goals,
        np.ones((len(goals), items), bool),
    )


def catalogue_of(items: int) -> Items:
    """Items whose text and label name their taste."""
    texts = [f"{WORDS[item % len(WORDS)]} number {item}" for item in range(items)]
    labels = Labels.from_rows([[WORDS[item % len(WORDS)].split()[0]] for item in range(items)])
    prices = np.where(np.arange(items) % 7 == 0, np.nan, np.arange(items)).astype(np.float32)
    return Items(
        np.arange(100, 100 + items), HashingEncoder(64).encode(texts), {"kind": labels}, {"price": prices}, texts
    )
