"""What the database keeps of chats, of moderation, and of the model service's health."""

from conversations.models.chats import (
    OPEN_STATUSES,
    Conversation,
    EventFrame,
    Generation,
    Status,
    Turn,
)
from conversations.models.moderation import ModerationFlag, ModerationPolicy
from conversations.models.upstream import Circuit, UpstreamAlarm, UpstreamCall, WorkerSign

__all__ = [
    "OPEN_STATUSES",
    "Circuit",
    "Conversation",
    "EventFrame",
    "Generation",
    "ModerationFlag",
    "ModerationPolicy",
    "Status",
    "Turn",
    "UpstreamAlarm",
    "UpstreamCall",
    "WorkerSign",
]
