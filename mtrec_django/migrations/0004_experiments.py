import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mtrec", "0003_pins_and_partners"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Arm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.SlugField(max_length=32, verbose_name="name")),
                (
                    "role",
                    models.CharField(
                        choices=[("control", "control"), ("variant", "variant"), ("holdout", "holdout")],
                        default="variant",
                        help_text="The others are compared with the control. A holdout shows popular and new items alone.",
                        max_length=10,
                        verbose_name="role",
                    ),
                ),
                (
                    "share",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="Of the visitors who take part, beside the shares of the other arms.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(1000),
                        ],
                        verbose_name="share",
                    ),
                ),
                (
                    "options",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="Candidate sources and rules that replace those of the scenario.",
                        verbose_name="options",
                    ),
                ),
                ("stopped_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="stopped")),
                (
                    "version",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty for the one that is live at the start.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="arms",
                        to="mtrec.modelversion",
                        verbose_name="version",
                    ),
                ),
            ],
            options={
                "verbose_name": "arm",
                "verbose_name_plural": "arms",
                "ordering": ["pk"],
            },
        ),
        migrations.CreateModel(
            name="Experiment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(help_text="What is tried, in a few words.", max_length=100, verbose_name="name"),
                ),
                (
                    "metric",
                    models.CharField(
                        choices=[
                            ("click", "clicked on a list of the scenario"),
                            ("conversion", "converted"),
                            ("revenue", "revenue"),
                        ],
                        default="click",
                        help_text="Of each visitor.",
                        max_length=10,
                        verbose_name="what decides",
                    ),
                ),
                (
                    "guard",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("click", "clicked on a list of the scenario"),
                            ("conversion", "converted"),
                            ("revenue", "revenue"),
                        ],
                        default="click",
                        help_text="An arm that is surely worse than the control in this is stopped by itself. Empty for none.",
                        max_length=10,
                        verbose_name="guard",
                    ),
                ),
                (
                    "traffic",
                    models.PositiveSmallIntegerField(
                        default=100,
                        help_text="Percent of the visitors who take part. Raised later, those who are in stay in their arms.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(100),
                        ],
                        verbose_name="traffic",
                    ),
                ),
                (
                    "days",
                    models.PositiveSmallIntegerField(
                        default=1,
                        help_text="What a visitor does so many days from his first list counts; he is counted when they are over.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(60),
                        ],
                        verbose_name="days of a visitor",
                    ),
                ),
                (
                    "error_rate",
                    models.FloatField(
                        default=0.05,
                        help_text="How often a difference may be claimed where there is none, however often one looks.",
                        validators=[
                            django.core.validators.MinValueValidator(0.0001),
                            django.core.validators.MaxValueValidator(0.5),
                        ],
                        verbose_name="error rate",
                    ),
                ),
                (
                    "horizon",
                    models.PositiveIntegerField(
                        default=10000,
                        help_text="Of all arms together. The intervals hold at any number, and are narrowest about here.",
                        validators=[django.core.validators.MinValueValidator(100)],
                        verbose_name="expected visitors",
                    ),
                ),
                ("salt", models.UUIDField(default=uuid.uuid4, editable=False)),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="starts")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="to end")),
                ("ended_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="ended")),
                ("counted_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="counted")),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "scenario",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="experiments",
                        to="mtrec.scenario",
                        verbose_name="scenario",
                    ),
                ),
                (
                    "winner",
                    models.ForeignKey(
                        blank=True,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="mtrec.arm",
                        verbose_name="winner",
                    ),
                ),
            ],
            options={
                "verbose_name": "experiment",
                "verbose_name_plural": "experiments",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddField(
            model_name="arm",
            name="experiment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="arms",
                to="mtrec.experiment",
                verbose_name="experiment",
            ),
        ),
        migrations.CreateModel(
            name="PositionDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("position", models.PositiveSmallIntegerField(verbose_name="position")),
                ("shown", models.PositiveIntegerField(default=0, verbose_name="shown")),
                ("clicks", models.PositiveIntegerField(default=0, verbose_name="clicks")),
                (
                    "scenario",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="mtrec.scenario",
                        verbose_name="scenario",
                    ),
                ),
            ],
            options={
                "verbose_name": "position of a day",
                "verbose_name_plural": "positions by day",
            },
        ),
        migrations.CreateModel(
            name="ScenarioDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("consented", models.PositiveIntegerField(default=0, verbose_name="lists with consent")),
                ("refused", models.PositiveIntegerField(default=0, verbose_name="lists without consent")),
                ("crawled", models.PositiveIntegerField(default=0, verbose_name="lists for crawlers")),
                (
                    "items_shown",
                    models.PositiveIntegerField(
                        help_text="Different ones in the 28 days until this one.", null=True, verbose_name="items shown"
                    ),
                ),
                ("items_available", models.PositiveIntegerField(null=True, verbose_name="items available")),
                ("counted_at", models.DateTimeField(null=True, verbose_name="counted")),
                (
                    "scenario",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="days",
                        to="mtrec.scenario",
                        verbose_name="scenario",
                    ),
                ),
            ],
            options={
                "verbose_name": "day of a scenario",
                "verbose_name_plural": "days of scenarios",
            },
        ),
        migrations.CreateModel(
            name="AnswerDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("arm", models.CharField(blank=True, max_length=32, verbose_name="arm")),
                ("day", models.DateField(verbose_name="day")),
                ("answers", models.PositiveIntegerField(default=0, verbose_name="lists")),
                ("clicked", models.PositiveIntegerField(default=0, verbose_name="lists that led on")),
                ("clicks", models.PositiveIntegerField(default=0, verbose_name="clicks")),
                ("converted", models.PositiveIntegerField(default=0, verbose_name="lists that led to a conversion")),
                ("conversions", models.PositiveIntegerField(default=0, verbose_name="conversions")),
                ("revenue", models.FloatField(default=0.0, verbose_name="revenue")),
                (
                    "scenario",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="by_day",
                        to="mtrec.scenario",
                        verbose_name="scenario",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="mtrec.modelversion",
                        verbose_name="version",
                    ),
                ),
            ],
            options={
                "verbose_name": "answers of a day",
                "verbose_name_plural": "answers by day",
                "indexes": [models.Index(fields=["scenario", "day"], name="mtrec_answerday_scenario_day")],
            },
        ),
        migrations.CreateModel(
            name="ArmDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(verbose_name="day")),
                ("visitors", models.PositiveIntegerField(default=0, verbose_name="visitors")),
                ("clicked", models.PositiveIntegerField(default=0, verbose_name="clicked")),
                ("converted", models.PositiveIntegerField(default=0, verbose_name="converted")),
                ("paid", models.PositiveIntegerField(default=0, verbose_name="visitors with revenue")),
                ("revenue", models.FloatField(default=0.0, verbose_name="revenue")),
                ("revenue_squares", models.FloatField(default=0.0)),
                (
                    "arm",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="by_day", to="mtrec.arm"
                    ),
                ),
            ],
            options={
                "verbose_name": "day of an arm",
                "verbose_name_plural": "days of arms",
                "constraints": [models.UniqueConstraint(fields=("arm", "day"), name="mtrec_armday_arm_day")],
            },
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at__isnull", True), ("starts_at__isnull", False)),
                fields=("scenario",),
                name="mtrec_experiment_one_open",
                violation_error_message="Another experiment of this scenario is not over yet.",
            ),
        ),
        migrations.AddConstraint(
            model_name="arm",
            constraint=models.UniqueConstraint(fields=("experiment", "name"), name="mtrec_arm_experiment_name"),
        ),
        migrations.AddConstraint(
            model_name="arm",
            constraint=models.UniqueConstraint(
                condition=models.Q(("role", "control")), fields=("experiment",), name="mtrec_arm_one_control"
            ),
        ),
        migrations.AddConstraint(
            model_name="positionday",
            constraint=models.UniqueConstraint(
                fields=("scenario", "day", "position"), name="mtrec_positionday_position"
            ),
        ),
        migrations.AddConstraint(
            model_name="scenarioday",
            constraint=models.UniqueConstraint(fields=("scenario", "day"), name="mtrec_scenarioday_scenario_day"),
        ),
    ]
