"""Money at midnight, and on the days on which the clock changes; prices as in office.py."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from billing import pricing
from billing.models import LedgerEntry
from tests.money.engines import *  # noqa: F403
from tests.money.office import *  # noqa: F403
from tests.money.office import BERLIN, Clock, Colleague, answered
from tests.prices import own

NOTHING = Decimal(0)


def test_the_price_changes_at_midnight(clock: Clock) -> None:
    midnight = datetime(2026, 12, 1, tzinfo=BERLIN)
    own("luna", "4", "20", effective_from=midnight)
    pricing.forget()
    mara = Colleague(day="1", month="1")

    # Asked a second before midnight, answered a minute after: the price is that of the question,
    # 9 × 2 + 500 × 10 = 5,018 micros. The money belongs to December, when it was spent.
    clock.strikes("23:59:59", "2026-11-30")
    late = mara.asks("luna")
    assert mara.held == Decimal("0.010018")
    clock.strikes("00:01", "2026-12-01")
    assert (mara.spent, mara.held) == (NOTHING, Decimal("0.010018"))  # held on the new day as well
    assert answered(late, 9, 500) == Decimal("0.005018")
    assert str(LedgerEntry.objects.get().day) == "2026-12-01"

    # The next one costs, and holds, twice as much: 9 × 4 + 1,000 × 20 = 20,036 micros.
    early = mara.asks("luna")
    assert mara.held == Decimal("0.020036")
    assert answered(early, 9, 500) == Decimal("0.010036")  # 36 + 10,000
    assert mara.spent == mara.standing("month").spent == Decimal("0.015054")


@pytest.mark.parametrize(
    ("day", "hours", "next_day"),
    [
        ("2026-03-29", 23, "2026-03-30"),  # 02:00 is 03:00
        ("2026-10-25", 25, "2026-10-26"),  # 03:00 is 02:00 once more
    ],
)
def test_the_day_on_which_the_clock_changes(
    clock: Clock, day: str, hours: int, next_day: str
) -> None:
    mara = Colleague(day="0.0101")
    clock.strikes("00:00", day)
    span = mara.standing().span
    assert span.end is not None
    assert span.end - span.start == timedelta(hours=hours)

    # Half an hour past midnight she spends her day's money but for 82 micros, and may ask
    # again when the clock strikes twelve: not an hour sooner, not an hour later.
    clock.strikes("00:30")
    answered(mara.asks("luna"), 9, 1000)
    assert mara.standing().remaining == Decimal("0.000082")
    for time in ("01:30", "03:30", "22:59:59", "23:00", "23:59:59"):
        clock.strikes(time)
        refusal = mara.is_refused()
    assert refusal.extra["resets_at"] == f"{span.end:%Y-%m-%dT%H:%M:%S.000000Z}"
    clock.strikes("00:00", next_day)
    assert (mara.spent, mara.standing().remaining) == (NOTHING, Decimal("0.0101"))
    assert mara.asks("luna")


def test_an_hour_that_the_clock_shows_twice_is_two_hours(clock: Clock) -> None:
    mara = Colleague(hour="0.0101")
    clock.day = "2026-10-25"
    clock.travel.move_to(datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN))
    answered(mara.asks("luna"), 9, 1000)
    mara.is_refused()
    clock.travel.move_to(datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1))
    assert mara.standing("hour").spent == 0
    assert mara.asks("luna")
