"""What can be recommended, and where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class Item(models.Model):
    """A row of one of the site's models, known by (label, primary key as text)."""

    source = models.CharField(
        _("source"), max_length=100, help_text=_("Label of the site's model, as in shop.product.")
    )
    object_id = models.CharField(_("object id"), max_length=255)
    title = models.CharField(_("title"), max_length=255, blank=True)
    text = models.TextField(_("text"), blank=True, help_text=_("What the text encoder reads."))
    text_hash = models.CharField(max_length=64, blank=True, editable=False)
    categories = models.JSONField(_("categories"), default=dict, blank=True)  # field -> list of labels
    numbers = models.JSONField(_("numbers"), default=dict, blank=True)  # field -> number
    image = models.CharField(_("image"), max_length=500, blank=True)
    available = models.BooleanField(
        _("available"), default=True, help_text=_("As of the last sync; asked again on each answer.")
    )
    created_at = models.DateTimeField(_("first seen"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        constraints = [models.UniqueConstraint(fields=["source", "object_id"], name="mtrec_item_source_object_id")]
        indexes = [models.Index(fields=["source", "-created_at"], name="mtrec_item_new")]

    def __str__(self) -> str:
        return self.title or f"{self.source} {self.object_id}"


class ItemContent(models.Model):
    """The frozen encoder's output for one item: computed once for a text, never again by a retraining."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="contents")
    encoder = models.CharField(_("encoder"), max_length=200)
    text_hash = models.CharField(max_length=64)
    vector = (
        models.BinaryField()
    )  # little-endian float16 [width]: the width is the encoder's, so no vector column fits all

    class Meta:
        verbose_name = _("item content")
        verbose_name_plural = _("item contents")
        constraints = [models.UniqueConstraint(fields=["encoder", "item"], name="mtrec_itemcontent_encoder_item")]

    def __str__(self) -> str:
        return f"{self.item_id} by {self.encoder}"


class Scenario(models.Model):
    """One place where recommendations appear, with its own goal and its own line of models."""

    name = models.SlugField(_("name"), max_length=64, unique=True)
    title = models.CharField(_("title"), max_length=200, blank=True, help_text=_("Heading of the list on the page."))
    enabled = models.BooleanField(_("enabled"), default=True, help_text=_("Switched off, its lists are empty."))
    sources = models.JSONField(
        _("item sources"), default=list, blank=True, help_text=_("Labels of models; empty means all.")
    )
    goal = models.JSONField(
        _("goal"), default=dict, blank=True, help_text=_('How much each kind counts, as in {"view": 1, "purchase": 5}.')
    )
    exclude = models.JSONField(
        _("leave out"),
        default=list,
        blank=True,
        help_text=_('Items the visitor has such events on are not shown, as in ["purchase"].'),
    )
    parent = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="children", verbose_name=_("parent")
    )
    options = models.JSONField(_("options"), default=dict, blank=True, help_text=_("Candidate sources and rules."))
    declared = models.JSONField(_("declared in code"), null=True, blank=True, editable=False)
    counted_at = models.DateTimeField(_("counted"), null=True, blank=True, editable=False)  # by `jobs.refresh_scores`
    live_version = models.ForeignKey(
        "mtrec.ModelVersion",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="live_in",
        verbose_name=_("live version"),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("scenario")
        verbose_name_plural = _("scenarios")
        ordering = ["name"]
        permissions = [
            ("train_model", _("Can start trainings and transfers")),
            ("publish_model", _("Can publish and roll back versions")),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Say what is wrong with goal, sources and exclude in words."""
        errors: dict[str, Any] = {}
        if not isinstance(self.goal, dict) or not all(_is_weight(weight) for weight in self.goal.values()):
            errors["goal"] = _("A goal maps kinds of events to numbers.")
        for name in ("sources", "exclude"):
            value = getattr(self, name)
            if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
                errors[name] = _("This is a list of texts.")
        if not isinstance(self.options, dict):
            errors["options"] = _("Options are a JSON object.")
        elif wrong := misread(self.options):
            words = {"name": wrong[0]}
            errors["options"] = _("“%(name)s” is a list of kinds of events, as in [“purchase”].") % words
        if self.pk and self.parent_id == self.pk:
            errors["parent"] = _("A scenario is not its own parent.")
        if errors:
            raise ValidationError(errors)

    @property
    def money(self) -> list[str]:
        """Kinds of events whose value is an amount of money, from the option of this name."""
        return _kinds(self.options.get("money"))

    @property
    def conversions(self) -> list[str]:
        """Kinds that the scenario is there for: those of the option, else those of money, else the weightiest ones."""
        named = _kinds(self.options.get("conversions")) or self.money
        most = max(self.goal.values(), default=0)
        return named or [kind for kind, weight in self.goal.items() if weight == most > 0]

    @property
    def repeats(self) -> bool | None:
        """Whether an item the visitor already had may be the right answer; None where a training is to measure it.

        What is excluded is not wanted again; else the option `repeats` decides.
        """
        if set(self.exclude) & {kind for kind, weight in self.goal.items() if weight > 0}:
            return False
        wanted = self.options.get("repeats")
        return wanted if isinstance(wanted, bool) else None


class Pin(models.Model):
    """An item that a scenario shows in a fixed place, for a while or for good."""

    scenario = models.ForeignKey(Scenario, models.CASCADE, related_name="pins", verbose_name=_("scenario"))
    item = models.ForeignKey(Item, models.CASCADE, related_name="+", verbose_name=_("item"))
    position = models.PositiveSmallIntegerField(
        _("position"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("From 1, counted over all pages of a list."),
    )
    starts_at = models.DateTimeField(_("from"), null=True, blank=True, help_text=_("Empty is at once."))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True, help_text=_("Empty is for good."))

    class Meta:
        verbose_name = _("pin")
        verbose_name_plural = _("pins")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True)
                | models.Q(starts_at__isnull=True)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="mtrec_pin_period",
                violation_error_message=_("A pin ends after it begins."),
            )
        ]

    def __str__(self) -> str:
        words = {"item": self.item, "position": self.position, "scenario": self.scenario}
        return gettext("%(item)s at %(position)d in %(scenario)s") % words


KINDS_OF = ("conversions", "money")
"""Options that name kinds of events, for the figures of what came of a list."""


def misread(options: Mapping[str, Any]) -> list[str]:
    """Those of `KINDS_OF` that are no lists of texts."""
    return [name for name in KINDS_OF if name in options and not _are_kinds(options[name])]


def _are_kinds(value: object) -> bool:
    return isinstance(value, list | tuple) and len(_kinds(value)) == len(value)


def _kinds(value: object) -> list[str]:
    return [kind for kind in value if isinstance(kind, str)] if isinstance(value, list | tuple) else []


def _is_weight(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
