from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mtrec", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="recommendation",
            index=models.Index(fields=["-created_at"], name="mtrec_recommendation_time"),
        ),
    ]
