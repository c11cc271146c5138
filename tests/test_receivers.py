"""What is saved becomes an item on commit, once, and only then."""

from __future__ import annotations

from typing import Any

import pytest
from celery import Celery
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import m2m_changed, post_delete, post_migrate, post_save
from kombu.exceptions import OperationalError

from mtrec_django import receivers
from mtrec_django.catalog.sync import SourceReport
from mtrec_django.events.tracking import track_visitor
from mtrec_django.models import Item, Scenario, Visitor
from mtrec_django.receivers import connect, skip_sync
from tests.site.making import make_product
from tests.site.models import Article, Brand, Ebook, Product, SpecialProduct, Tag

LABEL = "testsite.product"


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tasks that were handed to the broker."""
    tasks: list[str] = []
    monkeypatch.setattr(receivers, "send_light", lambda task: tasks.append(task.name))
    return tasks


@pytest.fixture
def committed(db: None, django_capture_on_commit_callbacks: Any) -> Any:
    """A block whose end is the commit."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


def titles() -> set[str]:
    return set(Item.objects.filter(available=True).values_list("title", flat=True))


def test_a_save_is_an_item_on_commit_and_its_text_is_queued(committed: Any, queued: list[str]) -> None:
    with committed():
        product = make_product(title="Lamp")
        assert not Item.objects.exists()
    assert titles() == {"Lamp"}
    assert queued == ["mtrec.encode"]
    with committed():
        product.title = "Desk lamp"
        product.save()
    assert titles() == {"Desk lamp"}
    assert len(queued) == 2


def test_what_changes_no_text_queues_nothing(committed: Any, queued: list[str]) -> None:
    with committed():
        product = make_product()
    queued.clear()
    with committed():
        product.stock = 0
        product.save()
    assert titles() == set()
    assert queued == []


def test_many_saves_of_one_transaction_are_one_sync(committed: Any, queued: list[str], monkeypatch: Any) -> None:
    calls: list[tuple[str, set[Any]]] = []
    sync_objects = receivers.sync_objects
    monkeypatch.setattr(
        receivers, "sync_objects", lambda label, pks: calls.append((label, set(pks))) or sync_objects(label, pks)
    )
    with committed():
        products = [make_product() for _ in range(5)]
        products[0].save()
    assert calls == [(LABEL, {product.pk for product in products})]
    assert Item.objects.count() == 5
    assert len(queued) == 1


def test_what_was_rolled_back_is_forgotten(committed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[set[Any]] = []
    monkeypatch.setattr(receivers, "sync_objects", lambda label, pks: calls.append(set(pks)) or SourceReport())
    with committed():
        first = make_product()
        with pytest.raises(RuntimeError), transaction.atomic():
            make_product()
            raise RuntimeError
        with transaction.atomic():
            inner = make_product()
        last = make_product()
    assert calls == [{first.pk}, {inner.pk}, {last.pk}]


def test_a_delete_takes_the_item_out(committed: Any) -> None:
    with committed():
        met, unmet = make_product(title="met"), make_product(title="unmet")
    track_visitor(Visitor.objects.create(), "view", met)
    with committed():
        Product.objects.filter(pk__in=[met.pk, unmet.pk]).delete()
    assert Item.objects.get().title == "met"
    assert titles() == set()


def test_proxies_and_children_count_for_their_parent(committed: Any) -> None:
    with committed():
        SpecialProduct.objects.create(sku="s", title="Special")
        Ebook.objects.create(sku="e", title="E-book")
    assert titles() == {"Special", "E-book"}
    with committed():
        Ebook.objects.all().delete()
    assert titles() == {"Special"}


def test_keys_that_are_no_numbers(committed: Any) -> None:
    with committed():
        article = Article.objects.create(headline="News")
    assert Item.objects.get().object_id == str(article.pk)
    with committed():
        article.delete()
    assert not Item.objects.exists()


def test_tags_from_either_side(committed: Any) -> None:
    tag = Tag.objects.create(name="desk")
    with committed():
        lamp, chair = make_product(title="Lamp"), make_product(title="Chair")
    with committed():
        lamp.tags.add(tag)
    assert Item.objects.get(title="Lamp").categories == {"tags__name": ["desk"]}
    with committed():
        tag.products.add(chair)
        tag.products.remove(lamp)
    assert Item.objects.get(title="Chair").categories == {"tags__name": ["desk"]}
    assert Item.objects.get(title="Lamp").categories == {}
    with committed():
        chair.tags.clear()
    assert Item.objects.get(title="Chair").categories == {}


def test_models_that_are_not_registered_are_not_listened_to(committed: Any) -> None:
    for signal in (post_save, post_delete):
        assert not [r for r in signal._live_receivers(Visitor)[0] if r.__module__ == "mtrec_django.receivers"]
        assert [r for r in signal._live_receivers(Product)[0] if r.__module__ == "mtrec_django.receivers"]
    with committed() as hooks:
        Brand.objects.create(name="Lumen")
        Tag.objects.create(name="desk")
    assert hooks == []


def test_connecting_twice_is_as_once(committed: Any) -> None:
    before = [len(signal.receivers) for signal in (post_save, post_delete, m2m_changed, post_migrate)]
    connect()
    assert [len(signal.receivers) for signal in (post_save, post_delete, m2m_changed, post_migrate)] == before


def test_bulk_work_may_be_left_to_the_next_sync(committed: Any) -> None:
    with committed() as hooks:
        with skip_sync():
            with skip_sync():
                make_product()
            make_product()
        make_product(title="Lamp")
    assert len(hooks) == 1
    assert titles() == {"Lamp"}


def test_a_site_may_switch_it_off(committed: Any, settings: Any) -> None:
    settings.MTREC = {"SYNC_ON_COMMIT": False}
    with committed() as hooks:
        make_product()
    assert hooks == []


def test_a_broker_that_is_down_breaks_nothing(
    committed: Any, monkeypatch: pytest.MonkeyPatch, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.undo()  # the real thing
    monkeypatch.setattr(Celery, "send_task", refuse)
    with committed():
        make_product(title="Lamp")
    assert titles() == {"Lamp"}
    (record,) = [record for record in caplog.records if "broker" in record.getMessage()]
    assert record.levelname == "WARNING"


def test_a_hook_that_fails_does_not_break_the_save(db: None) -> None:
    make_product()
    (_, _, robust) = connection.run_on_commit[-1]
    assert robust


def test_migrate_writes_what_is_declared(db: None) -> None:
    Scenario.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert set(Scenario.objects.values_list("name", flat=True)) >= {"site-home", "site-basket"}


def test_migrating_back_to_nothing_writes_nothing(db: None) -> None:
    class Nothing:
        def get_model(self, *names: str) -> Any:
            raise LookupError

    Scenario.objects.all().delete()
    receivers._declare(using="default", apps=Nothing())
    assert not Scenario.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_a_save_is_caught_up_at_once() -> None:
    product = make_product(title="Lamp")
    assert titles() == {"Lamp"}
    product.delete()
    assert titles() == set()
