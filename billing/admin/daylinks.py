"""Years, months and days to step through the ledger by.

Django's own date hierarchy asks the ledger itself, which takes seconds with a million rows; the
daily roll-up knows as well. What a click means is Django's: `date_hierarchy` of the list.
"""

from calendar import monthrange
from datetime import date
from typing import NamedTuple

from django.http import QueryDict

from billing.models import DailySpend

PARTS = ("day__year", "day__month", "day__day")


class DayLink(NamedTuple):
    """A step: its words, and the query string it leads to; none for where one is."""

    words: str
    query: str


def day_links(query: QueryDict) -> list[DayLink]:
    """The way up, then what there is to choose from below."""
    chosen = [int(value) for name in PARTS if (value := query.get(name, "")).isdecimal()]
    try:
        year, month, day = [*(chosen or [1]), 1, 1][:3]
        date(year, month, day)
    except (ValueError, TypeError, OverflowError):
        return []
    up = [DayLink("‹ all dates", _query(query, []))] if chosen else []
    if len(chosen) > 1:
        up.append(DayLink(f"‹ {chosen[0]}", _query(query, chosen[:1])))
    if len(chosen) > 2:
        up.append(DayLink(f"‹ {date(chosen[0], chosen[1], 1):%B}", _query(query, chosen[:2])))
    return up + [DayLink(words, _query(query, parts)) for words, parts in _below(chosen)]


def _below(chosen: list[int]) -> list[tuple[str, list[int]]]:
    """Words and parts of the next step down."""
    days = DailySpend.objects.order_by("day").values_list("day", flat=True)
    first, last = days.first(), days.last()
    if first is None or last is None:
        return []
    if not chosen:
        return [(str(year), [year]) for year in range(first.year, last.year + 1)]
    year = chosen[0]
    if len(chosen) == 1:
        months = [date(year, month, 1) for month in range(1, 13)]
        here = [m for m in months if first.replace(day=1) <= m <= last]
        return [(f"{month:%B}", [year, month.month]) for month in here]
    if len(chosen) == 2:
        end = monthrange(year, chosen[1])[1]
        found = days.filter(day__range=(date(year, chosen[1], 1), date(year, chosen[1], end)))
        return [(f"{day:%-d %b}", [year, chosen[1], day.day]) for day in found.distinct()]
    return []


def _query(query: QueryDict, parts: list[int]) -> str:
    """The list's query string with other parts of a date, back on the first page."""
    other = query.copy()
    for name in (*PARTS, "p"):
        other.pop(name, None)
    for name, part in zip(PARTS, parts, strict=False):
        other[name] = str(part)
    return f"?{other.urlencode()}"
