"""Receipts in the admin."""

from __future__ import annotations

import html
import json
import re

from django.test import Client
from django.urls import reverse

from mtrec_django.models import Erasure
from mtrec_django.models.erasures import is_genuine


def test_the_receipt_on_the_page_is_genuine(boss: Client) -> None:
    erasure = Erasure.objects.create(counts={"mtrec_visitor": 1, "mtrec_feedback": 12})
    page = boss.get(reverse("admin:mtrec_erasure_change", args=[erasure.pk])).content.decode()
    assert "mtrec_feedback 12, mtrec_visitor 1" in page
    found = re.search(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)
    assert found is not None
    assert is_genuine(json.loads(html.unescape(found[1])))


def test_the_list_adds_up_the_rows_and_finds_a_receipt_by_its_id(boss: Client) -> None:
    erasure = Erasure.objects.create(counts={"mtrec_visitor": 1, "mtrec_feedback": 12})
    Erasure.objects.create(counts={})
    page = boss.get(reverse("admin:mtrec_erasure_changelist"), {"q": str(erasure.pk)[:8]}).content.decode()
    assert '<td class="field-total">13</td>' in page
    assert '<td class="field-total">0</td>' not in page
