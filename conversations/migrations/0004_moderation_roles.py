"""The groups' permissions on what moderation brought."""

from django.db import migrations

from billing.roles import make_groups


def forwards(apps, schema_editor):
    make_groups(schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0003_moderation"),
        ("billing", "0006_accounts"),
    ]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
