"""Candidates that go with an item: like the one on the page, like the one viewed last, bought with what was met."""

from __future__ import annotations

import numpy as np
from django.utils.translation import gettext_lazy as _

from . import store
from .candidates import Ask, CandidateSource, gathered
from .statement import Fragment, compose, literal

SIMILAR = "similar"
VIEWED = "viewed"
BOUGHT = "bought"


class Similar(CandidateSource):
    """The nearest items to the one on the page."""

    name = SIMILAR
    reason = _("Similar")
    reason_with = _("Similar to {item}")
    scored = True
    whole = True

    def select(self, ask: Ask) -> Fragment | None:
        return _near(ask, 0, self.limit) if ask.on_page else None


class Viewed(CandidateSource):
    """The nearest items to the one that the visitor met last, the page's own aside."""

    name = VIEWED
    reason = _("Because of what you viewed")
    reason_with = _("Because you viewed {item}")
    scored = True
    whole = True

    def select(self, ask: Ask) -> Fragment | None:
        return _near(ask, int(ask.on_page), self.limit)


class Bought(CandidateSource):
    """What is bought together with the items of the history, by the site's own orders."""

    name = BOUGHT
    reason = _("Often bought together")
    reason_with = _("Often bought with {item}")
    scored = True
    whole = True

    def select(self, ask: Ask) -> Fragment | None:
        if not len(ask.history):
            return None
        return ask.first(gathered(Fragment("mtrec_itempartners as n"), ask), self.limit, scored=True)


def _near(ask: Ask, position: int, limit: int) -> Fragment | None:
    """The nearest to one item of the history; nothing where its place is not known."""
    if ask.version_id is None or ask.vectors is None or position >= len(ask.vectors):
        return None
    if not np.isfinite(ask.vectors[position]).all():
        return None
    return compose(
        "select {row}, 1 - {distance} as strength, {position} as partner from {pool} where {where}"
        " order by {distance} limit {limit}",
        row=ask.row,
        distance=store.distance(Fragment("v.vector"), ask.vectors[position]),
        position=Fragment(str(position)),
        pool=ask.pool,
        where=ask.where,
        limit=literal(limit),
    )
