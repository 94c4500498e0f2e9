"""Numbered system checks: a configuration that can't work stops the start, in words.

| id | what is wrong |
| --- | --- |
| chatsite.E001 | a variable holds a value that can't be used |
| chatsite.E002 | there is no SECRET_KEY |
| chatsite.E003 | CHAT_DEFAULT_MODEL is not among the offered models |
| chatsite.E004 | an offered model has no known price, and unpriced models are refused |
| chatsite.E005 | external workers need a channel layer that reaches other processes |
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from billing import pricing


def register() -> None:
    """Adds our checks to Django's."""
    checks.register(check_settings)


def check_settings(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """All that can be seen from the settings alone."""
    return list(_messages())


def _messages() -> Iterator[checks.CheckMessage]:
    for problem in settings.ENVIRONMENT_PROBLEMS:
        yield checks.Error(
            f"{problem.name} is {problem.value!r}, which can't be used.",
            hint=f"Set {problem.name} to {problem.expected}, or leave it out.",
            id="chatsite.E001",
        )
    if settings.SECRET_KEY == settings.NO_SECRET_KEY:
        yield checks.Error(
            "SECRET_KEY is not set.",
            hint="Run `make run` once: it writes a .env with a fresh one. Or set SECRET_KEY.",
            id="chatsite.E002",
        )
    yield from _model_messages()
    if settings.GENERATION_WORKERS == "external" and not settings.REDIS_URL:
        yield checks.Error(
            "GENERATION_WORKERS is 'external', but REDIS_URL is empty.",
            hint="Set REDIS_URL, so that workers and web processes hear each other, "
            "or set GENERATION_WORKERS to inline.",
            id="chatsite.E005",
        )


def _model_messages() -> Iterator[checks.CheckMessage]:
    offered = settings.CHAT_MODELS
    default = settings.CHAT_DEFAULT_MODEL
    if default and offered and default not in offered:
        yield checks.Error(
            f"CHAT_DEFAULT_MODEL is {default!r}, which CHAT_MODELS does not offer.",
            hint=f"Set CHAT_DEFAULT_MODEL to one of {', '.join(offered)}, or offer it too.",
            id="chatsite.E003",
        )
    if settings.UNPRICED_MODELS != "refuse":
        return
    for model in offered:
        if pricing.price_of(model) is None:
            yield checks.Error(
                f"CHAT_MODELS offers {model!r}, but no price is known for it.",
                hint="Take it out of CHAT_MODELS, or set UNPRICED_MODELS to free "
                "to count its use as costing nothing.",
                id="chatsite.E004",
            )
