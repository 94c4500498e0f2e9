"""What is kept of a chat.

A conversation is a tree: a turn follows a generation, a generation answers a turn.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Conversation(models.Model):
    """A tree of turns of one owner."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations"
    )
    title = models.CharField(max_length=200, blank=True)
    model = models.CharField(max_length=200, help_text="What the next turn uses unless it says.")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(help_text="When the newest turn came.")

    class Meta:
        indexes = [models.Index(fields=["owner", "-updated"], name="conversation_list")]

    def __str__(self) -> str:
        return self.title or str(self.id)


class Turn(models.Model):
    """One thing the user said. The id is made by the client, which makes sending it idempotent."""

    id = models.UUIDField(primary_key=True, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    follows = models.ForeignKey(
        "Generation", on_delete=models.CASCADE, null=True, blank=True, related_name="followers"
    )
    text = models.TextField()
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created", "id"]

    def __str__(self) -> str:
        return self.text[:60]


class Status(models.TextChoices):
    """Where a generation stands; all but the first two are final (see PROTOCOL's statuses)."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    STOPPED = "stopped"
    FAILED = "failed"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"


OPEN_STATUSES = (Status.QUEUED, Status.RUNNING)


class Generation(models.Model):
    """One attempt to answer a turn.

    While it runs, the event log (`EventFrame`) is its truth; `items`, `text` and the rest are
    written once, with the last event. `epoch` fences writers: whoever claims a generation
    raises it, and a write under an older epoch finds no row.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="generations")
    model = models.CharField(max_length=200)
    instead_of = models.CharField(
        max_length=200, blank=True, help_text="The chosen model, when it could not be reached."
    )
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)

    worker = models.CharField(max_length=100, blank=True, help_text="Who runs it.")
    epoch = models.PositiveIntegerField(default=0, help_text="How often it was claimed.")
    lease_until = models.DateTimeField(null=True, blank=True)
    stop_requested = models.BooleanField(default=False)

    cursor = models.PositiveIntegerField(default=0, help_text="The seq of the last event.")
    items = models.JSONField(default=list, help_text="Upstream's output items.")
    text = models.TextField(blank=True)
    usage = models.JSONField(null=True, blank=True)
    cost = models.DecimalField(max_digits=20, decimal_places=10, default=0, help_text="USD.")
    estimated = models.BooleanField(default=False, help_text="Usage was not reported.")
    error = models.JSONField(null=True, blank=True)
    notice = models.TextField(blank=True, help_text="Shown instead of a retracted text.")

    class Meta:
        ordering = ["created", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="generation_status_is_known"
            ),
            models.CheckConstraint(condition=Q(cost__gte=0), name="generation_cost_not_negative"),
            models.CheckConstraint(
                condition=Q(status__in=OPEN_STATUSES, ended=None)
                | (~Q(status__in=OPEN_STATUSES) & Q(ended__isnull=False)),
                name="generation_ended_if_final",
            ),
        ]
        indexes = [
            models.Index(
                fields=["status", "created"],
                condition=Q(status__in=OPEN_STATUSES),
                name="generation_open",
            ),
            models.Index(fields=["ended"], name="generation_ended"),
            models.Index(fields=["created"], name="generation_created"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.status}"


class EventFrame(models.Model):
    """Neighbouring events of one generation, as the text of the socket frame that carries them.

    Only `recorder.py` writes here. `body` is sent as it stands.
    """

    pk = models.CompositePrimaryKey("generation", "first_seq")
    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="frames")
    first_seq = models.PositiveIntegerField()
    last_seq = models.PositiveIntegerField()
    upstream_seq = models.PositiveBigIntegerField(
        null=True, help_text="Upstream's own number of the last event, by which to resume."
    )
    body = models.TextField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(first_seq__gte=1, last_seq__gte=F("first_seq")),
                name="frame_seqs_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.generation_id} {self.first_seq}-{self.last_seq}"
