"""What is held, what was spent, and the roll-up of that by day."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.models.accounts import Account
from billing.models.columns import UsdField
from billing.quotes import money


class ReservationState(models.TextChoices):
    """`open` holds money; the others hold none."""

    OPEN = "open"
    SETTLED = "settled"
    RELEASED = "released"
    EXPIRED = "expired"


class Reservation(models.Model):
    """Money held for a round before upstream is asked: the most it can cost."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="reservations")
    generation = models.UUIDField()
    round = models.PositiveSmallIntegerField(default=1)
    model = models.CharField(max_length=200)
    amount = UsdField()
    input_tokens = models.PositiveIntegerField()
    input_estimated = models.BooleanField(default=True)
    max_output_tokens = models.PositiveIntegerField()
    capped = models.BooleanField(
        default=False, help_text="max_output_tokens was lowered to what the budget bears."
    )
    state = models.CharField(
        max_length=8, choices=ReservationState.choices, default=ReservationState.OPEN
    )
    created = models.DateTimeField(auto_now_add=True)
    closed = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["generation", "round"], name="reservation_once"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="reservation_not_negative"),
            models.CheckConstraint(
                condition=Q(state=ReservationState.OPEN, closed=None)
                | (~Q(state=ReservationState.OPEN) & Q(closed__isnull=False)),
                name="reservation_closed_if_not_open",
            ),
        ]
        indexes = [
            models.Index(
                fields=["account", "amount"],
                condition=Q(state=ReservationState.OPEN),
                name="reservation_open",
            ),
            models.Index(fields=["account", "created"], name="reservations_of_account"),
        ]

    def __str__(self) -> str:
        return f"{money(self.amount)} USD {self.state}"


class EntryKind(models.TextChoices):
    """What an entry of the ledger is for."""

    ROUND = "round"
    TITLE = "title"
    REVERSAL = "reversal"


class LedgerEntry(models.Model):
    """What was spent. Never changed and never deleted; a mistake is reversed.

    Only `ledger.py` writes here. `generation` is no foreign key: deleting a conversation does
    not delete what it cost.
    """

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries")
    kind = models.CharField(max_length=8, choices=EntryKind.choices)
    posted = models.DateTimeField(default=timezone.now)
    day = models.DateField(help_text="The day of `posted` in the account's time zone.")
    amount = UsdField(help_text="USD; negative in a reversal.")
    generation = models.UUIDField(null=True, blank=True)
    round = models.PositiveSmallIntegerField(default=1)
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, null=True, blank=True)
    model = models.CharField(max_length=200)
    service_tier = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=12, blank=True, help_text="How the answer ended.")
    input_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    cache_write_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    saved = UsdField(default=0, help_text="USD that cached input cost less than fresh input.")
    breakdown = models.JSONField(default=dict, help_text="Part → USD; they add up to the amount.")
    estimated = models.BooleanField(default=False, help_text="Usage was not reported.")
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversal"
    )
    reason = models.CharField(max_length=500, blank=True)
    posted_by = models.CharField(max_length=254, blank=True, help_text="Who reversed it.")

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(
                fields=["generation", "round", "kind"],
                condition=~Q(kind=EntryKind.REVERSAL),
                name="entry_once_per_round",
            ),
            models.CheckConstraint(
                condition=Q(kind=EntryKind.REVERSAL, reverses__isnull=False, amount__lte=0)
                | (~Q(kind=EntryKind.REVERSAL) & Q(reverses=None, amount__gte=0)),
                name="entry_negative_only_if_reversal",
            ),
            models.CheckConstraint(
                condition=~Q(kind=EntryKind.REVERSAL) | ~Q(reason=""),
                name="reversal_has_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["account", "posted", "amount"], name="entry_balance"),
            models.Index(fields=["day", "model"], name="entry_day"),
            models.Index(fields=["posted"], name="entry_posted"),
        ]

    def __str__(self) -> str:
        return f"{money(self.amount)} USD {self.model}"


class DailySpend(models.Model):
    """Roll-up of the ledger by account, day and model, written in the posting transaction."""

    pk = models.CompositePrimaryKey("day", "account", "model")
    day = models.DateField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="days")
    model = models.CharField(max_length=200)
    amount = UsdField(default=0)
    saved = UsdField(default=0)
    estimated_amount = UsdField(default=0)
    entries = models.IntegerField(default=0)
    estimated = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["account", "day"], name="spend_of_account"),
            models.Index(fields=["day", "model"], name="spend_of_model"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.model} {money(self.amount)} USD"
