from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mtrec", "0012_queued_chunks"),
    ]

    operations = [
        migrations.AddField(
            model_name="scenario",
            name="counted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name="counted"),
        ),
    ]
