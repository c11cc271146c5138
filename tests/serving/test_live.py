"""What a process knows of what is live: noticed soon, never mixed, loaded once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from django.db import OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext

from mtrec_django.conf import get_config
from mtrec_django.exceptions import NotRegistered
from mtrec_django.inference.artifact import Artifact
from mtrec_django.inference.blend import Blend
from mtrec_django.jobs import refresh_scores
from mtrec_django.models import Feedback, ModelVersion, Scenario
from mtrec_django.retrieval import store
from mtrec_django.serving import live
from mtrec_django.serving.recommender import recommend_for

from .world import ALONE, World, artifact, direction


def test_a_scenario_with_its_version(world: World) -> None:
    found = live.scenario("world")
    assert found.version_id == world.version.pk
    assert found.base is not None and found.base.id == world.version.pk
    assert found.blend == ALONE
    assert found.base.sample["testsite.product"].size == 80
    assert found.base.available == 1.0
    assert found.labels == ("testsite.product",)


def test_a_blend_for_a_scenario_that_the_version_never_saw(world: World) -> None:
    Scenario.objects.create(name="late", live_version=world.version)
    assert live.scenario("late").blend == Blend()


def test_scenarios_of_one_base_share_it(world: World) -> None:
    Scenario.objects.create(name="late", live_version=world.version)
    assert live.scenario("late").base is live.scenario("world").base


def test_a_transfer_is_served_with_its_base(world: World) -> None:
    delta = {"down": np.zeros((64, 1), np.float32), "up": np.zeros((1, 64), np.float32), "shift": 100 * direction(6)}
    config = {"base": "world", "alpha": 1.0, "blend": Blend({"personal": 2.0}).to_json()}
    transfer = ModelVersion.objects.create(
        kind="transfer", status="ready", parent=world.version, scenario=world.scenario
    )
    made = Artifact("transfer", config, {f"delta.{name}": array for name, array in delta.items()})
    transfer.add_file("artifact", made.to_bytes())
    visitor = world.visitor((3, 0))
    assert set(world.topics_of(recommend_for(visitor, "world", 4))) == {3}
    world.scenario.live_version = transfer
    world.scenario.save()
    answer = recommend_for(visitor, "world", 4)
    assert set(world.topics_of(answer)) == {6}
    assert answer.version == transfer.pk
    assert live.scenario("world").blend == Blend({"personal": 2.0})


def test_news_ride_along_at_most_so_often(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    visitor = world.visitor((3, 0))
    recommend_for(visitor, "world", 2)

    def asked() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            recommend_for(visitor, "world", 2)
        assert len(queries) == 3
        return [query["sql"] for query in queries if live.asked().text in query["sql"]]

    assert not asked()
    now[0] += 0.9 * get_config().VERSION_POLL_SECONDS
    assert not asked()
    now[0] += 0.2 * get_config().VERSION_POLL_SECONDS
    assert len(asked()) == 1
    assert not asked()


def test_another_process_published(world: World, settings: Any) -> None:
    """Nothing but the row tells of it."""
    settings.MTREC = {"VERSION_POLL_SECONDS": 0}
    visitor = world.visitor((3, 0))
    before = world.version.pk
    assert recommend_for(visitor, "world", 3).version == before
    world.blend = Blend({"personal": -1.0})
    after = world.publish().pk
    answer = recommend_for(visitor, "world", 3)
    assert answer.version == after
    assert 3 not in world.topics_of(answer)
    Scenario.objects.filter(pk=world.scenario.pk).update(live_version=before)  # rolled back
    assert recommend_for(visitor, "world", 3).version == before


def test_counts_are_read_anew_when_they_were_counted_again(world: World, settings: Any) -> None:
    settings.MTREC = {"VERSION_POLL_SECONDS": 0}
    world.blend = Blend({"popular": 1.0})
    world.publish()
    visitor = world.visitor()
    world.visitor((3, 3))  # somebody else, who views it
    refresh_scores()
    assert recommend_for(visitor, "world", 1) == [world.product(3, 3)]
    place = live.scenario("world")
    refresh_scores()  # which changes nothing
    recommend_for(visitor, "world", 1)
    assert live.scenario("world") is place
    for _ in range(2):
        world.visitor((5, 5))
    refresh_scores()
    assert recommend_for(visitor, "world", 1) == [world.product(5, 5)]
    Feedback.objects.all().delete()
    refresh_scores()
    recommend_for(visitor, "world", 1)
    assert len(live.scenario("world").counts.items) == 0


def test_without_counts_the_rest_decides(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(scenario_id: int) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(live, "read_counts", away)
    live.reset()
    assert set(world.topics_of(recommend_for(world.visitor((3, 0)), "world", 3))) == {3}


def test_a_base_no_longer_served_is_let_go(world: World, settings: Any) -> None:
    settings.MTREC = {"VERSION_POLL_SECONDS": 0}
    recommend_for(None, "world", 3)
    after = world.publish().pk
    recommend_for(None, "world", 3)
    assert live._state is not None
    assert set(live._state.bases) == {after}


def test_a_scenario_made_a_moment_ago(world: World) -> None:
    live.scenario("world")
    Scenario.objects.bulk_create([Scenario(name="sudden")])  # no signal
    assert live.scenario("sudden").version_id is None


def test_a_scenario_that_is_not_there(world: World) -> None:
    with pytest.raises(NotRegistered, match="no scenario 'wrold'"):
        live.scenario("wrold")


@pytest.fixture
def committed(transactional_db: None) -> Iterator[World]:
    """A world that other connections see."""
    world = World(topics=4, depth=6).build()
    yield world
    for version in store.stored():
        store.drop(version)


def test_answers_never_mix_versions(committed: World, settings: Any) -> None:
    """Threads ask without pause while two versions take turns whose vectors are each other's opposite."""
    settings.MTREC = {"VERSION_POLL_SECONDS": 0}
    world = committed
    visitor = world.visitor((3, 0), (3, 1))
    upright = world.version
    world.vectors = -world.vectors
    turned = world.publish()
    stop = threading.Event()

    def ask() -> list[tuple[int | None, set[int]]]:
        answers = []
        while not stop.is_set():
            answer = recommend_for(visitor, "world", 5)
            answers.append((answer.version, set(world.topics_of(answer))))
        connections.close_all()
        return answers

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        for turn in range(20):
            (upright, turned)[turn % 2].publish([world.scenario])
            recommend_for(visitor, "world", 5)
        stop.set()
        answers = [answer for thread in asking for answer in thread.result()]
    # In both versions the query is met by what was met: mixed, the opposite topic would come first, or counts would
    assert {version for version, _topics in answers} == {upright.pk, turned.pk}
    assert all(topics == {3} for _version, topics in answers)


def test_a_version_is_loaded_once_by_many_threads(committed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    live.reset()
    loads: list[int] = []
    load = live._load_base

    def counted(base_id: int) -> live.Base:
        loads.append(base_id)
        return load(base_id)

    monkeypatch.setattr(live, "_load_base", counted)
    begin = threading.Barrier(6)

    def ask() -> int | None:
        begin.wait(30)
        try:
            return recommend_for(None, "world", 3).version
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        versions = {thread.result() for thread in [pool.submit(ask) for _ in range(6)]}
    assert versions == {committed.version.pk}
    assert loads == [committed.version.pk]


def test_an_artifact_of_another_width_is_refused(world: World, caplog: pytest.LogCaptureFixture) -> None:
    made = artifact()
    made.arrays["query.norm_in.weight"] = np.ones(32, np.float32)
    world.version.add_file("artifact", made.to_bytes())
    assert live.scenario("world").failed
    assert "no query can be computed" in caplog.text
