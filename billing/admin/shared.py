"""What the pages of the admin share: amounts, bars, links to ledger rows, read-only pages."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.ledger import FAILED
from billing.models.columns import UsdField
from billing.pricing import money
from billing.reports import Filter

STYLE = {"all": ["admin-spend/spend.css"]}


def usd(amount: Decimal) -> str:
    """An amount to read: cents from a dollar up, four places below, and of what is smaller
    still its first two digits."""
    if amount == 0:
        return "$0"
    sign, size = ("−" if amount < 0 else ""), abs(amount)
    if size >= 1:
        places = 2
    elif size >= Decimal("0.0001"):
        places = 4
    else:
        places = 1 - size.adjusted()
    return f"{sign}${round(size, places):,f}"


def percent(share: Decimal) -> str:
    """A share of 0 to 1 (or more), such as 12.5 %."""
    points = share * 100
    return f"{points:.0f} %" if points >= 10 or points == 0 else f"{points:.1f} %"


def bar(share: Decimal, held: Decimal = Decimal(0)) -> SafeString:
    """A bar for how much of a limit is spent and, lighter, held; the words stand beside it.

    SVG, since the CSP allows no style attribute to set a width.
    """
    spent = min(max(share, Decimal(0)), Decimal(1)) * 100
    both = min(spent + max(held, Decimal(0)) * 100, Decimal(100))
    level = "full" if share >= 1 else "near" if share >= Decimal("0.8") else "fine"
    return format_html(
        '<svg class="use-bar {}" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="held" width="{}" height="8"/><rect class="spent" width="{}" height="8"/>'
        "</svg>",
        level,
        f"{both:.1f}",
        f"{spent:.1f}",
    )


def limit_words(use: Any) -> SafeString:
    """A bar, and the same in words: `day: 62 % of $1.00`."""
    return format_html(
        '{}<span class="use-words">{}: {} of {}{}</span>',
        bar(use.share),
        use.budget.period,
        percent(use.share),
        usd(use.budget.limit),
        ", soft" if use.budget.soft else "",
    )


def ledger_url(chosen: Filter, **more: str) -> str:
    """The ledger rows behind a figure; `more` are lookups of the ledger's list."""
    query: dict[str, str] = {}
    if chosen.from_day:
        query["day__gte"] = chosen.from_day.isoformat()
    if chosen.to_day:
        query["day__lt"] = (chosen.to_day + timedelta(days=1)).isoformat()
    if chosen.model:
        query["model"] = chosen.model
    if chosen.account:
        query["account"] = str(chosen.account.pk)
    if chosen.team:
        query["team"] = str(chosen.team.pk)
    return f"{reverse('admin:billing_ledgerentry_changelist')}?{urlencode(query | more)}"


FAILED_LOOKUP = {"status__in": ",".join(FAILED)}
ESTIMATED_LOOKUP = {"estimated__exact": "1"}
CACHED_LOOKUP = {"cached_tokens__gt": "0"}


def one_day(day: date, **more: Any) -> Filter:
    """The filter of a single day."""
    return Filter(day, day, **more)


class UsdFormField(forms.DecimalField):
    """An amount without the zeros that nobody typed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 20, "decimal_places": 10, **kwargs})

    def prepare_value(self, value: Any) -> Any:
        return money(value) if isinstance(value, Decimal) else value


USD_FIELDS: Mapping[Any, Mapping[str, Any]] = {UsdField: {"form_class": UsdFormField}}


class SeenOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Nothing is added, changed or deleted here, whatever permissions somebody has."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
