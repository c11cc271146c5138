"""The OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from .. import __version__
from .throttling import ReadThrottle


class SchemaView(SpectacularAPIView):
    """The OpenAPI document of these operations alone, whatever else the site's API holds."""

    throttle_classes = [ReadThrottle]
    custom_settings = {
        "TITLE": "Recommendations",
        "DESCRIPTION": "Recommendations for whoever asks, and the events that they learn from.",
        "VERSION": __version__,
    }

    operations: Sequence[URLPattern | URLResolver] = ()
    """The addresses that it describes, given by the module that names them."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        mounted = request.path_info.removesuffix("schema/").lstrip("/")
        self.patterns = [path(mounted, include(list(self.operations)))]
        return super().get(request, *args, **kwargs)
