"""What is logged, and how it looks: Django's LOGGING setting.

One object a line on stderr, third-party lines too; on a terminal lines for people. What they
may say is decided in `logwords.py`, what else stands on them in `logcontext.py`.
"""

import logging
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import structlog

from chatsite import logwords
from chatsite.redaction import redact

logger = logging.getLogger(__name__)

FORMATS = ("auto", "json", "console")
TRACES_EVERY_SECONDS = 600.0
"""How often we say that traces can't be delivered: nothing depends on them."""


def settings_for(look: str, text: bool) -> dict[str, Any]:
    """LOGGING for LOG_FORMAT `look`; `text`: lines may quote people and models."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"calm": {"()": "chatsite.logs.Calm"}},
        "formatters": {"line": {"()": "chatsite.logs.formatter", "look": look, "text": text}},
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["calm"],
            }
        },
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": {
            "chatsite": {"level": "INFO"},
            "conversations": {"level": "INFO"},
            "billing": {"level": "INFO"},
            # Django's own handlers write plain text, and mail what people posted.
            "django": {"level": "WARNING", "handlers": []},
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "INFO", "handlers": [], "propagate": True},
        },
    }


def formatter(look: str, text: bool) -> logging.Formatter:
    """Renders records in one of FORMATS."""
    terminal = look == "console" or (look == "auto" and sys.stderr.isatty())
    render: list[Any] = [structlog.processors.JSONRenderer()]
    if terminal:
        colours = sys.stderr.isatty()
        render = [_for_people, structlog.dev.ConsoleRenderer(pad_event_to=0, colors=colours)]

    def fields(logger: object, method: str, event: structlog.typing.EventDict) -> dict[str, Any]:
        return _fields(event, text)

    return structlog.stdlib.ProcessorFormatter(
        processors=[fields, *render, _redacted],
        pass_foreign_args=True,
        use_get_message=False,  # what is put into it is looked at first
    )


def _fields(event: Mapping[str, Any], text: bool) -> dict[str, Any]:
    """A record as what stands on its line, in this order."""
    from chatsite import logcontext, tracing

    record: logging.LogRecord = event["_record"]
    record.args = event.get("positional_args") or ()
    fields: dict[str, Any] = {
        "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": logwords.words(record, text),
        **logcontext.known(),
    }
    record.args = ()
    if trace := tracing.trace_id():
        fields["trace"] = trace
    error = (event.get("exc_info") or (None, None))[1]
    if error is not None:
        fields["exception"] = list(logwords.chain(error, text))
    return fields


def _redacted(logger: object, method: str, line: Any) -> str:
    """The whole line, when nothing more is added to it."""
    return redact(str(line))


def _for_people(logger: object, method: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The time of day, and the traceback in lines of its own."""
    fields["timestamp"] = fields["timestamp"][11:19]
    if errors := fields.get("exception"):
        fields["exception"] = "\n".join(_lines(errors))
    return fields


def _lines(errors: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for error in errors:
        yield error["message"]
        yield from (f"    {frame}" for frame in error["frames"])


class Calm(logging.Filter):
    """Lets one line through now and then of those that say that traces can't be delivered."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("opentelemetry."):
            return True
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + TRACES_EVERY_SECONDS
        return True


def take_over() -> None:
    """Lets what Python would print on stderr by itself go through the log: warnings, and
    exceptions that nobody caught, whose words may quote anybody."""
    logging.captureWarnings(True)

    def uncaught(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit):
            logger.critical("nobody caught this", exc_info=(kind, error, trace))

    sys.excepthook = uncaught
    threading.excepthook = lambda a: uncaught(a.exc_type, a.exc_value, a.exc_traceback)
    sys.unraisablehook = lambda a: uncaught(a.exc_type, a.exc_value, a.exc_traceback)
