"""The decisions of the review: an answer is given back, or stays withdrawn; a question may be
asked again, or not.

Both are final, and for one person alone: who comes second is refused in words, and so is who
decides on what is their own.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from conversations.fold import text_of
from conversations.models import OPEN_STATUSES, Generation, ModerationFlag, Status
from conversations.recorder import forget

Decision = ModerationFlag.Decision

REVIEWED = "moderation_reviewed"
"""The error code of what was given back, and is not as it would have been without the flag."""
CUT = "A check had stopped this answer here. It was reviewed and given back."
MAY_BE_ASKED = "Your question was reviewed and may be asked now."
WHOLE = (None, "completed", "failed")
"""States of items that were not cut off; servers leave them out."""


class NotReviewable(Exception):
    """It can't be decided. The message is for the reviewer."""


def approve(flag: ModerationFlag, user: Any) -> None:
    """Gives the answer back; a flagged question passes when its owner asks it again.

    An answer that was whole is `completed` then, one that the flag had cut off `interrupted`.
    `user` is who decides. `flag` says so afterwards.

    Raises:
        NotReviewable: it is the user's own, somebody has decided, or the answer has not ended.
    """
    with transaction.atomic():
        _decide(flag, user, Decision.APPROVED)
        if flag.source == ModerationFlag.Source.ANSWER:
            _give_back(flag)
        else:
            error = {"code": REVIEWED, "message": MAY_BE_ASKED, "retryable": True}
            Generation.objects.filter(pk=flag.generation_id).update(error=error)


def uphold(flag: ModerationFlag, user: Any) -> None:
    """Leaves things as they are. Raises as `approve` does."""
    with transaction.atomic():
        _decide(flag, user, Decision.UPHELD)


def is_own(user: Any, flag: ModerationFlag) -> bool:
    """Whether it is about what this person asked, or was answered: somebody else decides."""
    if user.is_superuser:
        return False
    return bool(flag.generation.turn.conversation.owner_id == user.pk)


def may_ask(generation: Generation) -> bool:
    """Whether a reviewer has approved the very question, asked by the same person before."""
    turn = generation.turn
    return ModerationFlag.objects.filter(
        decision=Decision.APPROVED,
        source=ModerationFlag.Source.QUESTION,
        generation__turn__text=turn.text,
        generation__turn__conversation__owner=turn.conversation.owner_id,
    ).exists()


def purge(older_than: timedelta) -> int:
    """Deletes flags of that age, decided or not, with all they keep; returns how many.

    What such a flag had withdrawn can't be given back any more.
    """
    before: datetime = timezone.now() - older_than
    deleted, _ = ModerationFlag.objects.filter(created__lt=before).delete()
    return deleted


def _decide(flag: ModerationFlag, user: Any, decision: str) -> None:
    """Notes the decision; the lock lets one of two reviewers through."""
    if is_own(user, flag):
        raise NotReviewable("This is about your own conversation. Somebody else must decide.")
    found = ModerationFlag.objects.select_for_update().get(pk=flag.pk)
    if found.decision != Decision.OPEN:
        raise NotReviewable(f"{_name(found)} decided already: {found.get_decision_display()}.")
    if Generation.objects.filter(pk=flag.generation_id, status__in=OPEN_STATUSES).exists():
        raise NotReviewable("This answer has not ended yet. Decide in a moment.")
    flag.decision, flag.reviewed_by, flag.reviewed = decision, user, timezone.now()
    flag.save(update_fields=["decision", "reviewed_by", "reviewed"])


def _give_back(flag: ModerationFlag) -> None:
    """Puts back what was withdrawn. The log goes: it tells of a retraction that holds no more,
    and a tab that lacks a part of it gets a snapshot instead."""
    forget(flag.generation_id)
    whole = all(item.get("status") in WHOLE for item in flag.withdrawn)
    cut = {"code": REVIEWED, "message": CUT, "retryable": True}
    Generation.objects.filter(pk=flag.generation_id).update(
        items=flag.withdrawn,
        text=text_of(flag.withdrawn),
        notice="",
        error=None if whole else cut,
        status=Status.COMPLETED if whole else Status.INTERRUPTED,
    )


def _name(flag: ModerationFlag) -> str:
    return str(flag.reviewed_by or "Somebody")
