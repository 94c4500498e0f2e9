"""Who spends, and up to which limits."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.models.columns import MOST_USD, NOT_NEGATIVE, UsdField, check_time_zone
from billing.quotes import money


class Team(models.Model):
    """Accounts that share budgets."""

    name = models.CharField(max_length=200, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
    budgets_changed = models.DateTimeField(null=True, editable=False, db_index=True)

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """Who spends. It outlives its user: what was spent was spent."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="account"
    )
    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    time_zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[check_time_zone],
        help_text="Where this account's days and months begin.",
    )
    may_set_own_budget = models.BooleanField(
        default=False,
        help_text="An operator may change this account's budgets also if it is theirs.",
    )
    created = models.DateTimeField(auto_now_add=True)
    budgets_changed = models.DateTimeField(null=True, editable=False, db_index=True)

    def __str__(self) -> str:
        if self.user is None:
            return f"deleted user (account {self.pk})"
        return self.user.email or self.user.get_username()


class Period(models.TextChoices):
    """What a limit is for: a calendar period in the account's time zone, or for ever."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    TOTAL = "total"


class Budget(models.Model):
    """A limit for a period, of an account or shared by a team."""

    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, null=True, blank=True, related_name="budgets"
    )
    team = models.ForeignKey(
        Team, on_delete=models.CASCADE, null=True, blank=True, related_name="budgets"
    )
    period = models.CharField(max_length=5, choices=Period.choices)
    limit = UsdField(help_text="USD.", validators=NOT_NEGATIVE)
    soft = models.BooleanField(default=False, help_text="Only warns.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(account=None, team__isnull=False) | Q(account__isnull=False, team=None),
                name="budget_of_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(limit__gte=0, limit__lte=MOST_USD), name="budget_limit_in_range"
            ),
            models.CheckConstraint(
                condition=Q(period__in=Period.values), name="budget_period_is_known"
            ),
            models.UniqueConstraint(fields=["account", "period"], name="budget_period_once"),
            models.UniqueConstraint(fields=["team", "period"], name="team_budget_period_once"),
        ]

    def __str__(self) -> str:
        return f"{money(self.limit)} USD ({self.get_period_display()})"


class Alert(models.Model):
    """A warning that went out: once per budget, period and limit."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="alerts")
    period_start = models.DateTimeField()
    limit = UsdField()
    spent = UsdField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["budget", "period_start", "limit"], name="alert_once_per_limit"
            )
        ]

    def __str__(self) -> str:
        return f"{money(self.spent)} of {money(self.limit)} USD"
