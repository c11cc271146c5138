"""What every page of the shop shows: shelves for the menu, and how much is in the basket."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from .basket import Basket
from .models import Category


def shop(request: HttpRequest) -> dict[str, Any]:
    """Shelves and basket, fetched only where a template asks."""
    return {
        "shelves": SimpleLazyObject(lambda: list(Category.objects.all())),
        "basket_size": SimpleLazyObject(lambda: len(Basket(request.session)) if hasattr(request, "session") else 0),
    }
