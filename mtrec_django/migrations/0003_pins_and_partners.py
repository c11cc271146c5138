import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mtrec", "0002_recommendation_time"),
    ]

    operations = [
        migrations.CreateModel(
            name="ItemPartners",
            fields=[
                (
                    "item",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="mtrec.item",
                    ),
                ),
                ("others", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("weights", django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
            ],
            options={
                "verbose_name": "partners of an item",
                "verbose_name_plural": "partners of items",
                "db_table": "mtrec_itempartners",
            },
        ),
        migrations.CreateModel(
            name="Pin",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "position",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="From 1, counted over all pages of a list.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="position",
                    ),
                ),
                (
                    "starts_at",
                    models.DateTimeField(blank=True, help_text="Empty is at once.", null=True, verbose_name="from"),
                ),
                (
                    "ends_at",
                    models.DateTimeField(blank=True, help_text="Empty is for good.", null=True, verbose_name="until"),
                ),
            ],
            options={
                "verbose_name": "pin",
                "verbose_name_plural": "pins",
                "ordering": ["position", "pk"],
            },
        ),
        migrations.AlterField(
            model_name="recommendation",
            name="visitor",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="recommendations",
                to="mtrec.visitor",
                verbose_name="visitor",
            ),
        ),
        migrations.AddIndex(
            model_name="recommendation",
            index=models.Index(fields=["visitor", "-created_at"], name="mtrec_recommendation_visitor"),
        ),
        migrations.AddField(
            model_name="pin",
            name="item",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="mtrec.item", verbose_name="item"
            ),
        ),
        migrations.AddField(
            model_name="pin",
            name="scenario",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="pins",
                to="mtrec.scenario",
                verbose_name="scenario",
            ),
        ),
        migrations.AddConstraint(
            model_name="pin",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_at__isnull", True),
                    ("starts_at__isnull", True),
                    ("ends_at__gt", models.F("starts_at")),
                    _connector="OR",
                ),
                name="mtrec_pin_period",
                violation_error_message="A pin ends after it begins.",
            ),
        ),
    ]
