"""The chat: conversations, generations, the browser's socket."""

from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"
