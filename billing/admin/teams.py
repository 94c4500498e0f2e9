"""Teams: shared budgets and who spends from them."""

from django.contrib import admin
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing.admin.budgets import WithBudgets
from billing.admin.limits import spending
from billing.admin.shared import STYLE, ledger_url, usd
from billing.models import Team
from billing.reports import Filter

MEMBERS_SHOWN = 200


@admin.register(Team)
class TeamAdmin(WithBudgets):
    """An account is put into a team on the account's own page."""

    list_display = ["name", "time_zone"]
    search_fields = ["name"]
    ordering = ["name"]
    fields = ["name", "time_zone", "spend", "members"]
    readonly_fields = ["spend", "members"]
    changeable = ("name", "time_zone")

    class Media:
        css = STYLE

    @admin.display(description="Spend")
    def spend(self, team: Team) -> SafeString | str:
        if team._state.adding:
            return "nothing yet"
        url = f"{reverse('admin:billing_spend')}?team={team.pk}"
        ledger = ledger_url(Filter(team=team))
        return format_html('<a href="{}">Dashboard</a> · <a href="{}">Ledger</a>', url, ledger)

    @admin.display(description="Members")
    def members(self, team: Team) -> SafeString | str:
        """The members with their spend of this month, up to MEMBERS_SHOWN."""
        if team._state.adding:
            return "none yet"
        accounts = list(team.accounts.select_related("user").order_by("pk")[:MEMBERS_SHOWN])
        if not accounts:
            return "none: choose this team on the page of an account"
        figures = spending(accounts, timezone.now())
        rows = format_html_join(
            "",
            '<tr><td><a href="{}">{}</a></td><td class="amount">{}</td></tr>',
            (
                (
                    reverse("admin:billing_account_change", args=[account.pk]),
                    account,
                    usd(figures[account.pk].month),
                )
                for account in accounts
            ),
        )
        return format_html(
            '<table class="figures"><thead><tr><th scope="col">Account</th>'
            '<th scope="col" class="amount">This month</th></tr></thead><tbody>{}</tbody></table>',
            rows,
        )
