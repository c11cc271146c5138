"""Addresses for a load balancer: whether the process lives, and whether it can answer well. They tell no secret.

`path("health/", include("mtrec_django.health"))` gives `health/live/` and `health/ready/`.
"""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .models import Scenario
from .retrieval import store

app_name = "mtrec-health"


@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers. It asks nobody else, so a database that is down restarts no host."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """503 when the database does not answer; else 200, and in how many scenarios the live version is whole.

    Without a live version lists are by counts, which is no reason to take a host away.
    """
    try:
        told = _look()
    except (DatabaseError, InterfaceError):
        return JsonResponse({"status": "down", "database": False}, status=503)
    return JsonResponse(told)


def _look() -> dict[str, Any]:
    places = list(Scenario.objects.filter(enabled=True).select_related("live_version"))
    bases = [place.live_version.base_id if place.live_version else None for place in places]
    stored = store.stored()
    served = sum(base in stored for base in bases)
    status = "ok" if served == len(places) else "fallback"
    return {"status": status, "database": True, "scenarios": len(places), "served_by_version": served}


urlpatterns = [path("live/", live, name="live"), path("ready/", ready, name="ready")]
