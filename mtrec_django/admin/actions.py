"""Buttons of the admin: each is one POST with CSRF, a permission, a log entry and a message."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ..exceptions import MtrecError
from ..models import Run, Scenario
from ..queueing import WAITING, enqueue

TRAIN = "mtrec.train_model"
PUBLISH = "mtrec.publish_model"


@dataclass(frozen=True, slots=True)
class Said:
    """How a button went: what the page says and, unless nothing happened, what the log keeps."""

    text: str
    level: int = messages.SUCCESS
    row: models.Model | None = None
    """The row the log entry is about, where it is not the one the button stands beside."""
    link: str = ""
    """Where one sees how it goes on."""

    @property
    def message(self) -> str:
        return format_html('<a href="{}">{}</a>', self.link, self.text) if self.link else self.text


Act = Callable[[HttpRequest, Any], Said]
"""What a button does with its row (None where it stands beside none)."""


class ActionsMixin(admin.ModelAdmin):
    """A model admin with buttons beside the form."""

    def button(self, route: str, name: str, permission: str, act: Act) -> URLPattern:
        """The address of a button. `route` may hold `<path:object_id>`."""

        def view(request: HttpRequest, object_id: str | None = None) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            self._press(request, act, self._row(request, object_id))
            return HttpResponseRedirect(self._back(request))

        return path(route, self.admin_site.admin_view(require_POST(view)), name=f"mtrec_{name}")

    def _row(self, request: HttpRequest, object_id: str | None) -> models.Model | None:
        if object_id is None:
            return None
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return row

    def _press(self, request: HttpRequest, act: Act, row: models.Model | None) -> None:
        try:
            said = act(request, row)
        except MtrecError as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        about = said.row or row
        if about is not None and said.level == messages.SUCCESS:
            self.log_change(request, about, said.text)
        self.message_user(request, said.message, said.level)

    def _back(self, request: HttpRequest) -> str:
        """Where the button was pressed, when that is a page of this site; else the dashboard."""
        address = request.POST.get("next", "")
        if url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
            return address
        return reverse("admin:app_list", args=["mtrec"], current_app=self.admin_site.name)


def person(request: HttpRequest) -> Any:
    """Who pressed the button; the admin lets nobody else in."""
    return request.user


def ask(request: HttpRequest, kind: str, scenario: Scenario | None = None) -> Said:
    """Queue a training. When the broker is down the run waits in the database, and the message says so."""
    going = Run.objects.unfinished().filter(kind=kind, scenario=scenario).values_list("pk", flat=True)
    before = set(going)
    run = enqueue(kind, scenario, by=person(request))
    link = reverse("admin:mtrec_run_change", args=[run.pk])
    if run.pk in before:
        return Said(_("%(run)s is being worked on already.") % {"run": run}, messages.INFO, run, link)
    run.refresh_from_db()
    if run.status == Run.Status.QUEUED and run.step == WAITING:
        said = _(
            "%(run)s waits: the queue cannot be reached. Start the broker and a worker; it is then sent by itself, "
            "or cancel it and ask again."
        )
        return Said(said % {"run": run}, messages.WARNING, run, link)
    return Said(_("%(run)s is queued.") % {"run": run}, row=run, link=link)
