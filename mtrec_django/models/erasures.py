"""That somebody was erased: when and how much, and nothing of whom."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.core.signing import Signer
from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _

SALT = "mtrec.erasure"


class Erasure(models.Model):
    """One visitor erased. What was learned before it is no beginning for a later training."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    erased_at = models.DateTimeField(_("erased"), default=timezone.now, db_index=True)
    counts = models.JSONField(_("rows"), default=dict)  # table -> rows deleted or emptied

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-erased_at"]

    def __str__(self) -> str:
        return f"{self.erased_at:%Y-%m-%d %H:%M} {self.id}"

    def receipt(self) -> dict[str, Any]:
        """What was done, signed with the site's SECRET_KEY; it names nobody."""
        told = {"id": str(self.id), "erased_at": self.erased_at.isoformat(), "rows": self.counts}
        return told | {"signature": _signature(told)}


def is_genuine(receipt: Mapping[str, Any]) -> bool:
    """Whether this site has signed a receipt, word for word."""
    told = {name: value for name, value in receipt.items() if name != "signature"}
    return constant_time_compare(_signature(told), str(receipt.get("signature", "")))


def _signature(told: Mapping[str, Any]) -> str:
    return Signer(salt=SALT).signature(json.dumps(told, sort_keys=True))
