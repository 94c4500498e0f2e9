"""The embedded model costs nothing, until somebody prices it."""

from datetime import UTC, datetime

from django.db import migrations

# As in chatsite/localmodel.py; it says nothing of models that are embedded later.
MODEL = "smollm2-135m-instruct"
EVER = datetime(1970, 1, 1, tzinfo=UTC)


def forwards(apps, schema_editor):
    price = apps.get_model("billing", "Price")
    price.objects.using(schema_editor.connection.alias).get_or_create(
        model=MODEL,
        service_tier="",
        min_input_tokens=0,
        effective_from=EVER,
        defaults={"input": 0, "output": 0, "reason": "It runs on this machine."},
    )


def backwards(apps, schema_editor):
    price = apps.get_model("billing", "Price")
    price.objects.using(schema_editor.connection.alias).filter(
        model=MODEL, effective_from=EVER
    ).delete()


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_immutable")]

    operations = [migrations.RunPython(forwards, backwards)]
