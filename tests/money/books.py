"""Whether the books of a site are in order: each ending with its money, once."""

from decimal import Decimal
from typing import Any

from billing.models import DailySpend, LedgerEntry, Reservation, ReservationState
from conversations.models import OPEN_STATUSES, Generation


def faults(alias: str = "default") -> list[dict[str, Any]]:
    """Generations whose ending and money do not belong together, and days that don't add up."""
    entries: dict[Any, list[LedgerEntry]] = {}
    for entry in LedgerEntry.objects.using(alias):
        entries.setdefault(entry.generation, []).append(entry)
    held = {row.generation: row for row in Reservation.objects.using(alias)}
    found = [
        {
            "generation": generation.pk,
            "status": generation.status,
            "usage": generation.usage,
            "cost": generation.cost,
            "held": held[generation.pk].state,
            "posted": [entry.amount for entry in entries.get(generation.pk, [])],
        }
        for generation in Generation.objects.using(alias)
        if not _in_order(generation, held[generation.pk], entries.get(generation.pk, []))
    ]
    posted = sum((entry.amount for rows in entries.values() for entry in rows), Decimal(0))
    days = sum((day.amount for day in DailySpend.objects.using(alias)), Decimal(0))
    return found if posted == days else [*found, {"posted": posted, "days": days}]


def _in_order(generation: Generation, held: Reservation, posted: list[LedgerEntry]) -> bool:
    if generation.status in OPEN_STATUSES:
        return held.state == ReservationState.OPEN and not posted
    if generation.usage is None:
        return held.state == ReservationState.RELEASED and not posted and generation.cost == 0
    same = [(entry.amount, entry.status) for entry in posted]
    return held.state == ReservationState.SETTLED and same == [(generation.cost, generation.status)]
