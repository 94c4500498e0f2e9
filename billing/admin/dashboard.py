"""The spend dashboard: what was spent, by whom, on which model, and where it leads."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from billing import reports
from billing.admin.limits import spending
from billing.admin.shared import (
    CACHED_LOOKUP,
    ESTIMATED_LOOKUP,
    FAILED_LOOKUP,
    ledger_url,
    limit_words,
    percent,
    usd,
)
from billing.admin.spendform import SpendForm
from billing.admin.spendtable import table_of
from billing.csvexport import csv_response
from billing.reports import Filter

CSV_COLUMNS = ["day", "account", "email", "team", "model", *reports.COLUMNS]
"""A row for each day, account and model; see reports.Totals for the sums. Amounts in USD."""


def spend_page(request: HttpRequest) -> HttpResponse:
    """The page. Its filter is in the address, so that it can be kept and sent on."""
    _check(request)
    now = timezone.now()
    form = SpendForm.of(request.GET)
    chosen = form.filter(now)
    cells = reports.by_day_and_model(chosen)
    top = _top(chosen, now)
    context = {
        **admin.site.each_context(request),
        "title": "Spend",
        "form": form,
        "chosen": chosen,
        "models": reports.models_in_use(chosen)
        if chosen.model
        else sorted({cell.model for cell in cells}),
        "now_tiles": _now_tiles(chosen, now),
        "tiles": _tiles(chosen, reports.add_up(cells)),
        "table": table_of(cells, chosen),
        "top": top,
        "csv_query": request.GET.urlencode(),
    }
    return TemplateResponse(request, "admin/billing/spend.html", context)


def spend_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The days behind the page, with the same filter."""
    _check(request)
    chosen = SpendForm.of(request.GET).filter(timezone.now())
    return csv_response("spend.csv", CSV_COLUMNS, _csv_rows(chosen))


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm("billing.view_dailyspend"):
        raise PermissionDenied


def _now_tiles(chosen: Filter, now: Any) -> list[dict[str, str]]:
    """Today, this month and its end: whatever days are chosen."""
    coming = reports.forecast(chosen, now)
    today = replace(chosen, from_day=coming.today, to_day=coming.today)
    month = replace(chosen, from_day=coming.month_start, to_day=coming.today)
    return [
        {
            "label": "Today",
            "value": usd(reports.totals(today).amount),
            "note": f"{coming.today:%-d %B}",
            "url": ledger_url(today),
        },
        {
            "label": "This month",
            "value": usd(coming.spent),
            "note": f"{percent(coming.elapsed)} of {coming.today:%B} is over",
            "url": ledger_url(month),
        },
        {
            "label": "At the month’s end",
            "value": "—" if coming.amount is None else "≈ " + usd(coming.amount),
            "note": "told from the second day on"
            if coming.amount is None
            else "if it goes on as so far",
            "url": ledger_url(month),
        },
    ]


def _tiles(chosen: Filter, sum: reports.Totals) -> list[dict[str, str]]:
    """The chosen days in figures, each with the address of its rows."""
    parts = reports.shares(sum)
    return [
        {
            "label": "Spent",
            "value": usd(sum.amount),
            "note": f"{sum.entries:,} answers paid for",
            "url": ledger_url(chosen),
        },
        {
            "label": "Saved by cached input",
            "value": usd(sum.saved),
            "note": f"{percent(parts.cached)} of the input was cached",
            "url": ledger_url(chosen, **CACHED_LOOKUP),
        },
        {
            "label": "Failed",
            "value": percent(parts.failed),
            "note": f"{sum.failed:,} answers that cost and failed",
            "url": ledger_url(chosen, **FAILED_LOOKUP),
        },
        {
            "label": "Estimated",
            "value": percent(parts.estimated),
            "note": f"{usd(sum.estimated_amount)} without reported usage",
            "url": ledger_url(chosen, **ESTIMATED_LOOKUP),
        },
    ]


def _top(chosen: Filter, now: Any) -> list[dict[str, Any]]:
    """Who spent most in the chosen days, and how full their fullest limit is now."""
    top = reports.top_accounts(chosen)
    figures = spending([row.account for row in top], now)
    rows = []
    for row in top:
        fullest = figures[row.account.pk].fullest
        rows.append(
            {
                "account": row.account,
                "url": reverse("admin:billing_account_change", args=[row.account.pk]),
                "spent": usd(row.totals.amount),
                "rows_url": ledger_url(replace(chosen, account=row.account)),
                "limit": limit_words(fullest) if fullest else "none",
            }
        )
    return rows


def _csv_rows(chosen: Filter) -> Iterator[tuple[Any, ...]]:
    fields = ["day", "account", "account__user__email", "account__team__name", "model"]
    rows = chosen.rows().order_by("day", "account", "model")
    return rows.values_list(*fields, *reports.COLUMNS).iterator(chunk_size=2000)
