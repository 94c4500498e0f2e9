"""Mail to people and to the operators, each a mail of their own."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.db.models import QuerySet

from billing.roles import OPERATORS


def people() -> QuerySet[Any]:
    """Whoever may be written to at all."""
    return get_user_model()._default_manager.filter(is_active=True)


def operators() -> QuerySet[Any]:
    """Whoever is written to about how the site does: members of the group, staff or not; the
    superusers as long as it has none."""
    members = people().filter(groups__name=OPERATORS)
    return members if members.exists() else people().filter(is_superuser=True)


def addresses(of: QuerySet[Any]) -> list[str]:
    """Each address once."""
    return sorted({address for address in of.values_list("email", flat=True) if address})


def send(subject: str, body: str, to: Iterable[str]) -> dict[str, Exception]:
    """Mails to each address; those that could not be reached, with the reason. Waits for the
    mail server (for up to EMAIL_TIMEOUT seconds each): never call it in an event loop."""
    missed: dict[str, Exception] = {}
    for address in to:
        try:
            send_mail(subject.strip(), body.strip() + "\n", None, [address])
        except (OSError, ValueError) as error:  # smtplib's, and an address that is none
            missed[address] = error
    return missed
