"""Accounts for the users that were there before there was money."""

from django.conf import settings
from django.db import migrations


def make_accounts(apps, schema_editor):
    User = apps.get_model(settings.AUTH_USER_MODEL)
    Account = apps.get_model("billing", "Account")
    Budget = apps.get_model("billing", "Budget")
    using = schema_editor.connection.alias
    for user in User.objects.using(using).filter(account=None).iterator():
        account = Account.objects.using(using).create(user=user)
        Budget.objects.using(using).bulk_create(
            Budget(account=account, period=period, limit=limit)
            for period, limit in settings.BUDGET_DEFAULTS.items()
        )


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_roles")]

    operations = [migrations.RunPython(make_accounts, migrations.RunPython.noop)]
