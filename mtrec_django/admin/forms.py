"""The form of a scenario: weights and kinds as lines of text, with errors that name the line."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..catalog import registry
from ..models import Scenario
from ..retrieval.policy import option_problems

KIND_LENGTH = 32
"""As long as a kind of feedback may be."""


class WeightsField(forms.CharField):
    """Kinds of feedback with their weights, one a line: "purchase = 5"."""

    widget = forms.Textarea(attrs={"rows": 5, "cols": 40, "class": "vLargeTextField mtrec-lines"})

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{kind} = {weight:g}" for kind, weight in value.items())
        return value

    def to_python(self, value: Any) -> Any:
        lines = [line.strip() for line in (super().to_python(value) or "").splitlines()]
        return dict(_weight(number, line) for number, line in enumerate(lines, 1) if line)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _differs(self, initial, data)


def _weight(number: int, line: str) -> tuple[str, float]:
    kind, sign, weight = line.partition("=")
    kind = kind.strip()
    if not sign or not kind or len(kind) > KIND_LENGTH:
        said = _("Line %(number)d: write a kind and its weight, as in “purchase = 5”.")
        raise ValidationError(said, params={"number": number})
    try:
        value = float(weight)
    except ValueError:
        words = {"number": number, "weight": weight.strip()}
        raise ValidationError(_("Line %(number)d: “%(weight)s” is not a number."), params=words) from None
    if not -1e6 < value < 1e6:  # NaN fails this too
        raise ValidationError(_("Line %(number)d: the weight is out of range."), params={"number": number})
    return kind, int(value) if value == int(value) else value


class WordsField(forms.CharField):
    """A list of words, with commas between them."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        words = [word.strip() for word in (super().to_python(value) or "").split(",")]
        return list(dict.fromkeys(word for word in words if word))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return _differs(self, initial, data)


def _differs(field: forms.Field, initial: Any, data: Any) -> bool:
    """Whether what was written means something else, however it is spaced."""
    try:
        return bool(field.to_python(data) != (initial or field.to_python("")))
    except ValidationError:
        return True


class PrettyJSON(json.JSONEncoder):
    """JSON with one entry a line, as a person would write it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "indent": 2, "ensure_ascii": False})


class ScenarioForm(forms.ModelForm):
    """A scenario with goal, sources and rules that a person can write."""

    goal = WeightsField(
        label=gettext_lazy("Goal"),
        required=False,
        help_text=gettext_lazy(
            "How much each kind of event counts, one a line: “purchase = 5”. Below zero for kinds that say no."
        ),
    )
    exclude = WordsField(
        label=gettext_lazy("Leave out"),
        required=False,
        help_text=gettext_lazy(
            "Items the visitor has such events on are not shown: “purchase, cart”. Empty where people buy again."
        ),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    sources = forms.MultipleChoiceField(
        label=gettext_lazy("Item sources"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What may be shown here; none ticked means all."),
    )
    options = forms.JSONField(
        label=gettext_lazy("Options"),
        required=False,
        encoder=PrettyJSON,
        widget=forms.Textarea(
            attrs={"rows": 4, "cols": 40, "class": "vLargeTextField mtrec-lines", "spellcheck": "false"}
        ),
        help_text=gettext_lazy(
            "JSON: “candidates” names candidate sources, “at_most” limits how many items of one list share a label."
        ),
    )

    class Meta:
        model = Scenario
        fields = ["name", "title", "enabled", "sources", "goal", "exclude", "parent", "options"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = dict.fromkeys([*registered(), *(self.instance.sources or [])])
        if "sources" in self.fields:
            self.fields["sources"].choices = [(label, label) for label in known]  # type: ignore[attr-defined]
        if "parent" in self.fields and self.instance.pk:
            parents = self.fields["parent"]
            parents.queryset = parents.queryset.exclude(pk=self.instance.pk)  # type: ignore[attr-defined]

    def clean_options(self) -> dict[str, Any]:
        """Say which candidate source or limit is none; nothing at all is an empty object."""
        options = self.cleaned_data["options"]
        if options is None:
            return {}
        if not isinstance(options, dict):
            raise ValidationError(_("Options are an object, as in {“at_most”: {“brand”: 2}}."))
        if problems := option_problems(options):
            raise ValidationError([str(error) for error in problems.values()])
        return options


def registered() -> list[str]:
    """Labels of the models that the site registered."""
    return sorted(registry.sources())
