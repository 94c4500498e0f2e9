"""An account for every user, and a note of when limits were changed."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.utils import timezone

from billing.accounts import make_account
from billing.models import Account, Budget, Team


@receiver(post_save, sender=get_user_model(), dispatch_uid="billing.account")
def user_saved(instance: Any, created: bool, using: str, raw: bool = False, **more: Any) -> None:
    """Makes the account of a new user; a fixture brings its own."""
    if created and not raw:
        make_account(instance.pk, using)


@receiver([post_save, post_delete], sender=Budget, dispatch_uid="billing.budget")
def budget_changed(instance: Budget, using: str, **more: Any) -> None:
    """Notes it on the owner, where running tabs' processes look (conversations/meter.py)."""
    now = timezone.now()
    if instance.team_id is not None:
        Team.objects.using(using).filter(pk=instance.team_id).update(budgets_changed=now)
    elif instance.account_id is not None:
        Account.objects.using(using).filter(pk=instance.account_id).update(budgets_changed=now)
