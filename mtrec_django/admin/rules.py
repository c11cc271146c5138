"""Candidate sources and rules as fields of a form: what one would otherwise write as JSON into the options."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..retrieval.collections import collection_names
from ..retrieval.policy import ROTATION_HOURS, option_problems
from ..retrieval.sources import DEFAULT, registered_sources
from .fields import WeightsField

PATH_LENGTH = 200
"""As long as the name of a category, collection or source may be."""

FIELDS = (
    "candidates",
    "weights",
    "boost",
    "hide",
    "at_most",
    "diversity",
    "minimum",
    "rotation_factor",
    "rotation_hours",
)
"""The fields, in the order of the page."""

_OPTION_OF = {"rotation_factor": "rotation", "rotation_hours": "rotation"}
_FIELD_OF = {"rotation": "rotation_factor"}


class RulesMixin(forms.Form):
    """A form over a row with `options`: each rule has a field, the field `options` holds the rest."""

    candidates = forms.MultipleChoiceField(
        label=gettext_lazy("Candidate sources"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    weights = WeightsField(
        label=gettext_lazy("Weights"),
        rows=2,
        length=PATH_LENGTH,
        help_text=gettext_lazy("What scored sources count in ranking, one a line: “bought = 0.5”."),
    )
    boost = WeightsField(
        label=gettext_lazy("Boost and bury"),
        rows=2,
        length=PATH_LENGTH,
        help_text=gettext_lazy(
            "Collections with factors, one a line: “on_sale = 1.5” lifts, “clearance = 0.5” buries, 0 is the end."
        ),
    )
    hide = forms.MultipleChoiceField(
        label=gettext_lazy("Hide"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Collections that are never shown here."),
    )
    at_most = WeightsField(
        label=gettext_lazy("At most"),
        rows=2,
        length=PATH_LENGTH,
        help_text=gettext_lazy("How many items of a list may share a label, one category a line: “brand__name = 2”."),
    )
    diversity = forms.FloatField(
        label=gettext_lazy("Diversity"),
        required=False,
        help_text=gettext_lazy("From 0, the most relevant, to 1, the most different from each other."),
    )
    minimum = forms.FloatField(
        label=gettext_lazy("Minimum relevance"),
        required=False,
        help_text=gettext_lazy(
            "How near an item must be to what the visitor did, as a cosine from -1 to 1. Lists may come out short."
        ),
    )
    rotation_factor = forms.FloatField(
        label=gettext_lazy("Rotation"),
        required=False,
        help_text=gettext_lazy("What each showing without a click multiplies the score by, from 0 to 1."),
    )
    rotation_hours = forms.FloatField(
        label=gettext_lazy("Rotation, hours"),
        required=False,
        help_text=gettext_lazy("After so long a showing is forgotten; 24 where nothing is said."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        options = self.initial.get("options") or {}
        self.initial.update(_fields(options))
        self.initial["options"] = {name: value for name, value in options.items() if name not in _shown(options)}
        self._choose("candidates", sorted(registered_sources()))
        self._choose("hide", collection_names())
        words = gettext_lazy("Where items are looked for; none ticked means %(names)s.") % {"names": ", ".join(DEFAULT)}
        if "candidates" in self.fields:
            self.fields["candidates"].help_text = words

    def _choose(self, name: str, known: list[str]) -> None:
        """What is there, and what the row has: that it is gone is said when it is saved, and loses nothing."""
        if name in self.fields:
            choices = dict.fromkeys([*known, *(self.initial.get(name) or [])])
            self.fields[name].choices = [(one, one) for one in choices]  # type: ignore[attr-defined]

    def clean_options(self) -> dict[str, Any]:
        """Nothing at all is an empty object."""
        options = self.cleaned_data["options"]
        if options is None:
            return {}
        if not isinstance(options, dict):
            raise ValidationError(_("Options are an object, as in {“at_most”: {“brand”: 2}}."))
        if problems := option_problems(options):
            raise ValidationError([str(error) for error in problems.values()])
        return options

    def clean(self) -> dict[str, Any] | None:
        """Put the rules into the options; a field goes before what was written as JSON."""
        cleaned = super().clean()
        given = {name: self.cleaned_data.get(name) for name in FIELDS if name in self.fields}
        rules = _options(given)
        for name, error in option_problems(rules).items():
            self.add_error(_FIELD_OF.get(name, name), str(error))
        if "options" in self.cleaned_data:
            self.cleaned_data["options"] = {**self.cleaned_data["options"], **rules}
        return cleaned


def _shown(options: dict[str, Any]) -> set[str]:
    return {_OPTION_OF.get(name, name) for name in _fields(options)}


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    """The initial values of the fields; what is no rule, or makes no sense, stays among the options."""
    sound = {name: options[name] for name in options if name not in option_problems({name: options[name]})}
    found = {name: sound[name] for name in FIELDS if name in sound}
    if rotation := sound.get("rotation"):
        found |= {f"rotation_{name}": value for name, value in rotation.items()}
    return found


def _options(given: dict[str, Any]) -> dict[str, Any]:
    """The options that the fields say; an empty field says nothing."""
    rules = {name: value for name, value in given.items() if value not in (None, "", [], {})}
    factor, hours = rules.pop("rotation_factor", None), rules.pop("rotation_hours", None)
    if factor is not None:
        rules["rotation"] = {"factor": factor, "hours": hours or ROTATION_HOURS}
    return rules
