from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_local_price")]

    operations = [
        migrations.CreateModel(
            name="PriceTable",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("table", models.TextField(help_text="JSON, as genai-prices publishes it.")),
                (
                    "package_version",
                    models.CharField(help_text="The genai-prices that fetched it.", max_length=50),
                ),
                ("fetched", models.DateTimeField()),
            ],
        ),
    ]
