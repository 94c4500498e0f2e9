"""Filters of the ledger that don't read the ledger to know their choices."""

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date

from billing.models import Account, LedgerEntry, Team
from billing.reports import Filter, models_in_use

RECENT_DAYS = 90

Entries = QuerySet[LedgerEntry]


class ModelFilter(admin.SimpleListFilter):
    """Models of the last RECENT_DAYS days, and the one chosen."""

    title = "model"
    parameter_name = "model"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        since = timezone.now().date() - timedelta(days=RECENT_DAYS)
        names = {*models_in_use(Filter(since)), *filter(None, [self.value()])}
        return [(name, name) for name in sorted(names)]

    def queryset(self, request: HttpRequest, queryset: Entries) -> Entries:
        return queryset.filter(model=self.value()) if self.value() else queryset


class _OneOf(admin.SimpleListFilter):
    """One row of another table, chosen by a link from its page. Shown only when chosen: there
    may be thousands."""

    table: Any

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        row = self.chosen()
        return [(str(row.pk), str(row))] if row else []

    def chosen(self) -> Any:
        value = self.value() or ""
        return self.table.objects.filter(pk=value).first() if value.isdecimal() else None

    def has_output(self) -> bool:
        return self.value() is not None


class AccountFilter(_OneOf):
    title = "account"
    parameter_name = "account"
    table = Account

    def queryset(self, request: HttpRequest, queryset: Entries) -> Entries:
        return queryset.filter(account=self.chosen()) if self.value() else queryset


class TeamFilter(_OneOf):
    title = "team"
    parameter_name = "team"
    table = Team

    def queryset(self, request: HttpRequest, queryset: Entries) -> Entries:
        if not self.value():
            return queryset
        return queryset.filter(account__in=Account.objects.filter(team=self.chosen()).values("pk"))


class DayFilter(admin.DateFieldListFilter):
    """Django's, and the days a link came with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        first = parse_date(str(self.date_params.get("day__gte", "")))
        after = parse_date(str(self.date_params.get("day__lt", "")))
        known = [parameters for _, parameters in self.links]
        if first and after and self.date_params not in known:
            last = after - timedelta(days=1)
            label = f"{first}" if first == last else f"{first} – {last}"
            self.links = (*self.links, (label, {**self.date_params}))  # type: ignore[dict-item]
