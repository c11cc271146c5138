"""Tags of the admin's own templates."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext

from ..models import Scenario

register = template.Library()


@register.simple_tag(takes_context=True)
def mtrec_dashboard(context: RequestContext) -> dict[str, Any] | None:
    """What the front page shows, asked of whatever admin of scenarios the site has registered; once a page."""
    request = context["request"]
    kept = context.render_context
    if "mtrec_dashboard" not in kept:
        admin_site = request.resolver_match.func.admin_site
        known = admin_site.is_registered(Scenario)
        kept["mtrec_dashboard"] = admin_site.get_model_admin(Scenario).dashboard(request) if known else None
    shown: dict[str, Any] | None = kept["mtrec_dashboard"]
    return shown
