"""Who may do what in the admin: two groups, and who may set whose limits.

*Operators* see accounts, spend and how the model service does, and set budgets. *Admins* have
every permission of our own apps. Neither may touch users and groups: who could, could make a
superuser. A member does something only with `is_staff`. A superuser makes one: in the admin, a
user, *Staff status* and the group.
"""

from typing import Any

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from billing.models import Account, LedgerEntry, Team

OPERATORS = "Operators"
ADMINS = "Admins"
OUR_APPS = ("billing", "conversations")
OPERATOR_PERMISSIONS = (
    "view_account",
    "view_team",
    "view_budget",
    "add_budget",
    "change_budget",
    "delete_budget",
    "view_dailyspend",
    "view_ledgerentry",
    "view_reservation",
    "view_circuit",
    "view_upstreamcall",
)
REVERSE = "reverse_ledgerentry"


def make_groups(using: str = "default") -> None:
    """Makes both groups, and gives them what the tables above say; takes nothing away.

    A migration calls this, and so must one that comes with a new model of ours: Django itself
    makes permissions only after the last migration.
    """
    for label in OUR_APPS:
        create_permissions(apps.get_app_config(label), verbosity=0, using=using)
    permissions = Permission.objects.using(using)
    ledger_type = ContentType.objects.db_manager(using).get_for_model(LedgerEntry)
    permissions.get_or_create(
        codename=REVERSE, content_type=ledger_type, defaults={"name": "Can reverse ledger entry"}
    )
    ours = permissions.filter(content_type__app_label__in=OUR_APPS)
    granted = {
        OPERATORS: ours.filter(codename__in=OPERATOR_PERMISSIONS),
        ADMINS: ours,
    }
    for name, of_group in granted.items():
        group, _ = Group.objects.using(using).get_or_create(name=name)
        group.permissions.add(*of_group)


def is_own(user: Any, owner: Account | Team) -> bool:
    """Whether it is about this person's own money, and no superuser allowed that.

    Then all that gives more of it is refused: a higher limit, no limit, another team, a
    reversal.
    """
    if user.is_superuser:
        return False
    whose = Q(pk=owner.pk) if isinstance(owner, Account) else Q(team=owner)
    return Account.objects.filter(whose, user=user, may_set_own_budget=False).exists()


def may_set_budgets(user: Any, owner: Account | Team) -> bool:
    """Whether somebody may change the limits of an account or a team."""
    return bool(user.has_perm("billing.change_budget")) and not is_own(user, owner)
