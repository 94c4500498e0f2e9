"""Amounts as people read them; static/js/money.js writes them the same way."""

from decimal import Decimal

from django import template

register = template.Library()

SMALL = Decimal("0.1")


@register.filter
def usd(amount: Decimal | str | int) -> str:
    """`$1,234.50`; below ten cents with two digits that say something: `$0.0042`."""
    number = Decimal(amount)
    size = abs(number)
    shown = f"{size:,.2f}"
    if 0 < size < SMALL:
        shown = f"{size:.{1 - size.adjusted()}f}".rstrip("0")
    return f"{'-' if number < 0 else ''}${shown}"


@register.filter
def percent(share: Decimal) -> str:
    """`83 %` of a share from 0 to 1; only a whole says 100."""
    return f"{int(min(max(share, Decimal(0)), Decimal(1)) * 100)} %"
