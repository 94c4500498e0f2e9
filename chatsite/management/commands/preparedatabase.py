"""Tables and the first admin in one process: `manage.py preparedatabase`."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from chatsite.management.commands import createfirstadmin


class Command(BaseCommand):
    """What `make run` does to a database before the site starts; doing it again changes nothing."""

    help = "Migrate, then create the first admin if there is none."

    def add_arguments(self, parser: CommandParser) -> None:
        createfirstadmin.Command().add_arguments(parser)

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            raise CommandError(f"The database of DATABASE_URL can't be reached: {error}") from None
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createfirstadmin", email=email, stdout=self.stdout)
