"""Drawings by their address: no database, cached for good."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from ..art.choice import Art
from ..art.drawing import draw

NAME = re.compile(r"([a-z]+)-([a-z]+)-([a-z]+)-(\d{1,3})")


@require_safe
@cache_control(public=True, max_age=31_536_000, immutable=True)
def art(request: HttpRequest, name: str) -> HttpResponse:
    """The drawing that an address spells out."""
    if not (match := NAME.fullmatch(name)):
        raise Http404
    motif, colour, pattern, seed = match.groups()
    return HttpResponse(draw(Art(motif, colour, pattern, int(seed))), content_type="image/svg+xml")


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for unasked."""
    return redirect(static("shop/favicon.svg"), permanent=True)
