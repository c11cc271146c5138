"""The Django application."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class MtrecConfig(AppConfig):
    """Label `mtrec`: tables, check ids, tasks and commands all begin with it."""

    name = "mtrec_django"
    label = "mtrec"
    verbose_name = _("Recommendations")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, receivers
        from .observing import watch_queues
        from .queueing import ages, depths

        autodiscover_modules("recommendations")
        checks.connect()
        receivers.connect()
        watch_queues(ages, depths)
