"""Why an item is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mtrec_django.inference.blend import Blend
from mtrec_django.retrieval.found import Candidates
from mtrec_django.retrieval.ranking import rank
from mtrec_django.serving.query import History
from mtrec_django.serving.reasons import Reason, explain

from .world import direction

HISTORY = History(
    items=(7, 8),
    kinds=("view", "purchase"),
    titles=("Tea", "Cup"),
    ages=(1.0, 2.0),
    here=(True, True),
    vectors=np.stack([direction(0), direction(1)]),
)


def candidates(**features: list[float]) -> Candidates:
    """Three: like the newest of the history, like the older one, and like neither."""
    every = {name: [0.0] * 3 for name in ("personal", "together", "popular", "fresh")} | features
    return Candidates(
        items=np.arange(3),
        labels=["a.b"] * 3,
        object_ids=["0", "1", "2"],
        found_by=[frozenset({"popular"}), frozenset({"personal"}), frozenset()],
        features={name: np.array(values, np.float32) for name, values in every.items()},
        trending=np.array([1, 0, 0], np.float32),
        days=np.zeros(3),
        partners={"together": np.array([1, 0, -1])},
        vectors=np.stack([direction(0), direction(1), direction(2)]),
        categories=[{}] * 3,
        marks=np.empty((3, 0), np.bool_),
    )


def reasons(
    found: Candidates,
    blend: Blend | None,
    history: History = HISTORY,
    on_page: int | None = None,
    pulls: np.ndarray | None = None,
) -> list[Reason]:
    """By default each event moves the query the whole way to its item."""
    ranking, moved = rank(found, blend), history.vectors if pulls is None else pulls
    return [explain(found, ranking, at, history, lambda: moved, on_page=on_page) for at in range(3)]


def test_the_item_of_the_history_that_adds_most() -> None:
    found = candidates(personal=[0.9, 0.5, 0.1])
    first, second, _third = reasons(found, Blend({"personal": 1.0}))
    assert str(first.sentence) == "Because you viewed Tea"
    assert str(second.sentence) == "Because you bought Cup"
    first, second, _third = reasons(found, Blend({"personal": 1.0}), on_page=7)
    assert str(first.sentence) == "Similar to Tea"
    assert str(second.sentence) == "Because you bought Cup"


def test_not_the_item_most_like_it_where_that_one_is_hardly_heeded() -> None:
    found = candidates(personal=[0.9, 0.5, 0.1])
    heeded = np.stack([0.01 * direction(0), direction(1) + 0.5 * direction(0) - direction(2)])
    first, second, third = reasons(found, Blend({"personal": 1.0}), pulls=heeded)
    assert (first.because, second.because) == ("Cup", "Cup")
    assert third == Reason("personal")  # both speak against it


def test_what_was_met_before_is_shown_for_that() -> None:
    found = candidates(together=[0.0, 3.0, 0.0])
    assert reasons(found, Blend({"together": 1.0}), replace(HISTORY, items=(1, 0)))[1] == Reason("again", kind="view")
    found, history = candidates(personal=[0.9, 0.5, 0.1]), replace(HISTORY, items=(0, 1))
    assert reasons(found, Blend({"personal": 1.0}), history)[1] == Reason("again", kind="purchase")
    assert str(Reason("again", kind="purchase").sentence) == "You bought this before"
    assert str(Reason("again", kind="view").sentence) == "You looked at this before"


def test_nothing_is_asked_where_another_feature_lifts_most() -> None:
    found = candidates(popular=[0, 5, 9])
    ranking = rank(found, Blend({"popular": 1.0}))
    assert explain(found, ranking, 2, HISTORY, lambda: pytest.fail("asked")).source == "popular"


def test_the_feature_that_lifts_most() -> None:
    found = candidates(personal=[0.0, 0.1, 0.9], together=[5, 0, 0], popular=[0, 5, 0])
    blend = Blend({"personal": 1.0, "together": 1.0, "popular": 1.0})
    assert [reason.source for reason in reasons(found, blend)] == ["together", "popular", "personal"]
    assert str(reasons(found, blend)[0].sentence) == "Often chosen with Cup"


def test_an_item_the_version_does_not_know_is_passed_over() -> None:
    unknown = replace(HISTORY, vectors=np.stack([np.full(64, np.nan, np.float32), direction(1)]))
    first, second, _third = reasons(candidates(personal=[0.9, 0.5, 0.1]), Blend({"personal": 1.0}), unknown)
    assert (first.source, first.because) == ("popular", "")
    assert second.because == "Cup"


def test_nobody_known() -> None:
    found = candidates(personal=[0.9, 0.5, 0.1])
    assert [r.source for r in reasons(found, Blend({"personal": 1.0}), History())] == [
        "popular",
        "personal",
        "personal",
    ]


def test_by_counts_alone() -> None:
    assert [reason.source for reason in reasons(candidates(), None)] == ["trending", "new", "new"]


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (Reason("personal", "Tea", "like"), "Because you liked Tea"),
        (Reason("personal", "Tea", "share"), "Because you viewed Tea"),
        (Reason("personal", "", "view"), "Picked for you"),
        (Reason("together", "{item}"), "Often chosen with {item}"),
        (Reason("popular", "Tea"), "Popular"),
        (Reason("trending"), "Popular right now"),
        (Reason("new"), "New"),
        (Reason("a site's own"), "Recommended"),
    ],
)
def test_sentences(reason: Reason, sentence: str) -> None:
    assert str(reason.sentence) == sentence
