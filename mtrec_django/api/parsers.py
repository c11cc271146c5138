"""JSON from strangers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

from . import limits


class TooLarge(APIException):
    """A body above the limit, refused before it is read."""

    status_code = 413
    default_detail = _("The body is larger than %(limit)d bytes.") % {"limit": limits.MAX_BODY}
    default_code = "too_large"


class BoundedJSONParser(JSONParser):
    """JSON of a bounded size and depth. JSON alone: no page of another site can send it by a plain form."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Refuse what is too long before reading it, and what is nested without end."""
        length = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0
        if not str(length).isdecimal() or int(length) > limits.MAX_BODY:
            raise TooLarge
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
