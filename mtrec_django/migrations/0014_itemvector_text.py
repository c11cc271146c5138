from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mtrec", "0013_scenario_counted"),
    ]

    operations = [
        migrations.AddField("itemvector", "text", models.BinaryField(null=True)),
    ]
