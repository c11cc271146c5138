import uuid

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mtrec", "0004_experiments"),
    ]

    operations = [
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "erased_at",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now, verbose_name="erased"),
                ),
                ("counts", models.JSONField(default=dict, verbose_name="rows")),
            ],
            options={
                "verbose_name": "erasure",
                "verbose_name_plural": "erasures",
                "ordering": ["-erased_at"],
            },
        ),
        migrations.AddField(
            model_name="visitor",
            name="keyed_by",
            field=models.CharField(blank=True, db_default="", editable=False, max_length=8),
        ),
    ]
