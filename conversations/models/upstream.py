"""What is known of the model service's health, and of the processes that ask it."""

from django.db import models
from django.db.models import Q


class UpstreamCall(models.Model):
    """One attempt to get an answer from a model. Written about a second after its end; kept
    for the admin's figures, nothing else depends on it.

    `outcome` is `ok`, `stopped` (by the person, or by us), or one of the failure kinds of
    `upstream/errors.py`. What upstream wrote is not kept: it may quote what people wrote.
    """

    endpoint = models.CharField(max_length=20, help_text="`responses` or `moderations`.")
    model = models.CharField(max_length=200)
    generation = models.UUIDField(null=True, help_text="No foreign key: it may be deleted.")
    ended = models.DateTimeField()
    first_ms = models.PositiveIntegerField(null=True, help_text="Time to the first output.")
    total_ms = models.PositiveIntegerField()
    outcome = models.CharField(max_length=40)
    code = models.CharField(max_length=100, blank=True, help_text="Upstream's own code.")
    status = models.PositiveSmallIntegerField(null=True, help_text="Of HTTP; none came: null.")
    request_id = models.CharField(max_length=200, blank=True, help_text="Upstream's x-request-id.")

    class Meta:
        verbose_name = "upstream call"
        default_permissions = ("view",)
        indexes = [
            models.Index(fields=["ended"], name="upstream_calls_ended"),
            models.Index(fields=["model", "ended"], name="upstream_calls_of_model"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.outcome}"


class Circuit(models.Model):
    """The circuit breaker of one endpoint and model, shared by all processes.

    Read, changed by a pure function (`upstream/breaker.py`) and written back where `version`
    is still what was read: whoever comes second reads again.
    """

    endpoint = models.CharField(max_length=20)
    model = models.CharField(max_length=200)
    version = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0, help_text="In a row, while closed.")
    failed_at = models.DateTimeField(null=True, help_text="When the last of these was.")
    era = models.PositiveBigIntegerField(
        default=0,
        help_text="Raised with each opening: what began in an earlier one changes nothing.",
    )
    trips = models.PositiveIntegerField(default=0, help_text="Openings in a row.")
    open_until = models.DateTimeField(null=True, help_text="When a probe may go; closed: null.")
    probe = models.CharField(max_length=32, blank=True, help_text="Who may ask; nobody: empty.")
    probe_until = models.DateTimeField(null=True, help_text="When a silent probe is given up.")
    changed = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "circuit breaker"
        verbose_name_plural = "upstream health"  # the page that shows them
        default_permissions = ("view", "change")
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "model"], name="circuit_once"),
            models.CheckConstraint(
                condition=Q(probe="", probe_until=None)
                | (~Q(probe="") & Q(probe_until__isnull=False, open_until__isnull=False)),
                name="circuit_probe_only_while_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.model}"


class UpstreamAlarm(models.Model):
    """What operators were written to about: one row for each endpoint, model and kind, which
    stands from the mail on until it is over. Whoever sets `since` writes the mail.
    """

    class Kind(models.TextChoices):
        OPEN = "open", "The circuit is open."
        FAILING = "failing", "Too many calls fail."

    endpoint = models.CharField(max_length=20)
    model = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=Kind)
    since = models.DateTimeField(null=True, help_text="It is over: null.")
    seen = models.DateTimeField(null=True, help_text="When it was last seen to be so.")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "model", "kind"], name="upstream_alarm_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.model} {self.kind}"


class WorkerSign(models.Model):
    """When a process that runs generations last reached the database."""

    name = models.CharField(max_length=100, primary_key=True)
    seen = models.DateTimeField(db_index=True)
    draining = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.name
