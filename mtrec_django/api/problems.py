"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ErrorDetail
from rest_framework.response import Response
from rest_framework.views import exception_handler

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5

OUT_OF_REACH = (OperationalError, InterfaceError)
"""What a database raises that is restarted, overloaded or in a deadlock: nothing was stored, a next try may go well."""


class Unavailable(APIException):
    """The database does not answer."""

    status_code = 503
    default_detail = _("The database does not answer; try again in a moment.")
    default_code = "unavailable"
    wait = RETRY_SECONDS  # becomes Retry-After


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """What REST framework would answer, as `application/problem+json`. Programming errors are not its business."""
    if isinstance(error, OUT_OF_REACH):
        error = Unavailable()
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = problem(response.status_code, response.data)
    response.content_type = MEDIA_TYPE
    return response


def problem(status: int, found: Any) -> dict[str, Any]:
    """REST framework's error data as problem details."""
    answer: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if isinstance(found, dict) and isinstance(found.get("detail"), ErrorDetail):
        return answer | {"detail": str(found["detail"]), "code": found["detail"].code}
    return answer | {"detail": _sentence(found), "code": "invalid", "errors": found}


def _sentence(found: Any) -> str:
    """The first thing that is wrong, in words."""
    if isinstance(found, dict):
        name, first = next(iter(found.items()))
        words = _sentence(first)
        return words if name == "non_field_errors" else f"{name}: {words}"
    if isinstance(found, list):
        return _sentence(found[0]) if found else ""
    return str(found)
