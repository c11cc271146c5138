"""What pruning takes and what it leaves."""

from __future__ import annotations

import pytest

from mtrec_django import jobs
from mtrec_django.models import Arm, Experiment, ModelVersion, Run, Scenario
from mtrec_django.retrieval import store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def keep_one(settings) -> None:
    settings.MTREC = {"KEEP_VERSIONS": 1}
    Scenario.objects.all().delete()
    Scenario.objects.create(name="home", goal={"purchase": 1})


def base(**changes: object) -> ModelVersion:
    version = ModelVersion.objects.create(**{"kind": "base", "status": "ready"} | changes)
    store.create(version.pk)
    store.attach(version.pk)
    version.add_file("artifact", b"of a test")
    return version


def status(version: ModelVersion) -> str:
    return ModelVersion.objects.get(pk=version.pk).status


def test_the_live_one_its_way_back_and_the_newest_stay() -> None:
    oldest, before, live, lost, newest = (base() for _ in range(5))
    for version in (oldest, before, live):
        version.publish()
    assert jobs.prune(dry_run=True) == [oldest.pk, lost.pk]
    assert store.stored() == {version.pk for version in (oldest, before, live, lost, newest)}
    assert jobs.prune() == [oldest.pk, lost.pk]
    assert store.stored() == {before.pk, live.pk, newest.pk}
    assert status(oldest) == status(lost) == "pruned"
    assert not oldest.files.exists()
    assert before.files.exists()


def test_a_base_stays_while_its_transfer_is_live() -> None:
    one = base()
    home = Scenario.objects.get(name="home")
    transfer = ModelVersion.objects.create(kind="transfer", parent=one, scenario=home, status="ready")
    transfer.publish()
    base()
    assert jobs.prune() == []
    assert status(one) == "ready"


def test_transfers_go_with_their_base() -> None:
    one = base()
    transfer = ModelVersion.objects.create(
        kind="transfer", parent=one, scenario=Scenario.objects.get(name="home"), status="ready"
    )
    transfer.add_file("artifact", b"of a test")
    base()
    jobs.prune()
    assert status(transfer) == "pruned"
    assert not transfer.files.exists()


def test_tables_of_no_version_go() -> None:
    store.create(987_654)
    jobs.prune()
    assert store.stored() == set()


def test_what_is_being_built_stays() -> None:
    building = base(status="building")
    run = Run.objects.create(kind=Run.Kind.TRAIN, version=building)
    run.claim()
    assert jobs.prune() == []
    assert store.stored() == {building.pk}
    run.finish(Run.Status.SUCCEEDED)


def test_pruning_twice_changes_nothing_more() -> None:
    base(), base()
    assert len(jobs.prune()) == 1
    assert jobs.prune() == []


def test_what_an_experiment_serves_stays() -> None:
    one = base()
    home = Scenario.objects.get(name="home")
    experiment = Experiment.objects.create(scenario=home, name="try")
    Arm.objects.create(experiment=experiment, name="old", version=one)
    base(), base()
    experiment.start()
    assert one.pk not in jobs.prune()
    experiment.end()
    assert one.pk in jobs.prune()


def test_a_transfer_that_died_half_built_has_failed() -> None:
    parent = base()
    home = Scenario.objects.get(name="home")
    died = ModelVersion.objects.create(kind="transfer", parent=parent, scenario=home, status="building")
    jobs.prune()
    assert status(died) == "failed"
    assert status(parent) == "ready"
