"""What a base version knows of each item. The two tables by version are partitioned: a version is loaded and indexed
beside the live one, and pruning it drops its partitions, which gives the disk back at once. `retrieval.store` alone
makes and drops partitions."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _
from pgvector.django import HalfVectorField

from ..conf import DIM


class ItemVector(models.Model):
    """An item's place in the shared space of one base version."""

    pk = models.CompositePrimaryKey("version_id", "item_id")
    version = models.ForeignKey(
        "mtrec.ModelVersion", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    item = models.ForeignKey(
        "mtrec.Item", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="vectors"
    )
    source = models.CharField(max_length=100)  # copied from the item, so that the index scan filters without a join
    object_id = models.CharField(max_length=255)  # likewise
    object_key = models.BigIntegerField(null=True)  # object_id where it is a whole number: 1.5 times faster to compare
    available = models.BooleanField(default=True)  # kept by sync
    vector = HalfVectorField(dimensions=DIM)
    text = models.BinaryField(null=True)  # what is written on it, where the version compares that: `inference.texts`

    class Meta:
        verbose_name = _("item vector")
        verbose_name_plural = _("item vectors")
        db_table = "mtrec_itemvector"

    def __str__(self) -> str:
        return f"{self.item_id} in v{self.version_id}"


class ItemNeighbours(models.Model):
    """Items that go with an item, strongest first, by co-occurrence in one base version's events."""

    pk = models.CompositePrimaryKey("version_id", "item_id")
    version = models.ForeignKey(
        "mtrec.ModelVersion", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    item = models.ForeignKey("mtrec.Item", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    packed = models.BinaryField()  # primary keys of items, then their weights: `retrieval.gathering` reads it

    class Meta:
        verbose_name = _("item neighbours")
        verbose_name_plural = _("item neighbours")
        db_table = "mtrec_itemneighbours"

    def __str__(self) -> str:
        return f"neighbours of {self.item_id} in v{self.version_id}"


class ItemScore(models.Model):
    """How an item does in a scenario, whoever asks: computed by a job, read by the fallback and the ranking."""

    scenario = models.ForeignKey("mtrec.Scenario", models.CASCADE, related_name="item_scores", db_index=False)
    item = models.ForeignKey("mtrec.Item", models.CASCADE, related_name="scores", db_index=False)
    count = models.FloatField(_("weighted events"), default=0.0)
    popular = models.FloatField(_("popularity"), default=0.0, help_text=_("Weighted events of the window."))
    trending = models.FloatField(_("trend"), default=0.0, help_text=_("Weighted events, halved each week of age."))

    class Meta:
        verbose_name = _("item score")
        verbose_name_plural = _("item scores")
        constraints = [models.UniqueConstraint(fields=["scenario", "item"], name="mtrec_itemscore_scenario_item")]
        indexes = [
            models.Index(fields=["scenario", "-popular"], name="mtrec_itemscore_popular"),
            models.Index(fields=["scenario", "-trending"], name="mtrec_itemscore_trending"),
            models.Index(fields=["item"], name="mtrec_itemscore_item"),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} in {self.scenario_id}"


class ItemPartners(models.Model):
    """What is bought together with an item, by the site's own orders: counted by a job, whatever version is live."""

    item = models.OneToOneField("mtrec.Item", models.CASCADE, primary_key=True, related_name="+")
    others = ArrayField(models.BigIntegerField())  # primary keys of items, strongest first
    weights = ArrayField(models.FloatField())  # cosine of the two items' orders

    class Meta:
        verbose_name = _("partners of an item")
        verbose_name_plural = _("partners of items")
        db_table = "mtrec_itempartners"

    def __str__(self) -> str:
        return f"partners of {self.item_id}"
