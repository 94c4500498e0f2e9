"""The admin of chats: moderation, and how the model service does.

Who may do what is in billing/roles.py.
"""

from conversations.admin import circuits, moderation

__all__ = ["circuits", "moderation"]
