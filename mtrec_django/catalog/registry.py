"""Which models of the site are items, and how each is described."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db.models import Model

from ..exceptions import AlreadyRegistered, NotRegistered
from .item_source import ItemSource

S = TypeVar("S", bound=type[ItemSource])

_sources: dict[str, ItemSource] = {}
_listeners: list[Callable[[ItemSource], None]] = []


def register(model: type[Model]) -> Callable[[S], S]:
    """Class decorator: `@register(Product) class Products(ItemSource)`. Raises AlreadyRegistered the second time."""
    if model._meta.abstract:
        raise ValueError(f"{model._meta.label} is abstract and has no rows; register its children.")

    def decorate(source_class: S) -> S:
        source = source_class(model)
        if source.label in _sources:
            raise AlreadyRegistered(f"{model._meta.label} is registered already, by {_sources[source.label]!r}.")
        _sources[source.label] = source
        for listener in _listeners:
            listener(source)
        return source_class

    return decorate


def unregister(model: type[Model]) -> None:
    """Forget a model. Its items stay."""
    if _sources.pop(model._meta.label_lower, None) is None:
        raise NotRegistered(f"{model._meta.label} is not registered.")


def sources() -> dict[str, ItemSource]:
    """Every source by its label, in the order of registration."""
    return dict(_sources)


def source_for(key: type[Model] | Model | str) -> ItemSource:
    """The source of a model, an instance or a label ("shop.Product"); a proxy or a child finds its parent's."""
    if isinstance(key, str):
        if found := _sources.get(key.lower()):
            return found
        raise NotRegistered(f"No source {key!r}; registered are {sorted(_sources)}.")
    model = key if isinstance(key, type) else type(key)
    for candidate in model.__mro__:
        options = getattr(candidate, "_meta", None)
        if options and (found := _sources.get(options.label_lower)):
            return found
    for source in _sources.values():  # registered as a proxy, asked for by its concrete model
        if concrete(source.model) is concrete(model):
            return source
    raise NotRegistered(f"{model._meta.label} is not registered; registered are {sorted(_sources)}.")


def sources_of(source_class: type[ItemSource]) -> list[ItemSource]:
    """The sources a class was registered as: one for each model."""
    return [source for source in _sources.values() if type(source) is source_class]


def concrete(model: type[Model]) -> type[Model]:
    """The model with the table: a proxy's parent, or the model itself."""
    return model._meta.concrete_model or model


def when_registered(listener: Callable[[ItemSource], None]) -> None:
    """Call `listener` for every source there is and every one to come."""
    if listener not in _listeners:
        _listeners.append(listener)
    for source in _sources.values():
        listener(source)
