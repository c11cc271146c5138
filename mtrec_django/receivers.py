"""What happens by itself: saved objects become items, log-ins merge visitors, migrations write declared scenarios.

Workers that start make what is missing in their broker.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from asgiref.local import Local
from celery.signals import celeryd_after_setup
from django.apps import apps as installed
from django.contrib.auth.signals import user_logged_in
from django.db import connections, router, transaction
from django.db.models import ManyToManyField, Model
from django.db.models.signals import m2m_changed, post_delete, post_migrate, post_save

from .broker import prepare
from .catalog.item_source import ItemSource
from .catalog.registry import concrete, sources, when_registered
from .catalog.scenarios import sync_declared
from .catalog.sync import sync_objects
from .conf import get_config
from .events.descriptions import describe
from .events.visitors import merge_at_login
from .locking import untimed
from .models import Scenario, Visitor
from .queueing import send_light
from .tasks import encode

logger = logging.getLogger(__name__)

_state = Local()


def connect() -> None:
    """Listen: only to models that are registered, now or later. Twice is as once."""
    when_registered(_listen)
    user_logged_in.connect(_merge, dispatch_uid="mtrec.merge")
    celeryd_after_setup.connect(_worker_starts, dispatch_uid="mtrec.worker")
    post_migrate.connect(_declare, sender=installed.get_app_config("mtrec"), dispatch_uid="mtrec.declare")


@contextmanager
def skip_sync() -> Iterator[None]:
    """Leave saves and deletes inside to the next sync: for bulk work, in this thread only."""
    before = getattr(_state, "skipped", False)
    _state.skipped = True
    try:
        yield
    finally:
        _state.skipped = before


def _listen(source: ItemSource) -> None:
    for model in _family(source.model):
        post_save.connect(_saved, sender=model, dispatch_uid="mtrec.sync")
        post_delete.connect(_saved, sender=model, dispatch_uid="mtrec.sync")
    named = {entry.split("__")[0] for _, entry in source.entries() if isinstance(entry, str)}
    for field in source.model._meta.get_fields():
        if isinstance(field, ManyToManyField) and field.name in named:
            m2m_changed.connect(_tied, sender=field.remote_field.through, dispatch_uid="mtrec.sync")


def _family(model: type[Model]) -> list[type[Model]]:
    """A model with its proxies and children: a save of any of them is a save of it, under another sender."""
    return [each for each in installed.get_models(include_auto_created=True) if issubclass(each, concrete(model))]


def _saved(sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    _remember(sender, [instance.pk], using)


def _tied(sender: type[Model], instance: Model, action: str, reverse: bool, model: type[Model], **kwargs: Any) -> None:
    """Tags were set or taken away. From the other side (`tag.products.clear()`) it is left to the next sync."""
    if not action.startswith("post_"):
        return
    if reverse:
        _remember(model, list(kwargs.get("pk_set") or []), kwargs["using"])
    else:
        _remember(type(instance), [instance.pk], kwargs["using"])


def _remember(model: type[Model], pks: list[Any], using: str) -> None:
    """Note what to sync after the commit; many saves of one transaction are one sync."""
    if getattr(_state, "skipped", False) or not get_config().SYNC_ON_COMMIT:
        return
    labels = [source.label for source in sources().values() if issubclass(model, concrete(source.model))]
    objects = {(label, pk) for label in labels for pk in pks}
    batch = _open_batch(using)
    if batch is not None:
        batch.update(objects)
    elif objects:
        transaction.on_commit(_Batch(objects).flush, using=using, robust=True)


class _Batch(set[tuple[str, Any]]):
    """What was saved one after the other, by label and primary key: synced together."""

    def flush(self) -> None:
        objects = list(self)
        self.clear()  # nothing more may be added: what is empty is not open
        texts = 0
        for label in {label for label, _ in objects} & sources().keys():
            texts += sync_objects(label, [pk for other, pk in objects if other == label]).texts
        if texts:
            send_light(encode)


def _open_batch(using: str) -> _Batch | None:
    """The batch that the transaction's last hook will flush, unless a savepoint began or ended since.

    A savepoint that is rolled back takes its batch along, since nothing but the hook holds it.
    """
    connection = connections[using]
    if not connection.run_on_commit:
        return None
    savepoints, hook = connection.run_on_commit[-1][:2]
    batch = getattr(hook, "__self__", None)
    return batch if isinstance(batch, _Batch) and batch and savepoints == set(connection.savepoint_ids) else None


def _merge(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    if request is not None:
        merge_at_login(request, user)
    if get_config().DESCRIBE_USER and (visitor := Visitor.objects.filter(user_id=user.pk).first()):
        visitor.user = user
        describe(visitor)


def _declare(using: str, apps: Any = installed, **kwargs: Any) -> None:
    """After migrate, unless it went back to before these columns or this database has no such table."""
    if not router.allow_migrate_model(using, Scenario):
        return
    try:
        migrated = apps.get_model("mtrec", "Scenario")
    except LookupError:
        return
    if {field.name for field in Scenario._meta.fields} <= {field.name for field in migrated._meta.fields}:
        sync_declared(using)


def _worker_starts(instance: Any, **kwargs: Any) -> None:
    """Several may start at once, and only here is it always known in which pool tasks will be."""
    pool = f"{instance.pool_cls.__module__}:{instance.pool_cls.__name__}"
    if untimed(pool):
        logger.warning("mtrec: no task of this worker has a time limit, as its pool is %s", pool)
    app = instance.app
    with app.connection_for_read() as connection, suppress(*connection.connection_errors):  # Celery itself tries again
        prepare(connection, app.amqp.queues.consume_from)
