"""/usage/: what a person has spent, and what the limits leave. Reads without JavaScript."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from billing import ledgercsv, reports
from billing.accounts import account_of
from billing.budgets import Standing, standings
from billing.csvexport import csv_response
from billing.models import Account, LedgerEntry, Period
from billing.reports import DayModel, Filter
from billing.usageforms import TimeZoneForm, UsageForm, changeable_from

PAGE = 25
"""Ledger entries listed at a time."""
MOST_PAGES = 10_000
NAMES = {
    Period.HOUR: "This hour",
    Period.DAY: "Today",
    Period.MONTH: "This month",
    Period.TOTAL: "In total",
}
NEAR = Decimal("0.8")
HIDDEN = {"account", "email", "posted_by"}
COLUMNS = [column for column in ledgercsv.COLUMNS if column not in HIDDEN]
"""Of the CSV file; what they mean stands in ledgercsv."""


@never_cache
@login_required
@require_GET
def usage(request: HttpRequest) -> HttpResponse:
    """The page."""
    account = account_of(request.user.pk)
    return _page(request, account, TimeZoneForm(account))


@login_required
@require_GET
def export(request: HttpRequest) -> HttpResponseBase:
    """The chosen ledger entries as CSV, newest first."""
    account = account_of(request.user.pk)
    chosen = UsageForm(account, timezone.now(), request.GET).filter()
    name = f"usage-{chosen.from_day}-{chosen.to_day}.csv"
    return csv_response(name, COLUMNS, _csv_rows(_entries(chosen)))


@require_POST
@login_required
def set_time_zone(request: HttpRequest) -> HttpResponse:
    """Changes the account's time zone."""
    account = account_of(request.user.pk)
    form = TimeZoneForm(account, request.POST)
    if form.is_valid() and form.save(timezone.now()):
        messages.success(request, f"Your days now begin in {form.cleaned_data['time_zone']}.")
    if form.errors:
        return _page(request, account, form, status=400)
    return HttpResponseRedirect(reverse("usage"))


def _page(
    request: HttpRequest, account: Account, zone_form: TimeZoneForm, status: int = 200
) -> HttpResponse:
    now = timezone.now()
    form = UsageForm(account, now, request.GET)
    chosen = form.filter()
    today = chosen.today(now)
    cells = reports.by_day_and_model(chosen)
    total = reports.add_up(cells)
    number = _page_number(request.GET.get("page", ""))
    entries = list(_entries(chosen)[(number - 1) * PAGE : number * PAGE + 1])
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "account": account,
        "budgets": [_bar(standing) for standing in standings(account, now)],
        "today": reports.totals(Filter(today, today, account=account)),
        "forecast": reports.forecast(Filter(account=account), now),
        "form": form,
        "chosen": chosen,
        "total": total,
        "shares": reports.shares(total),
        "table": table(cells),
        "entries": entries[:PAGE],
        "page": number,
        "older": len(entries) > PAGE,
        "query": query.urlencode(),
        "zone_form": zone_form,
        "zone_from": free_from if (free_from := changeable_from(account)) > now else None,
    }
    return render(request, "usage/usage.html", context, status=status)


@dataclass(frozen=True)
class Table:
    """Spend by day (newest first) and model (dearest first): `rows` of day, amounts, sum."""

    models: list[str]
    rows: list[tuple[date, list[Decimal], Decimal]]


def table(cells: list[DayModel]) -> Table:
    """The cells of a report as a table; a model without spend on a day has 0 there."""
    of_model: dict[str, Decimal] = {}
    of_day: dict[date, dict[str, Decimal]] = {}
    for cell in cells:
        of_model[cell.model] = of_model.get(cell.model, Decimal(0)) + cell.totals.amount
        of_day.setdefault(cell.day, {})[cell.model] = cell.totals.amount
    models = sorted(of_model, key=lambda model: (-of_model[model], model))
    rows = []
    for day in sorted(of_day, reverse=True):
        amounts = [of_day[day].get(model, Decimal(0)) for model in models]
        rows.append((day, amounts, sum(amounts, Decimal(0))))
    return Table(models, rows)


def _bar(standing: Standing) -> dict[str, Any]:
    """A budget with the lengths of its bar in percent."""
    budget, limit = standing.budget, standing.budget.limit
    spent = reports.share(standing.spent, limit) if limit else Decimal(1)
    used = reports.share(standing.spent + standing.reserved, limit) if limit else Decimal(1)
    name = NAMES[Period(budget.period)]
    return {
        "name": f"Team {budget.team}, {name.lower()}" if budget.team else name,
        "standing": standing,
        "used": used,
        "spent_width": f"{spent * 100:.2f}",
        "held_width": f"{(used - spent) * 100:.2f}",
        "tone": "full" if used >= 1 else "near" if used >= NEAR else "calm",
    }


def _entries(chosen: Filter) -> "QuerySet[LedgerEntry]":
    """Newest first. The index knows `posted`, not `day`: in no time zone are they two days
    apart."""
    entries = LedgerEntry.objects.filter(account=chosen.account)
    assert chosen.from_day
    assert chosen.to_day
    first, last = (datetime.combine(day, time(), UTC) for day in (chosen.from_day, chosen.to_day))
    entries = entries.filter(
        posted__gte=first - timedelta(days=2), posted__lt=last + timedelta(days=3)
    )
    entries = entries.filter(day__range=(chosen.from_day, chosen.to_day))
    if chosen.model:
        entries = entries.filter(model=chosen.model)
    return entries.order_by("-posted", "-pk")


def _csv_rows(entries: "QuerySet[LedgerEntry]") -> Iterator[list[Any]]:
    for row in ledgercsv.rows(entries):
        named = dict(zip(ledgercsv.COLUMNS, row, strict=True))
        yield [named[column] for column in COLUMNS]


def _page_number(text: str) -> int:
    """Which page of entries is asked for; the first one for nonsense."""
    return min(max(int(text), 1), MOST_PAGES) if text.isascii() and text.isdecimal() else 1
