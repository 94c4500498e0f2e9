"""What the spend dashboard shows: the form above it, and the Filter that comes of it."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict

from billing.models import Account, Team
from billing.reports import Filter

PERIODS = [
    ("30", "Last 30 days"),
    ("7", "Last 7 days"),
    ("today", "Today"),
    ("month", "This month"),
    ("last", "Last month"),
    ("year", "Last 365 days"),
    ("days", "From … to …"),
]
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class SpendForm(forms.Form):
    """All fields may be left out. `model` takes any name: one without spend shows nothing."""

    period = forms.ChoiceField(choices=PERIODS, required=False)
    from_day = forms.DateField(label="From", required=False, widget=DAY)
    to_day = forms.DateField(label="To", required=False, widget=DAY)
    model = forms.CharField(
        max_length=200, required=False, widget=forms.TextInput(attrs={"list": "models"})
    )
    account = forms.CharField(
        required=False,
        max_length=254,
        widget=forms.TextInput(attrs={"placeholder": "email", "list": "top-accounts"}),
    )
    team = forms.ModelChoiceField(
        Team.objects.order_by("name"), required=False, empty_label="All teams"
    )

    def clean_account(self) -> Account | None:
        """By email, or by number, as links have it."""
        words = self.cleaned_data["account"].strip()
        if not words:
            return None
        accounts = Account.objects.select_related("user", "team")
        by = {"pk": words} if words.isdecimal() else {"user__email__iexact": words}
        account = accounts.filter(**by).first()
        if account is None:
            raise forms.ValidationError("No account has this email.")
        return account

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("from_day") and data.get("to_day") and data["from_day"] > data["to_day"]:
            self.add_error("to_day", "It ends before it begins.")
        return data

    @classmethod
    def of(cls, query: QueryDict) -> "SpendForm":
        """The form as an address fills it. Days that are named win over a named period."""
        data = query.copy()
        data.setdefault("period", "30")
        if data.get("from_day") or data.get("to_day"):
            data["period"] = "days"
        return cls(data)

    def filter(self, now: datetime) -> Filter:
        """What is chosen; a field that could not be read counts as left out."""
        self.is_valid()
        data = self.cleaned_data
        owner = Filter(
            model=data.get("model", ""), account=data.get("account"), team=data.get("team")
        )
        today = owner.today(now)
        from_day, to_day = today - timedelta(days=29), today
        match data.get("period"):
            case "7":
                from_day = today - timedelta(days=6)
            case "today":
                from_day = today
            case "month":
                from_day = today.replace(day=1)
            case "last":
                to_day = today.replace(day=1) - timedelta(days=1)
                from_day = to_day.replace(day=1)
            case "year":
                from_day = today - timedelta(days=364)
            case "days":
                to_day = data.get("to_day") or today
                from_day = data.get("from_day") or to_day - timedelta(days=29)
        return Filter(from_day, to_day, owner.model, owner.account, owner.team)
