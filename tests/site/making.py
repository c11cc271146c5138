"""What tests of the small site make: objects, requests, sources registered for one test only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.db.models import Model
from django.http import HttpRequest
from django.test import RequestFactory

from mtrec_django import ItemSource
from mtrec_django.catalog.registry import register, source_for, unregister

from .models import Product

_numbers = count(1)


def make_product(**fields: Any) -> Product:
    number = next(_numbers)
    return Product.objects.create(**{"sku": f"sku-{number}", "title": f"Product {number}", **fields})


def make_request(user: Any = None, session: SessionStore | None = None) -> HttpRequest:
    """A request with a session, as the middleware would have made it."""
    request = RequestFactory().get("/")
    request.session = SessionStore() if session is None else session
    request.user = user or AnonymousUser()
    return request


@contextmanager
def registered(model: type[Model], **attributes: Any) -> Iterator[ItemSource]:
    """An item source for as long as the block lasts."""
    register(model)(type("Declared", (ItemSource,), attributes))
    try:
        yield source_for(model._meta.label)
    finally:
        unregister(model)
