"""What all operations have in common. A visitor reaches his own data only: see `acting`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.cache import patch_vary_headers
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from .authentication import SameOriginSessionAuthentication, SignedVisitor, VisitorTokenAuthentication
from .parsers import BoundedJSONParser
from .problems import handle
from .throttling import ReadThrottle, throttles


class MtrecView(APIView):
    """An operation. Permissions are the site's own (`DEFAULT_PERMISSION_CLASSES`), but for whoever shows a token."""

    schema = AutoSchema()
    parser_classes = [BoundedJSONParser]
    renderer_classes = [JSONRenderer]
    throttle_classes = [ReadThrottle]
    cache_control = "private, no-store"

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Visitor tokens, then the site's own, and the session where they leave it out."""
        found = [one for one in super().get_authenticators() if type(one) is not SessionAuthentication]
        if not any(isinstance(one, SessionAuthentication) for one in found):
            found.append(SameOriginSessionAuthentication())
        return [VisitorTokenAuthentication(), *found]

    def get_permissions(self) -> list[Any]:
        """The site handed the token out so that its holder may ask, also where the API is closed to guests."""
        signed = isinstance(getattr(self.request, "auth", None), SignedVisitor)
        return [] if signed else list(super().get_permissions())

    def get_throttles(self) -> list[BaseThrottle]:
        return throttles(self.request, super().get_throttles())

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return handle

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response.setdefault("Cache-Control", self.cache_control)
        patch_vary_headers(response, ["Accept-Language", "Authorization", "Cookie"])
        return response
