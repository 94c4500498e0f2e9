"""The ledger, to read, to export and to reverse; and the pages that hang below it."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing import ledger
from billing.admin.dashboard import spend_csv, spend_page
from billing.admin.daylinks import day_links
from billing.admin.filters import AccountFilter, DayFilter, ModelFilter, TeamFilter
from billing.admin.shared import STYLE, SeenOnly, usd
from billing.csvexport import csv_response
from billing.ledgercsv import COLUMNS, rows
from billing.models import Account, EntryKind, LedgerEntry
from billing.pricing import money
from billing.roles import REVERSE, is_own


class ReversalForm(forms.Form):
    """Why an entry is taken back."""

    reason = forms.CharField(max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


@admin.register(LedgerEntry)
class LedgerEntryAdmin(SeenOnly):
    """Nobody changes an entry; who may, reverses it with a second one."""

    change_list_template = "admin/billing/ledger_list.html"
    change_form_template = "admin/billing/ledger_entry.html"
    show_facets = admin.ShowFacets.NEVER  # counting each choice reads the whole ledger
    list_display = ["posted", "account", "usd", "model", "status", "tokens", "kind", "estimated"]
    list_filter = [
        ("day", DayFilter),
        ModelFilter,
        AccountFilter,
        TeamFilter,
        "kind",
        "estimated",
    ]
    date_hierarchy = "day"
    list_select_related = ["account__user"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["account__user__email"]
    search_help_text = "Email, or a generation (UUID)"
    ordering = ["-posted", "-pk"]
    exclude = ["amount", "saved", "breakdown", "reverses"]
    readonly_fields = ["usd", "saved_usd", "parts", "taken_back"]

    class Media:
        css = STYLE

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("spend/", view(spend_page), name="billing_spend"),
            path("spend/csv/", view(spend_csv), name="billing_spend_csv"),
            path("csv/", view(self.csv_view), name="billing_ledgerentry_csv"),
            path("<int:pk>/reverse/", view(self.reverse_view), name="billing_ledgerentry_reverse"),
            *super().get_urls(),
        ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Looks for accounts first: to look through all entries takes seconds."""
        term = search_term.strip()
        if not term:
            return queryset, False
        if len(term.replace("-", "")) == 32 and "@" not in term:
            return queryset.filter(generation=_uuid(term)), False
        found = Account.objects.filter(user__email__icontains=term).values("pk")
        return queryset.filter(account__in=found), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        more = {"day_links": day_links(request.GET), "query": request.GET.urlencode()}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        entry = self.get_object(request, object_id)
        more = {"reverse_url": entry and self._may_reverse(request, entry) and _reverse_url(entry)}
        return super().change_view(request, object_id, form_url, {**more, **(extra_context or {})})

    def csv_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The rows of the list as it is filtered, all pages of it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            chosen = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:billing_ledgerentry_changelist"))
        return csv_response("ledger.csv", COLUMNS, rows(chosen))

    def reverse_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks for the reason, then posts the second entry."""
        entry = get_object_or_404(LedgerEntry.objects.select_related("account__user"), pk=pk)
        if not request.user.has_perm(f"billing.{REVERSE}") or is_own(request.user, entry.account):
            raise PermissionDenied
        form = ReversalForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            return self._reverse(request, entry, form.cleaned_data["reason"])
        context = {
            **self.admin_site.each_context(request),
            "title": "Reverse an entry",
            "entry": entry,
            "amount": usd(entry.amount),
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/billing/reverse.html", context)

    def _reverse(self, request: HttpRequest, entry: LedgerEntry, reason: str) -> HttpResponse:
        """To the new entry; or back to the old one, with words, when it can't be."""
        shown = entry
        try:
            with transaction.atomic():
                shown = ledger.reverse(entry, reason, request.user.get_username())
            self.message_user(request, f"{usd(entry.amount)} was taken back.", messages.SUCCESS)
            self.log_addition(request, shown, f"Reversed: {reason}")
        except ledger.AlreadyReversed as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:billing_ledgerentry_change", args=[shown.pk]))

    @staticmethod
    def _may_reverse(request: HttpRequest, entry: LedgerEntry) -> bool:
        return (
            request.user.has_perm(f"billing.{REVERSE}")
            and entry.kind != EntryKind.REVERSAL
            and not LedgerEntry.objects.filter(reverses=entry).exists()
            and not is_own(request.user, entry.account)
        )

    @admin.display(description="Amount", ordering="amount")
    def usd(self, entry: LedgerEntry) -> str:
        return usd(entry.amount)

    @admin.display(description="Tokens in → out")
    def tokens(self, entry: LedgerEntry) -> str:
        return f"{entry.input_tokens:,} → {entry.output_tokens:,}"

    @admin.display(description="Saved by cached input")
    def saved_usd(self, entry: LedgerEntry) -> str:
        return usd(entry.saved)

    @admin.display(description="Breakdown")
    def parts(self, entry: LedgerEntry) -> SafeString | str:
        """Part → USD, to the last digit, with their sum."""
        if not entry.breakdown:
            return f"${money(entry.amount)}"
        lines = [*entry.breakdown.items(), ("together", money(entry.amount))]
        cells = format_html_join(
            "", '<tr><th scope="row">{}</th><td class="amount">{}</td></tr>', lines
        )
        return format_html('<table class="figures"><tbody>{}</tbody></table>', cells)

    @admin.display(description="Reversal")
    def taken_back(self, entry: LedgerEntry) -> SafeString | str:
        """The entry that takes this one back, or that this one takes back."""
        other = entry.reverses or LedgerEntry.objects.filter(reverses=entry).first()
        if other is None:
            return "none"
        words = "takes back entry" if entry.reverses else "taken back by entry"
        url = reverse("admin:billing_ledgerentry_change", args=[other.pk])
        return format_html('{} <a href="{}">{}</a>', words, url, other.pk)


def _reverse_url(entry: LedgerEntry) -> str:
    return reverse("admin:billing_ledgerentry_reverse", args=[entry.pk])


def _uuid(term: str) -> Any:
    """The generation, or None, which no round of an answer has."""
    try:
        return forms.UUIDField().clean(term)
    except forms.ValidationError:
        return None
