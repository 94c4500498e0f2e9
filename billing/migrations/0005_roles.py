"""The groups Operators and Admins, with their permissions: billing/roles.py."""

from django.db import migrations

from billing.roles import ADMINS, OPERATORS, make_groups


def forwards(apps, schema_editor):
    make_groups(schema_editor.connection.alias)


def backwards(apps, schema_editor):
    groups = apps.get_model("auth", "Group").objects.using(schema_editor.connection.alias)
    groups.filter(name__in=[OPERATORS, ADMINS]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0004_price_table"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
