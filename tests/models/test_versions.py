"""Publishing: one row update a scenario, a way back, and refusals in words."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from mtrec_django.exceptions import NotPublishable
from mtrec_django.models import ModelVersion, Scenario, roll_back, versions
from mtrec_django.signals import version_published

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def scenarios() -> None:
    Scenario.objects.all().delete()
    for name in ("home", "basket"):
        Scenario.objects.create(name=name, goal={"purchase": 1})


def base(**changes: object) -> ModelVersion:
    return ModelVersion.objects.create(**{"kind": "base", "status": "ready"} | changes)


def child(parent: ModelVersion, scenario: str, **changes: object) -> ModelVersion:
    place = Scenario.objects.get(name=scenario)
    return ModelVersion.objects.create(
        **{"kind": "transfer", "status": "ready", "parent": parent, "scenario": place} | changes
    )


def live() -> dict[str, int | None]:
    return dict(Scenario.objects.values_list("name", "live_version"))


def test_a_base_goes_live_everywhere_and_a_transfer_in_its_scenario() -> None:
    one = base()
    assert len(one.publish(reason="won")) == 2
    basket = child(one, "basket")
    assert [row.replaced for row in basket.publish()] == [one]
    assert live() == {"home": one.pk, "basket": basket.pk}
    assert basket.base_id == one.base_id == one.pk


def test_publishing_twice_changes_nothing() -> None:
    one = base()
    one.publish()
    assert one.publish() == []


def test_publishing_in_one_scenario_leaves_the_others() -> None:
    one = base()
    one.publish([Scenario.objects.get(name="home")])
    assert live() == {"home": one.pk, "basket": None}


@pytest.mark.parametrize("status", ["building", "failed", "pruned"])
def test_only_what_is_ready_goes_live(status: str) -> None:
    with pytest.raises(NotPublishable, match="only a ready version"):
        base(status=status).publish()


def test_a_transfer_of_a_pruned_base_does_not_go_live() -> None:
    with pytest.raises(NotPublishable):
        child(base(status="pruned"), "home").publish()


def test_a_transfer_does_not_go_live_elsewhere() -> None:
    with pytest.raises(NotPublishable, match="elsewhere"):
        child(base(), "home").publish([Scenario.objects.get(name="basket")])


def test_roll_back_puts_back_what_was_live() -> None:
    one, two = base(), base()
    one.publish()
    two.publish()
    home = Scenario.objects.get(name="home")
    assert roll_back(home).version == one
    assert live() == {"home": one.pk, "basket": two.pk}


def test_roll_back_without_a_past_says_so() -> None:
    with pytest.raises(NotPublishable, match="nothing was live"):
        roll_back(Scenario.objects.get(name="home"))


def test_the_signal_comes_after_commit(django_capture_on_commit_callbacks) -> None:
    heard: list[list[str]] = []

    def listen(*, scenarios: list[str], **kwargs: object) -> None:
        heard.append(sorted(scenarios))

    version_published.connect(listen)
    with django_capture_on_commit_callbacks(execute=True):
        base().publish()
        assert heard == []
    assert heard == [["basket", "home"]]


def test_lineage_is_kept_by_the_database() -> None:
    for wrong in ({"kind": "transfer"}, {"kind": "base", "parent": base()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ModelVersion.objects.create(status="ready", **wrong)


def test_files_carry_their_checksum_and_are_replaced_by_name() -> None:
    version = base()
    version.add_file("artifact", b"one")
    (file,) = version.add_file("artifact", b"two!")
    assert (version.files.count(), file.size) == (1, 4)
    assert len(file.sha256) == 64


def test_a_large_file_is_kept_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "PART_BYTES", 4)
    version = base()
    version.add_file("state", b"0123456789")
    version.add_file("artifact", b"")
    assert [(file.part, bytes(file.data)) for file in version.files.filter(name="state")] == [
        (0, b"0123"),
        (1, b"4567"),
        (2, b"89"),
    ]
    version.add_file("state", b"abc")
    assert [(file.name, file.size) for file in version.files.all()] == [("artifact", 0), ("state", 3)]
