from django.db import migrations, models

PACK = """
alter table mtrec_itemneighbours add column packed bytea;
update mtrec_itemneighbours set packed =
    coalesce((select string_agg(int8send(other), '' order by place)
        from unnest(others) with ordinality as t(other, place)), '')
    || coalesce((select string_agg(float4send(weight::real), '' order by place)
        from unnest(weights) with ordinality as t(weight, place)), '');
alter table mtrec_itemneighbours alter column packed set not null, drop column others, drop column weights;
"""

EMPTY = """
delete from mtrec_itemneighbours;
alter table mtrec_itemneighbours drop column packed,
    add column others bigint[] not null, add column weights double precision[] not null;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("mtrec", "0007_tally"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(PACK, EMPTY)],
            state_operations=[
                migrations.RemoveField("itemneighbours", "others"),
                migrations.RemoveField("itemneighbours", "weights"),
                migrations.AddField(
                    "itemneighbours", "packed", models.BinaryField(default=b""), preserve_default=False
                ),
            ],
        ),
    ]
