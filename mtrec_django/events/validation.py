"""What an event must be, said once for single events and for whole histories."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ..exceptions import BadFeedback

KIND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,31}")
CLOCK_SKEW = timedelta(minutes=5)
"""How far ahead another host's clock may be."""


def check_kind(kind: Any) -> str:
    """A kind of event: a word of at most 32 signs."""
    if not isinstance(kind, str) or not KIND.fullmatch(kind):
        raise BadFeedback(_("Kind %(kind)r is no word of at most 32 letters, digits and _ . : -") % {"kind": kind})
    return kind


def check_value(value: Any) -> float | None:
    """A finite number, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | Real):  # numpy's numbers are real ones
        raise BadFeedback(_("Value %(value)r is no number.") % {"value": value})
    try:
        number = float(value)
    except (OverflowError, ValueError):
        number = math.inf
    if not math.isfinite(number):
        raise BadFeedback(_("Value %(value)r is not finite.") % {"value": value})
    return number


def check_time(time: Any) -> datetime:
    """A moment from 1970 until now; without a zone it is the site's."""
    if time is None:
        return timezone.now()
    if not isinstance(time, datetime):
        raise BadFeedback(_("Time %(time)r is no datetime.") % {"time": time})
    if timezone.is_naive(time):
        time = timezone.make_aware(time)
    if time > timezone.now() + CLOCK_SKEW:
        raise BadFeedback(_("Time %(time)s is in the future.") % {"time": time.isoformat()})
    if time < datetime(1970, 1, 1, tzinfo=UTC):
        raise BadFeedback(_("Time %(time)s is before 1970.") % {"time": time.isoformat()})
    return time


def storable(text: str) -> str:
    """Text that Postgres takes: no NUL, no half of a surrogate pair."""
    return text if text.isascii() and "\x00" not in text else text.encode(errors="replace").decode().replace("\x00", "")


def check_basket(basket: Any) -> str:
    """The name of an order or a visit: text of at most 64 signs."""
    text = str(basket)
    if len(text) > 64 or storable(text) != text:
        raise BadFeedback(_("Basket %(basket)r is no text of at most 64 signs.") % {"basket": text})
    return text
