"""Makes sure that somebody can sign in to a new site: `manage.py createfirstadmin`."""

import secrets
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction


class Command(BaseCommand):
    """Creates a superuser with a random password; does nothing once there is any superuser."""

    help = "Create the first admin and print the password once; do nothing if there is an admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", default="admin@example.com", help="default: %(default)s")

    @transaction.atomic
    def handle(self, *args: Any, email: str, **options: Any) -> None:
        users = get_user_model()._default_manager
        if users.filter(is_superuser=True).exists():
            return
        # Taking over an existing account would make whoever signed up with this address an admin.
        if users.filter(username=email).exists() or users.filter(email__iexact=email).exists():
            raise CommandError(
                f"{email} is the address of an ordinary account: choose another with ADMIN_EMAIL."
            )
        password = secrets.token_urlsafe(12)
        user = users.create_user(
            username=email, email=email, password=password, is_staff=True, is_superuser=True
        )
        # Signing in is by e-mail, and allauth looks only at addresses that it knows.
        EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        self.stdout.write("Created the first admin; the password is shown only this once.")
        self.stdout.write(f"  Name:     {email}")
        self.stdout.write(f"  Password: {password}")
