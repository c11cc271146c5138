"""System-check messages of this package: each with its id, a hint, and the address of its section in the docs."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage
from django.utils.translation import gettext as _

DOCS = "https://mtrec-django.readthedocs.io/reference/checks/"


def problem(number: str, message: str, hint: str = "", obj: Any = None) -> CheckMessage:
    """An Error for "E001", a Warning for "W001"."""
    kind = checks.Error if number.startswith("E") else checks.Warning
    address = f"See {DOCS}#mtrec-{number.lower()}"
    return kind(message, hint=f"{hint} {address}".strip(), obj=obj, id=f"mtrec.{number}")


def did_you_mean(name: str, choices: Iterable[str]) -> str:
    """A sentence with the nearest choice, or with all of them when none is near."""
    known = sorted(set(choices))
    if near := get_close_matches(name, known, n=1, cutoff=0.6):
        return _("Did you mean %(name)r?") % {"name": near[0]}
    return _("Choices are: %(names)s.") % {"names": ", ".join(known)} if known else ""
