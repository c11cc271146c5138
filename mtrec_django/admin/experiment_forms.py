"""The form of an experiment with its arms, and what must be true of them together."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import Arm, Experiment, ModelVersion
from ..retrieval.policy import OPTIONS, option_problems
from .fields import PrettyJSON
from .inlines import LabelledFormSet


class ExperimentForm(forms.ModelForm):
    """What is tried, and how it is judged."""

    # One field with one label, where the admin's own two have none that a screen reader finds.
    ends_at = forms.DateTimeField(
        label=gettext_lazy("To end"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Empty: when somebody ends it."),
    )

    class Meta:
        model = Experiment
        fields = ["scenario", "name", "metric", "guard", "traffic", "days", "error_rate", "horizon", "ends_at"]


class ArmForm(forms.ModelForm):
    """One arm; its options are read as those of the scenario are."""

    options = forms.JSONField(
        label=gettext_lazy("Options"),
        required=False,
        encoder=PrettyJSON,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 24, "class": "mtrec-lines", "spellcheck": "false"}),
        help_text=gettext_lazy("What is other than in the scenario, as in {“diversity”: 0.3}."),
    )

    class Meta:
        model = Arm
        fields = ["name", "role", "share", "version", "options"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "version" in self.fields:
            ready = ModelVersion.objects.filter(Q(status=ModelVersion.Status.READY) | Q(arms=self.instance.pk))
            field: Any = self.fields["version"]
            field.queryset = ready.select_related("scenario").distinct()
            field.empty_label = _("the live one")

    def clean_options(self) -> dict[str, Any]:
        """Say which rule or source is none."""
        options = self.cleaned_data["options"]
        if options is None:
            return {}
        if not isinstance(options, dict):
            raise ValidationError(_("Options are an object, as in {“at_most”: {“brand”: 2}}."))
        if unknown := sorted(options.keys() - OPTIONS):
            words = {"names": ", ".join(unknown), "known": ", ".join(sorted(OPTIONS))}
            raise ValidationError(_("An arm cannot change %(names)s; it may change %(known)s.") % words)
        if problems := option_problems(options):
            raise ValidationError([str(error) for error in problems.values()])
        return options

    def clean(self) -> dict[str, Any]:
        """A holdout has nothing to be told."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("role") == Arm.Role.HOLDOUT and (cleaned.get("version") or cleaned.get("options")):
            raise ValidationError(_("A holdout shows popular and new items alone: it has neither version nor options."))
        return cleaned


class ArmFormSet(LabelledFormSet):
    """The arms of one experiment."""

    def clean(self) -> None:
        """Two arms or more, one of them the control, at most one holdout, versions that fit the scenario."""
        super().clean()
        rows = [form.cleaned_data for form in self.forms if form.is_valid() and form.cleaned_data]
        rows = [row for row in rows if not row.get("DELETE")]
        if any(self.errors):
            return
        roles = [row["role"] for row in rows]
        if len(rows) < 2:
            raise ValidationError(_("An experiment has two arms or more."))
        if roles.count(Arm.Role.CONTROL) != 1:
            raise ValidationError(_("One arm, and one only, is the control."))
        if roles.count(Arm.Role.HOLDOUT) > 1:
            raise ValidationError(_("There is one holdout at most."))
        for row in rows:
            self._check_version(row["version"])

    def _check_version(self, version: ModelVersion | None) -> None:
        place = self.instance.scenario_id
        if version is not None and version.scenario_id not in {None, place}:
            words = {"version": version, "scenario": version.scenario}
            raise ValidationError(_("%(version)s was made for %(scenario)s.") % words)
