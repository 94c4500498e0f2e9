"""How text is moderated for whom, and what moderation found."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class ModerationPolicy(models.Model):
    """How text is moderated for a group of users, a model, or both, when not as the site does."""

    class Mode(models.TextChoices):
        OFF = "off", "off: nothing is checked"
        WATCH = "watch", "watch: shown, checked, withdrawn"
        HOLD = "hold", "hold: checked, then shown"

    group = models.ForeignKey(
        "auth.Group", on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: everybody."
    )
    model = models.CharField(max_length=200, blank=True, help_text="Empty: every model.")
    mode = models.CharField(max_length=5, choices=Mode.choices)

    class Meta:
        verbose_name_plural = "moderation policies"
        constraints = [
            models.UniqueConstraint(fields=["group", "model"], name="policy_of_a_group_once"),
            models.UniqueConstraint(
                fields=["model"], condition=Q(group=None), name="policy_of_everybody_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mode} for {self.group or 'everybody'}, {self.model or 'every model'}"


class ModerationFlag(models.Model):
    """Something that a checker found, for review.

    `withdrawn` keeps the answer's items, so that an approval can give them back.
    """

    class Source(models.TextChoices):
        QUESTION = "question"
        ANSWER = "answer"

    class Decision(models.TextChoices):
        OPEN = "open"
        APPROVED = "approved"
        UPHELD = "upheld"

    generation = models.ForeignKey(
        "conversations.Generation", on_delete=models.CASCADE, related_name="flags"
    )
    source = models.CharField(max_length=8, choices=Source.choices)
    excerpt = models.TextField(help_text="The text that was checked.")
    categories = models.JSONField(default=list)
    scores = models.JSONField(default=dict)
    model = models.CharField(max_length=200)
    policy = models.CharField(max_length=300, help_text="Mode and checker.")
    withdrawn = models.JSONField(default=list)
    created = models.DateTimeField(auto_now_add=True)
    decision = models.CharField(max_length=8, choices=Decision.choices, default=Decision.OPEN)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True
    )
    reviewed = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]
        indexes = [models.Index(fields=["decision", "-created"], name="flags_to_review")]
        permissions = [("review_moderationflag", "Can decide on what moderation found")]

    def __str__(self) -> str:
        return f"{self.source}: {', '.join(self.categories) or 'flagged'}"
