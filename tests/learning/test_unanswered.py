"""What was shown many times in vain is pushed away from those whom it was shown to, and counts for nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from mtrec_django.dataset import NO_SCENARIO, Dataset, Events, Shown
from mtrec_django.learning.artifacts import Trained
from mtrec_django.learning.hearing import hear
from mtrec_django.learning.pretrain import fit, heed
from mtrec_django.learning.run import Run
from mtrec_django.learning.sampling import Sampler, target_weights
from mtrec_django.learning.settings import silent
from mtrec_django.learning.unanswered import MOST_EACH, WEIGHT, both, unanswered

from .worlds import DAY, QUICK, START, WORDS, tastes

COOKS = 1
"""The taste of those who are shown the hit in vain."""
HIT = 0
"""An item of the gardeners, which many of every taste have taken."""


def rows(*told: tuple[int, int, int]) -> Shown:
    """Rows of (user, item, day)."""
    user, item, day = (np.array(column) for column in zip(*told, strict=True))
    places = np.full(len(user), NO_SCENARIO, np.int32)
    return Shown(user.astype(np.int32), item.astype(np.int32), places, START + DAY * day.astype(np.int64))


def with_hit(world: Dataset) -> Dataset:
    """Every visitor but three in four cooks begins with the hit."""
    events, users = world.events, np.arange(len(world.users))
    taken = (users % len(WORDS) != COOKS) | (users // len(WORDS) % 4 == 0)
    first = np.append(True, events.user[1:] != events.user[:-1])
    kept = (events.item != HIT) | first
    item = np.where(first & taken[events.user], HIT, events.item).astype(np.int32)
    return world.with_events(replace(events, item=item)[kept])


def shown_in_vain(world: Dataset) -> Shown:
    """The hit, to every cook who had not taken it, before most of what is known of him happened."""
    cooks = np.arange(COOKS, len(world.users), len(WORDS))
    takers = np.unique(world.events.user[world.events.item == HIT])
    return rows(*((user, HIT, 40) for user in np.setdiff1d(cooks, takers)))


def share_above(trained: Trained, world: Dataset) -> float:
    """Of the cooks to whom it was shown in vain: the mean share of items that stand before the hit."""
    encoder, events = trained.encoder("home"), world.events
    shares = []
    for user in shown_in_vain(world).user:
        rows = np.flatnonzero(events.user == user)[::-1]
        ages = events.time[rows[0]] - events.time[rows] + 60
        query = encoder.encode(trained.vectors[events.item[rows]], events.kind[rows], ages, np.ones(len(rows), bool))
        scores = trained.vectors @ query
        shares.append(np.mean(scores > scores[HIT]))
    return float(np.mean(shares))


def test_a_hit_sinks_for_those_to_whom_it_was_shown_in_vain() -> None:
    world = with_hit(tastes(users=240))
    before = fit(world, settings=QUICK)
    after = fit(replace(world, shown=shown_in_vain(world)), settings=QUICK)
    print(share_above(before, world), share_above(after, world), after.report["unanswered"], before.report["metrics"]["home"]["network"]["ndcg@10"],after.report["metrics"]["home"]["network"]["ndcg@10"])
    assert after.report["unanswered"] == {"shown": 30, "pushed away": True}
    assert share_above(after, world) > share_above(before, world) + 0.1
