"""When a limit starts anew, also on days on which the clock changes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.models import Period
from billing.periods import span

BERLIN = "Europe/Berlin"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("period", "moment", "zone", "start", "end"),
    [
        ("day", utc(2026, 11, 21, 12), "UTC", utc(2026, 11, 21), utc(2026, 11, 22)),
        ("day", utc(2026, 11, 21, 23, 30), BERLIN, utc(2026, 11, 21, 23), utc(2026, 11, 22, 23)),
        # The last Sunday of March has 23 hours in Berlin, that of October 25.
        ("day", utc(2026, 3, 29, 12), BERLIN, utc(2026, 3, 28, 23), utc(2026, 3, 29, 22)),
        ("day", utc(2026, 10, 25, 12), BERLIN, utc(2026, 10, 24, 22), utc(2026, 10, 25, 23)),
        ("month", utc(2026, 10, 31, 23), BERLIN, utc(2026, 10, 31, 23), utc(2026, 11, 30, 23)),
        ("month", utc(2026, 12, 31, 22), BERLIN, utc(2026, 11, 30, 23), utc(2026, 12, 31, 23)),
        ("month", utc(2028, 2, 29), "UTC", utc(2028, 2, 1), utc(2028, 3, 1)),
        ("hour", utc(2026, 11, 21, 12, 59), "UTC", utc(2026, 11, 21, 12), utc(2026, 11, 21, 13)),
        # Half an hour off: hours are those of the clock there.
        (
            "hour",
            utc(2026, 11, 21, 12, 10),
            "Asia/Kolkata",
            utc(2026, 11, 21, 11, 30),
            utc(2026, 11, 21, 12, 30),
        ),
        # The hour that the clock shows twice is two hours.
        ("hour", utc(2026, 10, 25, 0, 30), BERLIN, utc(2026, 10, 25), utc(2026, 10, 25, 1)),
        ("hour", utc(2026, 10, 25, 1, 30), BERLIN, utc(2026, 10, 25, 1), utc(2026, 10, 25, 2)),
    ],
)
def test_a_period_is_that_of_the_clock_on_the_wall(
    period: str, moment: datetime, zone: str, start: datetime, end: datetime
) -> None:
    assert span(period, moment, zone) == (start, end)


def test_for_ever_never_ends() -> None:
    assert span("total", utc(2026, 1, 1), "UTC").end is None


@given(
    moment=st.datetimes(
        min_value=datetime(2020, 1, 1),
        max_value=datetime(2040, 1, 1),
        timezones=st.just(UTC),
    ),
    zone=st.sampled_from(
        [BERLIN, "UTC", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]
    ),
    period=st.sampled_from([Period.HOUR, Period.DAY, Period.MONTH]),
)
def test_periods_follow_each_other_without_gap_or_overlap(
    moment: datetime, zone: str, period: str
) -> None:
    here = span(period, moment, zone)
    assert here.end is not None
    assert here.start <= moment < here.end
    assert span(period, here.start, zone) == here
    assert span(period, here.end, zone).start == here.end
