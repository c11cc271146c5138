import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import pgvector.django.halfvec
from django.conf import settings
from django.db import migrations, models
from pgvector.django import VectorExtension


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        VectorExtension(),
        migrations.CreateModel(
            name="Item",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "source",
                    models.CharField(
                        help_text="Label of the site's model, as in shop.product.",
                        max_length=100,
                        verbose_name="source",
                    ),
                ),
                ("object_id", models.CharField(max_length=255, verbose_name="object id")),
                ("title", models.CharField(blank=True, max_length=255, verbose_name="title")),
                ("text", models.TextField(blank=True, help_text="What the text encoder reads.", verbose_name="text")),
                ("text_hash", models.CharField(blank=True, editable=False, max_length=64)),
                ("categories", models.JSONField(blank=True, default=dict, verbose_name="categories")),
                ("numbers", models.JSONField(blank=True, default=dict, verbose_name="numbers")),
                ("image", models.CharField(blank=True, max_length=500, verbose_name="image")),
                (
                    "available",
                    models.BooleanField(
                        default=True,
                        help_text="As of the last sync; asked again on each answer.",
                        verbose_name="available",
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="first seen")),
                ("updated_at", models.DateTimeField(auto_now=True, verbose_name="updated")),
            ],
            options={
                "verbose_name": "item",
                "verbose_name_plural": "items",
                "indexes": [models.Index(fields=["source", "-created_at"], name="mtrec_item_new")],
                "constraints": [
                    models.UniqueConstraint(fields=("source", "object_id"), name="mtrec_item_source_object_id")
                ],
            },
        ),
        migrations.CreateModel(
            name="ModelVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("base", "base"), ("transfer", "transfer")], max_length=10, verbose_name="kind"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("building", "being built"),
                            ("ready", "ready"),
                            ("failed", "failed"),
                            ("pruned", "pruned"),
                        ],
                        default="building",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("encoder", models.CharField(blank=True, max_length=200, verbose_name="encoder")),
                ("settings", models.JSONField(blank=True, default=dict, verbose_name="settings")),
                ("seed", models.BigIntegerField(default=0, verbose_name="seed")),
                ("data_from", models.DateTimeField(blank=True, null=True, verbose_name="data from")),
                ("data_to", models.DateTimeField(blank=True, null=True, verbose_name="data to")),
                ("events", models.BigIntegerField(default=0, verbose_name="events")),
                ("items", models.BigIntegerField(default=0, verbose_name="items")),
                ("metrics", models.JSONField(blank=True, default=dict, verbose_name="metrics")),
                ("report", models.JSONField(blank=True, default=dict, verbose_name="report")),
                (
                    "publishable",
                    models.BooleanField(
                        blank=True, help_text="Whether it beat what it would replace.", null=True, verbose_name="won"
                    ),
                ),
                (
                    "reason",
                    models.TextField(blank=True, help_text="Why it was published, or was not.", verbose_name="reason"),
                ),
                ("card", models.TextField(blank=True, verbose_name="card")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="made")),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="mtrec.modelversion",
                        verbose_name="base",
                    ),
                ),
            ],
            options={
                "verbose_name": "model version",
                "verbose_name_plural": "model versions",
                "ordering": ["-pk"],
            },
        ),
        # Partitioned by version, which the schema editor cannot say.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    """
                    create table mtrec_itemvector (
                        version_id bigint not null,
                        item_id bigint not null,
                        source varchar(100) not null,
                        object_id varchar(255) not null,
                        object_key bigint,
                        available boolean not null,
                        vector halfvec(64) not null,
                        primary key (version_id, item_id)
                    ) partition by list (version_id)
                    """,
                    "drop table mtrec_itemvector",
                )
            ],
            state_operations=[
                migrations.CreateModel(
                    name="ItemVector",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "version_id", "item_id", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("source", models.CharField(max_length=100)),
                        ("object_id", models.CharField(max_length=255)),
                        ("object_key", models.BigIntegerField(null=True)),
                        ("available", models.BooleanField(default=True)),
                        ("vector", pgvector.django.halfvec.HalfVectorField(dimensions=64)),
                        (
                            "item",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="vectors",
                                to="mtrec.item",
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="mtrec.modelversion",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "item vector",
                        "verbose_name_plural": "item vectors",
                        "db_table": "mtrec_itemvector",
                    },
                ),
            ],
        ),
        # Partitioned by version, which the schema editor cannot say.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    """
                    create table mtrec_itemneighbours (
                        version_id bigint not null,
                        item_id bigint not null,
                        others bigint[] not null,
                        weights double precision[] not null,
                        primary key (version_id, item_id)
                    ) partition by list (version_id)
                    """,
                    "drop table mtrec_itemneighbours",
                )
            ],
            state_operations=[
                migrations.CreateModel(
                    name="ItemNeighbours",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "version_id", "item_id", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "others",
                            django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None),
                        ),
                        (
                            "weights",
                            django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None),
                        ),
                        (
                            "item",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="mtrec.item",
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.DO_NOTHING,
                                related_name="+",
                                to="mtrec.modelversion",
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "item neighbours",
                        "verbose_name_plural": "item neighbours",
                        "db_table": "mtrec_itemneighbours",
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="Scenario",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.SlugField(max_length=64, unique=True, verbose_name="name")),
                (
                    "title",
                    models.CharField(
                        blank=True, help_text="Heading of the list on the page.", max_length=200, verbose_name="title"
                    ),
                ),
                (
                    "enabled",
                    models.BooleanField(
                        default=True, help_text="Switched off, its lists are empty.", verbose_name="enabled"
                    ),
                ),
                (
                    "sources",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text="Labels of models; empty means all.",
                        verbose_name="item sources",
                    ),
                ),
                (
                    "goal",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='How much each kind counts, as in {"view": 1, "purchase": 5}.',
                        verbose_name="goal",
                    ),
                ),
                (
                    "exclude",
                    models.JSONField(
                        blank=True,
                        default=list,
                        help_text='Items the visitor has such events on are not shown, as in ["purchase"].',
                        verbose_name="leave out",
                    ),
                ),
                (
                    "options",
                    models.JSONField(
                        blank=True, default=dict, help_text="Candidate sources and rules.", verbose_name="options"
                    ),
                ),
                ("declared", models.JSONField(blank=True, editable=False, null=True, verbose_name="declared in code")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "live_version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="live_in",
                        to="mtrec.modelversion",
                        verbose_name="live version",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="children",
                        to="mtrec.scenario",
                        verbose_name="parent",
                    ),
                ),
            ],
            options={
                "verbose_name": "scenario",
                "verbose_name_plural": "scenarios",
                "ordering": ["name"],
                "permissions": [
                    ("train_model", "Can start trainings and transfers"),
                    ("publish_model", "Can publish and roll back versions"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Publication",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="when")),
                (
                    "by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="by",
                    ),
                ),
                (
                    "replaced",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="mtrec.modelversion",
                        verbose_name="replaced",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="publications",
                        to="mtrec.modelversion",
                        verbose_name="version",
                    ),
                ),
                (
                    "scenario",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="publications",
                        to="mtrec.scenario",
                        verbose_name="scenario",
                    ),
                ),
            ],
            options={
                "verbose_name": "publication",
                "verbose_name_plural": "publications",
                "ordering": ["-pk"],
            },
        ),
        migrations.AddField(
            model_name="modelversion",
            name="scenario",
            field=models.ForeignKey(
                blank=True,
                help_text="Of a transfer; a base belongs to all.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="versions",
                to="mtrec.scenario",
                verbose_name="scenario",
            ),
        ),
        migrations.CreateModel(
            name="ItemScore",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("count", models.FloatField(default=0.0, verbose_name="weighted events")),
                (
                    "popular",
                    models.FloatField(
                        default=0.0, help_text="Weighted events of the window.", verbose_name="popularity"
                    ),
                ),
                (
                    "trending",
                    models.FloatField(
                        default=0.0, help_text="Weighted events, halved each week of age.", verbose_name="trend"
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scores",
                        to="mtrec.item",
                    ),
                ),
                (
                    "scenario",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="item_scores",
                        to="mtrec.scenario",
                    ),
                ),
            ],
            options={
                "verbose_name": "item score",
                "verbose_name_plural": "item scores",
            },
        ),
        migrations.CreateModel(
            name="VersionFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=32, verbose_name="name")),
                ("data", models.BinaryField()),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.BigIntegerField(verbose_name="bytes")),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="files", to="mtrec.modelversion"
                    ),
                ),
            ],
            options={
                "verbose_name": "version file",
                "verbose_name_plural": "version files",
            },
        ),
        migrations.CreateModel(
            name="Visitor",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "key",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        help_text="What a browser or an API client knows the visitor by.",
                        unique=True,
                        verbose_name="key",
                    ),
                ),
                (
                    "external_id",
                    models.CharField(
                        blank=True,
                        help_text="Name in an imported history.",
                        max_length=255,
                        null=True,
                        unique=True,
                        verbose_name="external id",
                    ),
                ),
                ("features", models.JSONField(blank=True, default=dict, verbose_name="features")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="first seen")),
                (
                    "user",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="user",
                    ),
                ),
            ],
            options={
                "verbose_name": "visitor",
                "verbose_name_plural": "visitors",
            },
        ),
        migrations.CreateModel(
            name="Relation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(default="friend", max_length=32, verbose_name="kind")),
                ("weight", models.FloatField(default=1.0, verbose_name="weight")),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="related_by",
                        to="mtrec.visitor",
                        verbose_name="other",
                    ),
                ),
                (
                    "visitor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="relations",
                        to="mtrec.visitor",
                        verbose_name="visitor",
                    ),
                ),
            ],
            options={
                "verbose_name": "relation",
                "verbose_name_plural": "relations",
            },
        ),
        migrations.CreateModel(
            name="Recommendation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "items",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None, verbose_name="items"
                    ),
                ),
                (
                    "sources",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=32), size=None, verbose_name="sources"
                    ),
                ),
                (
                    "scores",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.FloatField(), size=None, verbose_name="scores"
                    ),
                ),
                ("arm", models.CharField(blank=True, max_length=32, verbose_name="arm")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="shown")),
                (
                    "context",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="mtrec.item",
                        verbose_name="on the page of",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="mtrec.modelversion",
                        verbose_name="version",
                    ),
                ),
                (
                    "scenario",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="mtrec.scenario",
                        verbose_name="scenario",
                    ),
                ),
                (
                    "visitor",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recommendations",
                        to="mtrec.visitor",
                        verbose_name="visitor",
                    ),
                ),
            ],
            options={
                "verbose_name": "recommendation",
                "verbose_name_plural": "recommendations",
            },
        ),
        migrations.CreateModel(
            name="Feedback",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=32, verbose_name="kind")),
                ("value", models.FloatField(blank=True, null=True, verbose_name="value")),
                ("time", models.DateTimeField(default=django.utils.timezone.now, verbose_name="time")),
                (
                    "recommendation",
                    models.UUIDField(
                        blank=True, help_text="The answer it came from.", null=True, verbose_name="recommendation"
                    ),
                ),
                (
                    "basket",
                    models.CharField(
                        blank=True, help_text="One order, one visit.", max_length=64, verbose_name="basket"
                    ),
                ),
                ("key", models.UUIDField(blank=True, editable=False, null=True, verbose_name="idempotency key")),
                (
                    "item",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="feedback",
                        to="mtrec.item",
                        verbose_name="item",
                    ),
                ),
                (
                    "scenario",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="mtrec.scenario",
                        verbose_name="scenario",
                    ),
                ),
                (
                    "visitor",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="feedback",
                        to="mtrec.visitor",
                        verbose_name="visitor",
                    ),
                ),
            ],
            options={
                "verbose_name": "feedback",
                "verbose_name_plural": "feedback",
            },
        ),
        migrations.CreateModel(
            name="ItemContent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("encoder", models.CharField(max_length=200, verbose_name="encoder")),
                ("text_hash", models.CharField(max_length=64)),
                ("vector", models.BinaryField()),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="contents", to="mtrec.item"
                    ),
                ),
            ],
            options={
                "verbose_name": "item content",
                "verbose_name_plural": "item contents",
                "constraints": [
                    models.UniqueConstraint(fields=("encoder", "item"), name="mtrec_itemcontent_encoder_item")
                ],
            },
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("train", "base training"),
                            ("transfer", "transfer"),
                            ("sync", "sync"),
                            ("import", "import"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("running", "running"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("cancelled", "cancelled"),
                        ],
                        default="queued",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("step", models.CharField(blank=True, max_length=200, verbose_name="step")),
                ("done", models.BigIntegerField(default=0, verbose_name="done")),
                ("total", models.BigIntegerField(default=0, verbose_name="of")),
                ("cancel_requested", models.BooleanField(default=False, editable=False)),
                ("options", models.JSONField(blank=True, default=dict, verbose_name="options")),
                ("report", models.JSONField(blank=True, default=dict, verbose_name="report")),
                ("error", models.TextField(blank=True, verbose_name="error")),
                ("worker", models.CharField(blank=True, max_length=255, verbose_name="worker")),
                ("task_id", models.CharField(blank=True, max_length=64, verbose_name="task")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="asked")),
                ("started_at", models.DateTimeField(blank=True, null=True, verbose_name="started")),
                ("step_started_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("heartbeat_at", models.DateTimeField(blank=True, null=True, verbose_name="last sign of life")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
                (
                    "requested_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="asked by",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="runs",
                        to="mtrec.modelversion",
                        verbose_name="version",
                    ),
                ),
                (
                    "scenario",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="runs",
                        to="mtrec.scenario",
                        verbose_name="scenario",
                    ),
                ),
            ],
            options={
                "verbose_name": "run",
                "verbose_name_plural": "runs",
                "ordering": ["-pk"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ["queued", "running"])),
                        fields=["status"],
                        name="mtrec_run_unfinished",
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="modelversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "base"), ("parent__isnull", True), ("scenario__isnull", True)),
                    models.Q(("kind", "transfer"), ("parent__isnull", False), ("scenario__isnull", False)),
                    _connector="OR",
                ),
                name="mtrec_modelversion_lineage",
            ),
        ),
        migrations.AddIndex(
            model_name="itemscore",
            index=models.Index(fields=["scenario", "-popular"], name="mtrec_itemscore_popular"),
        ),
        migrations.AddIndex(
            model_name="itemscore",
            index=models.Index(fields=["scenario", "-trending"], name="mtrec_itemscore_trending"),
        ),
        migrations.AddIndex(
            model_name="itemscore",
            index=models.Index(fields=["item"], name="mtrec_itemscore_item"),
        ),
        migrations.AddConstraint(
            model_name="itemscore",
            constraint=models.UniqueConstraint(fields=("scenario", "item"), name="mtrec_itemscore_scenario_item"),
        ),
        migrations.AddConstraint(
            model_name="versionfile",
            constraint=models.UniqueConstraint(fields=("version", "name"), name="mtrec_versionfile_version_name"),
        ),
        migrations.AddConstraint(
            model_name="relation",
            constraint=models.UniqueConstraint(fields=("visitor", "other", "kind"), name="mtrec_relation_pair_kind"),
        ),
        migrations.AddIndex(
            model_name="recommendation",
            index=models.Index(fields=["scenario", "-created_at"], name="mtrec_recommendation_recent"),
        ),
        migrations.AddIndex(
            model_name="feedback",
            index=models.Index(
                fields=["visitor", "-time"], include=("item", "kind", "scenario"), name="mtrec_feedback_history"
            ),
        ),
        migrations.AddIndex(
            model_name="feedback",
            index=models.Index(fields=["item", "-time"], name="mtrec_feedback_item"),
        ),
        migrations.AddIndex(
            model_name="feedback",
            index=models.Index(fields=["-time"], name="mtrec_feedback_time"),
        ),
        migrations.AddIndex(
            model_name="feedback",
            index=models.Index(
                condition=models.Q(("recommendation__isnull", False)),
                fields=["recommendation"],
                name="mtrec_feedback_recommended",
            ),
        ),
        migrations.AddConstraint(
            model_name="feedback",
            constraint=models.UniqueConstraint(fields=("key",), name="mtrec_feedback_key"),
        ),
    ]
