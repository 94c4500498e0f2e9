"""What operators were written to about, and who may see how the model service does."""

from django.db import migrations, models

from billing.roles import make_groups


def forwards(apps, schema_editor):
    make_groups(schema_editor.connection.alias)


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0006_upstream_roles"),
        ("billing", "0006_accounts"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="circuit",
            options={
                "default_permissions": ("view", "change"),
                "verbose_name": "circuit breaker",
                "verbose_name_plural": "upstream health",
            },
        ),
        migrations.CreateModel(
            name="UpstreamAlarm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("endpoint", models.CharField(max_length=20)),
                ("model", models.CharField(max_length=200)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("open", "The circuit is open."),
                            ("failing", "Too many calls fail."),
                        ],
                        max_length=10,
                    ),
                ),
                ("since", models.DateTimeField(help_text="It is over: null.", null=True)),
                (
                    "seen",
                    models.DateTimeField(help_text="When it was last seen to be so.", null=True),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("endpoint", "model", "kind"), name="upstream_alarm_once"
                    )
                ],
            },
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop),
    ]
