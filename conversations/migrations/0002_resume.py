from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="eventframe",
            name="upstream_seq",
            field=models.PositiveBigIntegerField(
                help_text="Upstream's own number of the last event, by which to resume.", null=True
            ),
        ),
    ]
