"""The account of a user, made with the default budgets."""

from typing import Any

from django.conf import settings
from django.db import transaction

from billing.models import Account, Budget


def account_of(user_id: Any) -> Account:
    """The account of a user; made if there is none yet.

    It is made in the transaction of the caller, or in one of its own.
    """
    account = Account.objects.filter(user_id=user_id).first()
    return account or make_account(user_id)


def make_account(user_id: Any, using: str = "default") -> Account:
    """An account with a copy of `BUDGET_DEFAULTS`; the one that is there if there is one."""
    with transaction.atomic(using=using):
        account, is_new = Account.objects.using(using).get_or_create(user_id=user_id)
        if is_new:
            Budget.objects.using(using).bulk_create(
                Budget(account=account, period=period, limit=limit)
                for period, limit in settings.BUDGET_DEFAULTS.items()
            )
    return account
