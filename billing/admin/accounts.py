"""Accounts: what each spent, how near its limit it is, and its budgets."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.admin.budgets import WithBudgets
from billing.admin.limits import Spending, spending
from billing.admin.shared import STYLE, ledger_url, limit_words, one_day, usd
from billing.models import Account
from billing.reports import Filter


class AccountList(ChangeList):
    """Reads the figures of all accounts of a page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        figures = spending(self.result_list, timezone.now())
        for account in self.result_list:
            account.spending = figures[account.pk]


class HasUserFilter(admin.SimpleListFilter):
    """Accounts outlive their users."""

    title = "user"
    parameter_name = "user_is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("here", "still here"), ("deleted", "deleted")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        if self.value() is None:
            return queryset
        return queryset.filter(user__isnull=self.value() == "deleted")


@admin.register(Account)
class AccountAdmin(WithBudgets):
    """Made and kept by the site: none is added or deleted by hand."""

    list_display = ["email", "team", "spent_today", "spent_month", "limit_use"]
    list_filter = [HasUserFilter, "team", "may_set_own_budget"]
    list_select_related = ["user", "team"]
    list_per_page = 50
    search_fields = ["user__email", "user__username", "team__name"]
    search_help_text = "Email, name or team"
    ordering = ["pk"]
    fields = ["person", "spend", "team", "time_zone", "may_set_own_budget", "created"]
    readonly_fields = ["person", "spend", "created"]
    changeable = ("team", "time_zone")

    class Media:
        css = STYLE

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return AccountList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = super().get_readonly_fields(request, obj)
        return fixed if request.user.is_superuser else [*fixed, "may_set_own_budget"]

    @admin.display(description="Account", ordering="user__email")
    def email(self, account: Account) -> str:
        return str(account)

    @admin.display(description="Today")
    def spent_today(self, account: Any) -> str:
        return usd(_figures(account).today)

    @admin.display(description="This month")
    def spent_month(self, account: Any) -> str:
        return usd(_figures(account).month)

    @admin.display(description="Limit")
    def limit_use(self, account: Any) -> SafeString | str:
        fullest = _figures(account).fullest
        return limit_words(fullest) if fullest else "none"

    @admin.display(description="User")
    def person(self, account: Account) -> SafeString | str:
        if account.user is None:
            return str(account)
        url = reverse("admin:auth_user_change", args=[account.user.pk])
        return format_html('<a href="{}">{}</a>', url, account)

    @admin.display(description="Spend")
    def spend(self, account: Account) -> SafeString:
        own = Filter(account=account)
        now = timezone.now()
        today = own.today(now)
        figures = spending([account], now)[account.pk]
        return format_html(
            '<a href="{}">{} today</a> · <a href="{}">{} this month</a> · '
            '<a href="{}">Dashboard</a> · <a href="{}">Ledger</a>',
            ledger_url(one_day(today, account=account)),
            usd(figures.today),
            ledger_url(Filter(today.replace(day=1), today, account=account)),
            usd(figures.month),
            f"{reverse('admin:billing_spend')}?account={account.pk}",
            ledger_url(own),
        )


def _figures(account: Any) -> Spending:
    """What AccountList found."""
    found: Spending = account.spending
    return found
