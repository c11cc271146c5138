import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mtrec", "0009_file_parts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("n", models.PositiveSmallIntegerField(default=10, verbose_name="items of a list")),
                ("rules", models.JSONField(blank=True, default=dict, verbose_name="rules")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="asked for")),
                (
                    "scenario",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="batches",
                        to="mtrec.scenario",
                        verbose_name="scenario",
                    ),
                ),
            ],
            options={
                "verbose_name": "batch of lists",
                "verbose_name_plural": "batches of lists",
            },
        ),
        migrations.CreateModel(
            name="BatchChunk",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("lists", models.IntegerField(default=0)),
                ("seconds", models.FloatField(default=0.0)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "batch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="chunks", to="mtrec.batch"
                    ),
                ),
            ],
            options={
                "verbose_name": "chunk of a batch",
                "verbose_name_plural": "chunks of batches",
            },
        ),
        migrations.CreateModel(
            name="BatchList",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("arm", models.CharField(blank=True, max_length=32)),
                ("items", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                (
                    "sources",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), size=None),
                ),
                ("scores", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                (
                    "batch",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lists",
                        to="mtrec.batch",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="mtrec.modelversion",
                    ),
                ),
                (
                    "visitor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="mtrec.visitor"
                    ),
                ),
            ],
            options={
                "verbose_name": "list of a batch",
                "verbose_name_plural": "lists of batches",
                "constraints": [
                    models.UniqueConstraint(fields=("batch", "visitor"), name="mtrec_batchlist_batch_visitor")
                ],
            },
        ),
    ]
