"""What a log line may say: nothing that people or models wrote, unless LOG_TEXT=1.

It is an allow-list. Format strings stand in the code, so they pass; of what is put into them
only numbers, ids, names, and of an exception its type and codes. An exception's own words are
left out: upstream quotes prompts, the database quotes rows, a parser quotes what it could not
parse.
"""

import re
import traceback
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from http import HTTPStatus
from logging import LogRecord
from typing import Any
from uuid import UUID

OURS = {"chatsite", "conversations", "billing"}
"""Packages whose format strings are constant; a lint rule sees to that."""
NAME = re.compile(r"[\w.:+-]{1,64}", re.ASCII)
"""A model, a code, an id: neither an address nor a sentence."""
CODES = ("kind", "code", "detail", "status", "status_code", "sqlstate", "smtp_code", "request_id")
"""Attributes of exceptions that tell what happened without quoting anybody."""
CONNECTIONS = {"OperationalError", "InterfaceError", "ConnectionError", "TimeoutError"}
DRIVERS = {"django", "psycopg", "sqlite3", "redis"}
"""What these say when they can't reach their service names hosts and states, never rows."""
PHRASES = {status.phrase for status in HTTPStatus}
MOST_FRAMES = 40


def words(record: LogRecord, text: bool) -> str:
    """The message of a record."""
    message = str(record.msg)
    if not record.args:
        return message if text or record.name.split(".")[0] in OURS else outline(message)
    args: Any = record.args
    if not text:
        named = isinstance(args, Mapping)
        args = {k: _safe(v) for k, v in args.items()} if named else tuple(map(_safe, args))
    try:
        return str(message % args)
    except (TypeError, ValueError, KeyError):  # a placeholder for a number, and none came
        return message


def outline(message: str) -> str:
    """What is left of a message that somebody else put together: its first line without what
    it quotes; of a traceback the places and the type."""
    lines = message.strip().splitlines() or [""]
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        places = [line.strip() for line in lines if line.startswith('  File "')]
        return "; ".join(["Traceback", *places[-MOST_FRAMES:], lines[-1].partition(":")[0]])
    return re.sub(r"'[^']*'|\"[^\"]*\"", _unquoted, lines[0])[:300]


def described(error: BaseException, text: bool = False) -> str:
    """An exception's type and what it may say."""
    name = type(error).__name__
    if text or _tells_of_a_connection(error):
        said = str(error) if text else str(error).partition("\n")[0]
        return f"{name}: {said}" if said else name
    found = [f"{key}={value}" for key, value in _codes(error)]
    return f"{name}: {', '.join(found)}" if found else name


def chain(error: BaseException, text: bool) -> Iterator[dict[str, Any]]:
    """An exception and those behind it, the newest first: type, message, frames."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        frames = traceback.extract_tb(following.__traceback__)[-MOST_FRAMES:]
        yield {
            "type": f"{type(following).__module__}.{type(following).__qualname__}",
            "message": described(following, text),
            "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if isinstance(following, BaseExceptionGroup):
            for one in following.exceptions:
                yield from chain(one, text)
        before = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or before


def _safe(value: object) -> object:
    """What may stand in a line for `value`."""
    match value:
        case None | bool() | int() | float() | Decimal() | UUID() | date() | timedelta() | Enum():
            return value
        case BaseException():
            return described(value)
        case str() if NAME.fullmatch(value) or value in PHRASES:
            return value
        case str() if "Traceback (most" in value:
            return outline(value)
        case str() | bytes():
            return f"<{len(value)} characters>"
        case _:
            return f"<{type(value).__name__}>"


def _codes(error: BaseException) -> Iterator[tuple[str, object]]:
    if isinstance(error, OSError) and error.errno is not None:
        yield "errno", f"{error.errno} {error.strerror or ''}".strip()
    for key in CODES:
        value = getattr(error, key, None)
        if key == "kind":  # a row of a table, of which the name says all
            value = getattr(value, "name", None)
        if isinstance(value, int | Enum) or (isinstance(value, str) and NAME.fullmatch(value)):
            yield key, value
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    if constraint:
        yield "constraint", constraint


def _tells_of_a_connection(error: BaseException) -> bool:
    return any(
        kind.__name__ in CONNECTIONS and kind.__module__.split(".")[0] in DRIVERS
        for kind in type(error).__mro__
    )


def _unquoted(quoted: re.Match[str]) -> str:
    return quoted[0] if NAME.fullmatch(quoted[0][1:-1]) else "'…'"
