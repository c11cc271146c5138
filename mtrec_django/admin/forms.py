"""The form of a scenario."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from ..catalog import registry
from ..models import Scenario
from .fields import PrettyJSON, WeightsField, WordsField
from .rules import RulesMixin


class ScenarioForm(RulesMixin, forms.ModelForm):
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
        help_text=gettext_lazy("JSON: whatever else is declared for this scenario, as {“in_session”: true}."),
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


def registered() -> list[str]:
    """Labels of the models that the site registered."""
    return sorted(registry.sources())
