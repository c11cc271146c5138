"""Large work in chunks that several workers share: each is done under a lock of its own, by whoever is free."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from ..locking import released
from ..models import locks

Work = Callable[[QuerySet[Any]], None]


def share(outdated: QuerySet[Any], size: int, space: int, work: Work) -> None:
    """Work off what is outdated in ranges of primary keys `size` wide, each under its lock.

    First what nobody is at, then what others were at: when this returns theirs is done too, and what a worker left
    who died meanwhile is done here.

    Args:
        space: first half of the locks.
        work: is given what is outdated in a range, by primary key; nothing may be left of it.
    """
    last, busy = -1, []
    while (pk := outdated.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True).first()) is not None:
        number = pk // size
        last = (number + 1) * size - 1
        if locks.take(number % 2**31, using=outdated.db, space=space):
            _work(outdated, number, size, space, work)
        else:
            busy.append(number)
    for number in busy:
        locks.wait(number % 2**31, using=outdated.db, space=space)
        _work(outdated, number, size, space, work)


def _work(outdated: QuerySet[Any], number: int, size: int, space: int, work: Work) -> None:
    with released(number % 2**31, using=outdated.db, space=space):
        work(outdated.filter(pk__gte=number * size, pk__lt=(number + 1) * size).order_by("pk"))
