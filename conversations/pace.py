"""How often somebody may begin an answer: USER_TURNS_PER_MINUTE."""

from datetime import timedelta
from math import ceil

from django.conf import settings
from django.utils import timezone

from billing.models import Reservation
from conversations.protocol import Refused

WINDOW = timedelta(minutes=1)


def check(held: Reservation) -> None:
    """Call it right after `charges.hold`, in its transaction: whoever holds waits for the
    account's lock, so that of two tabs the second one sees what the first has begun.

    Reservations are counted, not generations: they stay when a conversation is deleted.

    Raises:
        Refused: `rate_limited` (+ `retry_after`, whole seconds: when the oldest falls out).
    """
    most, now = settings.USER_TURNS_PER_MINUTE, timezone.now()
    begun = Reservation.objects.filter(account=held.account_id, round=1, created__gt=now - WINDOW)
    others = begun.exclude(pk=held.pk).order_by("-created")
    in_the_way = list(others.values_list("created", flat=True)[most - 1 : most])
    if in_the_way:
        times = "once" if most == 1 else f"{most} times"
        raise Refused(
            "rate_limited",
            f"You can ask {times} a minute.",
            retry_after=max(1, ceil((in_the_way[0] + WINDOW - now).total_seconds())),
        )
