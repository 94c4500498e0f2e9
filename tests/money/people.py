"""People with roles, and money they spent, in the test database."""

import uuid
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction

from billing import ledger
from billing.models import Account, LedgerEntry
from billing.roles import make_groups


def user(group: str = "", **fields: Any) -> Any:
    """Somebody new; a member of a group is staff unless said otherwise."""
    name = uuid.uuid4().hex[:12]
    fields = {"is_staff": bool(group), **fields}
    person = get_user_model()._default_manager.create(
        username=name, email=f"{name}@example.com", **fields
    )
    if group:
        make_groups()  # a test that emptied all tables took them away
        person.groups.add(Group.objects.get(name=group))
    return person


def superuser() -> Any:
    return user(is_staff=True, is_superuser=True)


def account(**fields: Any) -> Account:
    """The account of somebody new, without the default budgets."""
    found = Account.objects.select_related("user").get(user=user())
    found.budgets.all().delete()
    for name, value in fields.items():
        setattr(found, name, value)
    found.save()
    return found


def spend(of: Account, amount: str, model: str = "model-a", **columns: Any) -> LedgerEntry:
    """Posts an entry, as a settlement does."""
    with transaction.atomic():
        entry = ledger.post(of, Decimal(amount), model=model, generation=uuid.uuid4(), **columns)
    assert entry is not None
    return entry
