"""What a person may choose on /usage/: the days and the model to look at, and the time zone."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import transaction
from django.utils import timezone

from billing.models import Account, DailySpend
from billing.reports import Filter
from billing.reservations import lock

PERIODS = {
    "month": "This month",
    "last-month": "Last month",
    "30-days": "Last 30 days",
    "custom": "From … to …",
}
MOST_DAYS = 366
DAYS = [MinValueValidator(date(2000, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
ZONE_DAYS = 30
"""A person changes the time zone once in so many days. Each change may begin a day, and so a
limit, anew: who could go around the world in a day would have 24 limits."""
ZONE_NOTE = "Time zone changed on the usage page: "


class UsageForm(forms.Form):
    """The filters. Bound to the query string; a bad one shows this month and says why."""

    period = forms.ChoiceField(choices=list(PERIODS.items()), required=False)
    from_day = forms.DateField(label="From", required=False, validators=DAYS)
    to_day = forms.DateField(label="To", required=False, validators=DAYS)
    model = forms.ChoiceField(required=False)

    def __init__(self, account: Account, now: datetime, query: Any) -> None:
        super().__init__(query)
        self.account = account
        self.today = Filter(account=account).today(now)
        spent = DailySpend.objects.filter(account=account).order_by("model")
        names = spent.values_list("model", flat=True).distinct()
        model = self.fields["model"]
        assert isinstance(model, forms.ChoiceField)
        model.choices = [("", "All models"), *((name, name) for name in names)]
        for name in ("from_day", "to_day"):
            self.fields[name].widget = forms.DateInput({"type": "date"})

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        if chosen.get("period") == "custom" and not self.errors:
            first, last = chosen.get("from_day"), chosen.get("to_day")
            if not first or not last:
                raise forms.ValidationError("Choose the first and the last day.")
            if first > last:
                raise forms.ValidationError("The first day is after the last one.")
            if last - first >= timedelta(days=MOST_DAYS):
                raise forms.ValidationError(f"Choose at most {MOST_DAYS} days.")
        return chosen

    def filter(self) -> Filter:
        """The chosen days and model of the account."""
        if not self.is_valid():
            return Filter(*self._days("month"), account=self.account)
        model = self.cleaned_data["model"]
        return Filter(*self._days(self.cleaned_data["period"]), model=model, account=self.account)

    def _days(self, period: str) -> tuple[date, date]:
        this_month = self.today.replace(day=1)
        if period == "custom":
            return self.cleaned_data["from_day"], self.cleaned_data["to_day"]
        if period == "30-days":
            return self.today - timedelta(days=29), self.today
        if period == "last-month":
            last = this_month - timedelta(days=1)
            return last.replace(day=1), last
        return this_month, self.today


class TimeZoneForm(forms.Form):
    """Where the person's days and months begin."""

    time_zone = forms.ChoiceField(label="Time zone")

    def __init__(self, account: Account, data: Any = None) -> None:
        super().__init__(data, initial={"time_zone": account.time_zone})
        self.account = account
        field = self.fields["time_zone"]
        assert isinstance(field, forms.ChoiceField)
        # One that was set by hand stays choosable; the others are places and UTC.
        named = {name for name in available_timezones() if "/" in name and name[:4] != "Etc/"}
        names = sorted(named | {"UTC", account.time_zone})
        field.choices = [(name, name.replace("_", " ")) for name in names]

    def save(self, now: datetime) -> bool:
        """Whether it was changed; else it was not yet time for it, or is the same."""
        zone = self.cleaned_data["time_zone"]
        with transaction.atomic():
            account = lock(self.account)
            assert account.user_id  # somebody is signed in with it
            if zone == account.time_zone:
                return False
            if changeable_from(account) > now:
                self.add_error("time_zone", "It was changed a short while ago.")
                return False
            note = f"{ZONE_NOTE}{account.time_zone} to {zone}."
            account.time_zone = zone
            account.save(update_fields=["time_zone"])
            LogEntry.objects.log_actions(
                account.user_id, [account], CHANGE, change_message=note, single_object=True
            )
        return True


def changeable_from(account: Account) -> datetime:
    """When the person may change the time zone; the changes are in the admin's history."""
    assert account.user_id
    changes = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Account),
        object_id=str(account.pk),
        user_id=account.user_id,
        change_message__startswith=ZONE_NOTE,
    )
    last = changes.order_by("-action_time").values_list("action_time", flat=True).first()
    return last + timedelta(days=ZONE_DAYS) if last else timezone.now() - timedelta(days=1)
