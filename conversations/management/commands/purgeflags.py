"""`manage.py purgeflags`: deletes what moderation found long ago."""

import argparse
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from conversations.moderation.review import purge

MOST_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Deletes moderation flags with their excerpts and withdrawn answers, decided or not, "
        "after MODERATION_KEEP_DAYS. Run it daily."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=days,
            default=settings.MODERATION_KEEP_DAYS,
            metavar="N",
            help="keep those of the last N days (default: MODERATION_KEEP_DAYS, %(default)s)",
        )

    def handle(self, *args: Any, days: int, **options: Any) -> None:
        count = purge(timedelta(days=days))
        kept = f"older than {days} day{'' if days == 1 else 's'}"
        self.stdout.write(f"{count} flag{'' if count == 1 else 's'} {kept} deleted.")


def days(text: str) -> int:
    """A number of days; 0 keeps nothing."""
    if not text.isascii() or not text.isdigit() or int(text) > MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MOST_DAYS}")
    return int(text)
