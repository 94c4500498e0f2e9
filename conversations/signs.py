"""The signs of life of generation workers: one row each, as old as its last beat."""

from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from conversations.models import WorkerSign

FRESH = timedelta(seconds=5)
"""How old the sign of a living worker may be; it beats once a second."""
KEPT = timedelta(hours=1)


def give(name: str, draining: bool) -> None:
    """Writes that a worker has just reached the database. Times are the database's: clocks of
    several machines differ.

    Without Redis there is no other process that would look, and an idle SQLite file is not
    written to.
    """
    if not settings.REDIS_URL:
        return
    sign = WorkerSign(name=name, seen=Now(), draining=draining)
    columns = ["seen", "draining"]
    WorkerSign.objects.bulk_create(
        [sign], update_conflicts=True, unique_fields=["name"], update_fields=columns
    )


def forget() -> None:
    """Deletes the signs of workers that are long gone: each start leaves one, under a new name."""
    if settings.REDIS_URL:
        WorkerSign.objects.filter(seen__lt=Now() - KEPT).delete()


def fresh() -> dict[str, bool]:
    """The names of all workers that live, and whether they are draining."""
    rows = WorkerSign.objects.filter(seen__gte=Now() - FRESH)
    return dict(rows.values_list("name", "draining"))
