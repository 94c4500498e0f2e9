"""Numbered system checks: a configuration that can't work stops the start, in words.

| id | what is wrong |
| --- | --- |
| chatsite.E001 | a variable holds a value that can't be used |
| chatsite.E002 | there is no SECRET_KEY |
| chatsite.E003 | CHAT_DEFAULT_MODEL is not among the offered models |
| chatsite.E004 | an offered model has no known price, and unpriced models are refused |
| chatsite.E005 | external workers need a channel layer that reaches other processes |
| chatsite.W001 | external workers on SQLite |
| chatsite.E006 | MODERATION_CHECKER is openai, but the embedded model has no moderations |
| chatsite.E007 | MODERATION_CHECKER names no class with an async `check` |
| chatsite.E008 | CHAT_FALLBACKS names a model that CHAT_MODELS does not offer |
| chatsite.E010 | OPENAI_API_KEY and OPENAI_API_KEY_FILE are both set |
| chatsite.E011 | there is no key in OPENAI_API_KEY_FILE |
"""

from collections.abc import Iterator, Sequence
from inspect import iscoroutinefunction
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.utils.module_loading import import_string

from billing import pricing
from chatsite import keyfile
from chatsite.redaction import redact


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
            problem.words,
            hint=f"Set {problem.name} to {problem.expected}, or leave it out.",
            id="chatsite.E001",
        )
    if settings.SECRET_KEY == settings.NO_SECRET_KEY:
        yield checks.Error(
            "SECRET_KEY is not set.",
            hint="Run `make run` once: it writes a .env with a fresh one. Or set SECRET_KEY.",
            id="chatsite.E002",
        )
    yield from _key_messages()
    yield from _model_messages()
    if settings.GENERATION_WORKERS == "external" and not settings.REDIS_URL:
        yield checks.Error(
            "GENERATION_WORKERS is 'external', but REDIS_URL is empty.",
            hint="Set REDIS_URL, so that workers and web processes hear each other, "
            "or set GENERATION_WORKERS to inline.",
            id="chatsite.E005",
        )
    if settings.GENERATION_WORKERS == "external" and connection.vendor == "sqlite":
        yield checks.Warning(
            "GENERATION_WORKERS is 'external', and the database is SQLite.",
            hint="Several processes want PostgreSQL: set DATABASE_URL. Nothing answers until a "
            "`manage.py rungenerations` runs on the same database.",
            id="chatsite.W001",
        )
    if settings.MODERATION != "off":
        yield from _checker_messages()


def _checker_messages() -> Iterator[checks.CheckMessage]:
    name = settings.MODERATION_CHECKER
    if name == "openai" and settings.LOCAL_MODEL:
        yield checks.Error(
            "MODERATION_CHECKER is 'openai', but there is no model server to ask.",
            hint="Set OPENAI_API_KEY, or set MODERATION_CHECKER to local.",
            id="chatsite.E006",
        )
    if name in ("openai", "local"):
        return
    try:
        found = import_string(name)
    except (ImportError, TypeError, ValueError) as error:  # `..` is not even a path
        problem = str(error)
    else:
        if isinstance(found, type) and iscoroutinefunction(getattr(found, "check", None)):
            return
        problem = "that is no class with an async method `check`"
    yield checks.Error(
        f"MODERATION_CHECKER is {name!r}, which can't be used: {problem}.",
        hint="Set MODERATION_CHECKER to openai, to local, or to the dotted path of a class "
        "with `async def check(self, text)`.",
        id="chatsite.E007",
    )


def _key_messages() -> Iterator[checks.CheckMessage]:
    file = settings.OPENAI_API_KEY_FILE
    if not file:
        return
    if settings.OPENAI_API_KEY:
        yield checks.Error(
            "OPENAI_API_KEY and OPENAI_API_KEY_FILE are both set.",
            hint="Set one of them, and leave the other out or empty.",
            id="chatsite.E010",
        )
    try:
        keyfile.read(file)
    except keyfile.NoKey as problem:
        yield checks.Error(
            # Redacted, since somebody may have put the key itself there.
            f"OPENAI_API_KEY_FILE is {redact(str(file))!r}, but {problem}.",
            hint="Put the key and nothing else into that file, readable for the site's user, "
            "or name another file.",
            id="chatsite.E011",
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
    for model in settings.CHAT_FALLBACKS:
        if offered and model not in offered:
            yield checks.Error(
                f"CHAT_FALLBACKS names {model!r}, which CHAT_MODELS does not offer.",
                hint=f"Name models out of {', '.join(offered)}, or offer it too.",
                id="chatsite.E008",
            )
    if settings.UNPRICED_MODELS != "refuse":
        return
    for model in offered:
        if not _is_priced(model):
            yield checks.Error(
                f"CHAT_MODELS offers {model!r}, but no price is known for it.",
                hint="Take it out of CHAT_MODELS until it has a price under /admin/billing/price/, "
                "or set UNPRICED_MODELS to free to count its use as costing nothing.",
                id="chatsite.E004",
            )


def _is_priced(model: str) -> bool:
    try:
        return pricing.may_be_called(model)
    except DatabaseError:
        # Not migrated yet, so that nobody can have added a price. Or not there, which whoever
        # needs it next says better.
        return pricing.price_of(model) is not None
