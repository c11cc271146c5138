"""Lists that could be given: by another version, as of an earlier moment."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mtrec_django.exceptions import NotRegistered
from mtrec_django.models import Arm, Experiment, Feedback, Recommendation
from mtrec_django.serving import live
from mtrec_django.serving.recommender import recommend_for, rehearse

from .world import World


def test_another_version_answers_and_what_is_live_stays(world: World) -> None:
    first = world.version
    world.publish()
    visitor = world.visitor((2, 0))
    assert rehearse(visitor, "world", 3).version == world.version.pk
    old = rehearse(visitor, "world", 3, version=first.pk)
    assert old.version == first.pk
    assert set(world.topics_of(old)) == {2}
    assert recommend_for(visitor, "world", 3).version == world.version.pk
    assert not Recommendation.objects.exists()


def test_as_of_an_earlier_moment(world: World) -> None:
    visitor = world.visitor((2, 0), (5, 0))
    world.scenario.exclude = ["purchase"]
    world.scenario.save()
    between = Feedback.objects.filter(visitor=visitor).latest("time").time
    Feedback.objects.create(visitor=visitor, item=world.item(2, 1), kind="purchase")
    now = [product.pk for product in rehearse(visitor, "world", 6)]
    then = rehearse(visitor, "world", 6, until=between)
    assert world.product(2, 1).pk not in now
    assert then[0].pk in {world.product(2, 0).pk, world.product(2, 1).pk}
    assert world.product(2, 1) in then  # not bought yet
    assert set(world.topics_of(then)) == {2}  # nothing was known of topic 5
    assert set(world.topics_of(rehearse(visitor, "world", 3, until=timezone.now() - timedelta(days=1)))) != {2}


def test_no_experiment_has_a_say(world: World) -> None:
    experiment = Experiment.objects.create(scenario=world.scenario, name="try")
    Arm.objects.create(experiment=experiment, name="none", role="holdout")
    experiment.start()
    visitor = world.visitor((2, 0))
    assert recommend_for(visitor, "world", 3).arm == "none"
    answer = rehearse(visitor, "world", 3)
    assert (answer.arm, answer.version) == ("", world.version.pk)


def test_a_version_that_cannot_be_served_is_answered_for_by_counts(world: World) -> None:
    broken = world.version
    world.publish()
    broken.files.update(sha256="0" * 64)
    answer = rehearse(world.visitor((2, 0)), "world", 3, version=broken.pk)
    assert (answer.version, len(answer)) == (None, 3)
    assert live.scenario("world").version_id == world.version.pk


def test_an_unknown_scenario(world: World) -> None:
    with pytest.raises(NotRegistered):
        rehearse(None, "nowhere", version=world.version.pk)
