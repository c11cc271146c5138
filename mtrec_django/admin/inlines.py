"""Rows of a form, labelled for those who do not see the head of the table."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.models import BaseInlineFormSet


class LabelledFormSet(BaseInlineFormSet):
    """Each field bears the name of its column, which Django's tables of rows leave to the eye."""

    def add_fields(self, form: forms.ModelForm, index: int | None) -> None:
        super().add_fields(form, index)
        for bound in form.visible_fields():
            widget: Any = bound.field.widget
            getattr(widget, "widget", widget).attrs.setdefault("aria-label", bound.label)
