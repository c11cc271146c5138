"""Who is in which arm: the same each time, evenly spread, and known to what was shown."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mtrec_django.events.tracking import track
from mtrec_django.models import Arm, Experiment, Recommendation, Visitor
from mtrec_django.serving import live
from mtrec_django.serving.recommendations import log_shown
from mtrec_django.serving.recommender import recommend, recommend_for
from mtrec_django.serving.splitting import Split, Trial, draw
from tests.site.making import make_request

from .world import World

VISITORS = [f"user {number}" for number in range(20_000)]


def split(*shares: float, salt: str = "s", traffic: float = 100.0, **changes: Any) -> Split:
    trials = [Trial(f"arm{at}", share, None, {}, False, False) for at, share in enumerate(shares)]
    return Split(
        **{"salt": salt, "traffic": traffic, "begins": 0.0, "ends": float("inf"), "trials": tuple(trials)} | changes
    )


def off(observed: int, expected: float) -> float:
    """By how many standard deviations a binomial count of all visitors is off."""
    share = expected / len(VISITORS)
    return abs(observed - expected) / (len(VISITORS) * share * (1 - share)) ** 0.5


def test_a_visitor_stays_in_his_arm() -> None:
    # Numbers written down once: another hash would move every visitor of every running experiment.
    assert draw("s", "user 1") == pytest.approx(0.29019392809906397)
    assert draw("s", "guest 2") == pytest.approx(0.5089854631202945)
    one = split(1, 1)
    assert [one.arm_of(who) for who in VISITORS[:50]] == [one.arm_of(who) for who in VISITORS[:50]]


def test_arms_are_filled_by_their_shares() -> None:
    counts = Counter(split(1, 2, 5).arm_of(who) for who in VISITORS)
    for name, share in (("arm0", 1 / 8), ("arm1", 2 / 8), ("arm2", 5 / 8)):
        assert off(counts[name], len(VISITORS) * share) < 4


def test_draws_are_uniform() -> None:
    tenths = Counter(int(10 * draw("s", who)) for who in VISITORS)
    assert set(tenths) == set(range(10))
    assert all(off(count, len(VISITORS) / 10) < 4 for count in tenths.values())


def test_two_experiments_split_independently() -> None:
    both = Counter((split(1, 1, salt="x").arm_of(who), split(1, 1, salt="y").arm_of(who)) for who in VISITORS)
    assert all(off(count, len(VISITORS) / 4) < 4 for count in both.values())


def test_more_traffic_moves_nobody() -> None:
    some, all_of_them = split(1, 1, traffic=20.0), split(1, 1)
    taken = [who for who in VISITORS if some.arm_of(who)]
    assert off(len(taken), len(VISITORS) / 5) < 4
    assert all(some.arm_of(who) == all_of_them.arm_of(who) for who in taken)


def test_an_arm_that_was_stopped_moves_nobody_else() -> None:
    before = split(1, 1, 1)
    first, _second, third = before.trials
    after = split(1, trials=(first, Trial("arm1", 1, None, {}, False, True), third))
    moved = [(before.arm_of(who), after.arm_of(who)) for who in VISITORS if before.arm_of(who) != after.arm_of(who)]
    assert set(moved) == {("arm1", "")}


def test_before_its_time_and_after_it_nobody_is_in() -> None:
    timed = split(1, begins=100.0, ends=200.0)
    assert [timed.arm_of("user 1", now=at) for at in (99.0, 100.0, 199.0, 200.0)] == ["", "arm0", "arm0", ""]


def begin(world: World, **arms: dict[str, Any]) -> Experiment:
    """An experiment whose first arm is the control, running."""
    experiment = Experiment.objects.create(scenario=world.scenario, name="try")
    for at, (name, fields) in enumerate(arms.items()):
        Arm.objects.create(**{"experiment": experiment, "name": name, "role": "variant" if at else "control"} | fields)
    experiment.start()
    return experiment


@pytest.fixture
def trained(world: World) -> World:
    """A second version, live since; the first is what a variant shows."""
    world.first = world.version  # type: ignore[attr-defined]
    world.publish()
    return world


def test_each_arm_is_served_by_its_own_version_and_says_so(trained: World) -> None:
    begin(trained, now={}, before={"version": trained.first})  # type: ignore[attr-defined]
    versions = {"now": trained.version.pk, "before": trained.first.pk}  # type: ignore[attr-defined]
    seen = set()
    for _ in range(12):
        visitor = trained.visitor((2, 0))
        answer = recommend_for(visitor, "world", 3)
        assert answer.version == versions[answer.arm]
        log_shown(answer)
        shown = Recommendation.objects.get(pk=answer.id)
        assert (shown.arm, shown.version_id, shown.visitor) == (answer.arm, answer.version, visitor)
        assert recommend_for(visitor, "world", 3).arm == answer.arm
        seen.add(answer.arm)
    assert seen == {"now", "before"}


def test_an_arm_changes_rules_and_sources(world: World) -> None:
    world.score(5, 0, popular=9)
    begin(world, plain={"share": 1}, counted={"share": 1000, "options": {"candidates": ["popular"]}})
    visitor = next(
        v for v in (world.visitor((2, 0)) for _ in range(20)) if recommend_for(v, "world", 1).arm == "counted"
    )
    assert recommend_for(visitor, "world", 1)[0] == world.product(5, 0)


def test_a_holdout_gets_no_model(world: World) -> None:
    begin(world, control={"share": 1}, out={"share": 1000, "role": "holdout"})
    answers = [recommend_for(world.visitor((2, 0)), "world", 3) for _ in range(5)]
    assert {answer.version for answer in answers if answer.arm == "out"} == {None}


def test_who_cannot_be_told_again_takes_part_in_nothing(world: World) -> None:
    begin(world, control={}, variant={})
    assert recommend_for(None, "world", 3).arm == ""
    request = make_request()
    assert recommend(request, "world", 3).arm == ""
    track(request, "view", world.product(1, 0))  # the session has a key from now on
    assert recommend(request, "world", 3).arm in {"control", "variant"}


def test_a_request_and_its_visitor_are_in_one_arm(world: World) -> None:
    begin(world, control={}, variant={})
    for number in range(4):
        user = get_user_model().objects.create(username=f"u{number}")
        assert (
            recommend(make_request(user), "world", 1).arm
            == recommend_for(Visitor.objects.create(user=user), "world", 1).arm
        )


def test_a_guest_behind_a_keyed_hash_is_in_the_arm_of_his_row(world: World, settings: Any) -> None:
    settings.MTREC = {"VISITOR_KEYS": ["a secret"]}
    begin(world, control={}, variant={})
    for _ in range(4):
        request = make_request()
        track(request, "view", world.product(1, 0))
        row = Visitor.objects.latest("pk")
        assert recommend(request, "world", 1).arm == recommend_for(row, "world", 1).arm


def test_an_experiment_costs_no_query(world: World) -> None:
    visitor = world.visitor((2, 0))
    recommend_for(visitor, "world", 3)
    before = queries(visitor)
    begin(world, control={}, variant={})
    recommend_for(visitor, "world", 3)
    assert queries(visitor) == before <= 4


def queries(visitor: Visitor) -> int:
    with CaptureQueriesContext(connection) as caught:
        recommend_for(visitor, "world", 3)
    return len(caught)


def test_other_processes_hear_of_a_start_and_an_end(world: World, settings: Any) -> None:
    settings.MTREC = {"VERSION_POLL_SECONDS": 0.0}
    visitor = world.visitor((2, 0))
    recommend_for(visitor, "world", 1)
    experiment = begin(world, control={})
    assert recommend_for(visitor, "world", 1).arm == "control"
    Experiment.objects.filter(pk=experiment.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    assert recommend_for(visitor, "world", 1).arm == ""


def test_an_arm_whose_version_cannot_be_served_is_left_out(world: World) -> None:
    broken = world.version
    world.publish()
    broken.files.update(sha256="0" * 64)
    begin(world, control={"share": 1}, broken={"share": 1000, "version": broken})
    answers = [recommend_for(world.visitor((2, 0)), "world", 3) for _ in range(5)]
    assert {answer.arm for answer in answers} <= {"", "control"}
    assert all(answer.version == world.version.pk for answer in answers)
    assert live.scenario("world").failed
