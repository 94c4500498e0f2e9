"""Calendar periods in a time zone: when the one that holds a moment began and ends."""

from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from billing.models import Period


class Span(NamedTuple):
    """A period in UTC; `end` is None for `total`, which never starts anew."""

    start: datetime
    end: datetime | None


EVER = Span(datetime(1970, 1, 1, tzinfo=UTC), None)


def span(period: str, moment: datetime, time_zone: str) -> Span:
    """The period that holds `moment`.

    Days and months begin at midnight of the zone's clock, so a day may take 23 or 25 hours.
    Hours are those of the clock as well; the hour that a change of the clock repeats is two.
    """
    if period == Period.TOTAL:
        return EVER
    zone = ZoneInfo(time_zone)
    if period == Period.HOUR:
        return _hour(moment, zone)
    midnight = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == Period.MONTH:
        start = midnight.replace(day=1)
        end = (start + timedelta(days=32)).replace(day=1)
    else:
        # Arithmetic of one zone's times counts the clock, not the hours that pass.
        start, end = midnight, midnight + timedelta(days=1)
    return Span(start.astimezone(UTC), end.astimezone(UTC))


def _hour(moment: datetime, zone: tzinfo) -> Span:
    local = moment.astimezone(zone)
    into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
    start = moment.astimezone(UTC) - into
    return Span(start, start + timedelta(hours=1))
