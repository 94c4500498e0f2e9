"""The checker that the settings name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

from conversations.moderation.local_checker import LocalChecker
from conversations.moderation.openai_checker import OpenAIChecker
from conversations.moderation.verdict import Checker
from conversations.upstream.attempts import Attempts

if TYPE_CHECKING:
    from openai import AsyncOpenAI


def checker(
    sdk: "AsyncOpenAI", attempts: Attempts, headers: Mapping[str, Any] | None = None
) -> Checker:
    """One for the process; `sdk` and `headers` are the upstream client's."""
    thresholds = settings.MODERATION_THRESHOLDS
    if settings.MODERATION_CHECKER == "openai":
        return OpenAIChecker(sdk, attempts, thresholds, headers)
    if settings.MODERATION_CHECKER == "local":
        return LocalChecker(thresholds)
    own: Checker = import_string(settings.MODERATION_CHECKER)()
    return own
