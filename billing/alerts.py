"""The warning near a limit: to the browser, and by mail to the person and the operators.

Once per budget, period and limit: the constraint on Alert decides who of two sends it.
"""

import logging
from collections.abc import Iterable
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string

from billing import mail
from billing.budgets import Standing, standings
from billing.models import Account, Alert

logger = logging.getLogger(__name__)


def due(account: Account) -> list[Standing]:
    """The budgets of an account whose warning goes out now; noted as sent with this call."""
    return [s for s in standings(account) if is_near(s) and _first(s)]


def is_near(standing: Standing) -> bool:
    """Whether so much of a limit is spent that a warning belongs to it."""
    return standing.share >= Decimal(str(settings.BUDGET_WARN_AT))


def send(account: Account, warnings: Iterable[Standing]) -> None:
    """Mails each warning. A mail server that fails is logged: the browser shows it as well."""
    for warning in warnings:
        context = {
            "account": account,
            "budget": warning.budget,
            "spent": warning.spent,
            "percent": int(warning.share * 100),
            "resets_at": warning.span.end,
            "site": settings.SITE_NAME,
        }
        text = render_to_string("billing/budget_warning.txt", context)
        subject, _, body = text.partition("\n")
        for address, error in mail.send(subject, body, _recipients(account, warning)).items():
            logger.error("the budget warning to %s could not be sent: %s", address, error)


def _first(standing: Standing) -> bool:
    """Whether nobody has sent this warning before."""
    budget = standing.budget
    key = {"budget": budget, "period_start": standing.span.start, "limit": budget.limit}
    if Alert.objects.filter(**key).exists():
        return False
    try:
        with transaction.atomic():
            Alert.objects.create(**key, spent=standing.spent)
    except IntegrityError:
        return False
    return True


def _recipients(account: Account, warning: Standing) -> list[str]:
    """The person, or all of a team, and the operators: each address once."""
    users = mail.people()
    if warning.budget.team_id:
        people = users.filter(account__team=warning.budget.team_id)
    else:
        people = users.filter(account=account)
    return mail.addresses(people.union(mail.operators()))
