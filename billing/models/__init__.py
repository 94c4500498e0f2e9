"""Money: who may spend how much, at which prices, what is held, and what was spent.

Amounts are USD with 10 decimal places. What the database itself refuses is in the constraints
and, for the ledger, in triggers (migrations/0002_immutable.py).
"""

from billing.models.accounts import Account, Alert, Budget, Period, Team
from billing.models.ledger import DailySpend, EntryKind, LedgerEntry, Reservation, ReservationState
from billing.models.prices import Price
from billing.models.pricetable import PriceTable

__all__ = [
    "Account",
    "Alert",
    "Budget",
    "DailySpend",
    "EntryKind",
    "LedgerEntry",
    "Period",
    "Price",
    "PriceTable",
    "Reservation",
    "ReservationState",
    "Team",
]
