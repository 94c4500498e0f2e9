"""What a log line looks like, and that it never says what people or models wrote."""

import asyncio
import io
import json
import logging
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsite import logcontext, logs
from chatsite.logwords import described
from conversations.database import DatabaseThread
from conversations.upstream.errors import UpstreamFailure
from tests.postgres import SERVER as POSTGRES
from tests.services import missing

TEXTS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=30).map(
    lambda text: f"dear {text} diary"
)
"""What a person might write: a sentence."""
NAMES = ["conversations.somewhere", "django.request", "asyncio", "aiohttp.server", "py.warnings"]


@contextmanager
def logged(text: bool = False, look: str = "json") -> Iterator[list[Any]]:
    """Fills the list with the lines that are logged within, parsed."""
    stream = io.StringIO()
    lines: list[Any] = []
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter(look, text))
    root = logging.getLogger()
    others, root.handlers = root.handlers, [handler]  # pytest's can't stand a bad placeholder
    try:
        yield lines
    finally:
        root.handlers = others
        written = stream.getvalue()
        lines += map(json.loads, written.splitlines()) if look == "json" else [written]


def caused(error: Exception, by: Exception) -> Exception:
    """An error that was raised from another one."""

    def fail(how: Exception) -> None:
        raise how

    try:
        fail(by)
    except type(by):
        try:
            fail(error)
        except type(error) as raised:
            raised.__cause__ = by
    return error


def log_with(text: str, name: str) -> None:
    """Every way in which text gets into a line."""
    logger = logging.getLogger(name)
    cause = ValueError(text)
    failure = UpstreamFailure("failed", said=text)
    for value in (text, text.encode(), [text], {"said": text}, cause, failure):
        logger.error("it said %s and %r", value, value)
        logger.error("%(said)s", {"said": value})
    logger.error("for a number came %d", text)
    logger.error("the end", extra={"request": text, "body": text})
    group = ExceptionGroup(text, [cause, KeyError(text)])
    logger.error("a command broke", exc_info=caused(RuntimeError(text), group))


def log_as_others_do(text: str) -> None:
    """Messages that are put together before they are logged."""
    logger = logging.getLogger("others")
    quoted = text.replace("'", "")
    logger.error(f"Task exception was never retrieved\nfuture: <Task {text!r}>")  # noqa: G004
    logger.error(f"Invalid HTTP_HOST header: '{quoted}'. Add '{quoted}' to it.")  # noqa: G004
    logger.error(
        "Traceback (most recent call last):\n"  # noqa: G003
        '  File "a.py", line 1, in b\n    c()\nValueError: ' + text
    )


@settings(max_examples=25, deadline=None)
@given(text=TEXTS, name=st.sampled_from(NAMES))
def test_no_line_says_what_people_wrote(text: str, name: str) -> None:
    with logged() as lines:
        log_with(text, name)
        log_as_others_do(text)
    assert len(lines) > 15
    for line in lines:
        shown = json.dumps(line, ensure_ascii=False)
        assert text not in shown
        assert "diary" not in shown


def test_with_log_text_lines_say_it() -> None:
    with logged(text=True) as lines:
        log_with("dear old diary", "conversations.somewhere")
        log_as_others_do("dear old diary")
    silent = [line["event"] for line in lines if "dear old diary" not in json.dumps(line)]
    # What upstream said of a failure is logged beside it, by who knows whose text that is.
    failure = ["it said failed and UpstreamFailure('failed')", "failed"]
    assert silent == [*failure, "for a number came %d", "the end"]


def test_ids_numbers_and_codes_stay() -> None:
    id = uuid.uuid4()
    with logged() as lines:
        logging.getLogger("billing.x").warning(
            "%s %s %.1f %d %s", id, "gpt-6.1-sol", 0.25, 3, Decimal("1.5")
        )
    assert lines[0]["event"] == f"{id} gpt-6.1-sol 0.2 3 1.5"
    failure = UpstreamFailure("prompt_refused", "invalid_prompt", "You said: dear diary")
    assert described(failure) == (
        "UpstreamFailure: kind=prompt_refused, code=upstream_rejected, detail=invalid_prompt"
    )
    assert described(ConnectionRefusedError(111, "Connection refused", "/dear diary")) == (
        "ConnectionRefusedError: errno=111 Connection refused"
    )


def test_a_line_is_an_object_with_time_level_logger_and_what_is_bound() -> None:
    with logged() as lines:
        logcontext.fresh(request="r", conversation=None).run(
            logging.getLogger("others.deep").warning, "Hm"
        )
    [line] = lines
    assert list(line) == ["timestamp", "level", "logger", "event", "request"]
    assert line["timestamp"].endswith("+00:00")
    assert (line["level"], line["logger"], line["event"]) == ("warning", "others.deep", "Hm")


def test_an_exception_is_in_the_object_with_what_caused_it() -> None:
    with logged() as lines:
        error = caused(LookupError("a"), KeyError("dear diary"))
        logging.getLogger("chatsite").error("broke", exc_info=error)
    newest, cause = lines[0]["exception"]
    assert (newest["type"], cause["type"]) == ("builtins.LookupError", "builtins.KeyError")
    assert "test_log_lines.py:" in cause["frames"][0]


def test_people_read_lines_of_their_own() -> None:
    with logged(look="console") as lines:
        logcontext.fresh(request="r1").run(logging.getLogger("chatsite").warning, "Look %s", "here")
        error = caused(ValueError("dear diary"), KeyError("a"))
        logging.getLogger("chatsite").error("broke", exc_info=error)
    first, second, *rest = lines[0].splitlines()
    assert first[2] == first[5] == ":"
    assert "Look here" in first
    assert "request=r1" in first
    assert "broke" in second
    assert rest[0] == "ValueError"
    assert "test_log_lines.py:" in rest[1]


def test_traces_that_cannot_be_delivered_are_mentioned_once() -> None:
    calm = logs.Calm()
    record = logging.makeLogRecord({"name": "opentelemetry.exporter.otlp"})
    assert [calm.filter(record) for _ in range(3)] == [True, False, False]
    assert calm.filter(logging.makeLogRecord({"name": "conversations"}))


async def test_a_database_thread_logs_for_who_asked_and_for_nobody_else() -> None:
    thread = DatabaseThread("test")
    logger = logging.getLogger("conversations.thread")
    run = asyncio.create_task
    try:
        with logged() as lines:
            await run(thread.once(logger.warning, "one"), context=logcontext.fresh(request="1"))
            await run(thread.once(logger.warning, "two"), context=logcontext.fresh())
    finally:
        await thread.close()
    assert [line.get("request") for line in lines] == ["1", None]


def test_a_row_that_the_database_quotes_is_not_logged() -> None:
    try:
        connection = psycopg.connect(POSTGRES)
    except psycopg.OperationalError as error:
        missing("PostgreSQL", str(error).splitlines()[0])
    with connection as database, logged() as lines:
        database.execute("CREATE TEMP TABLE said (text text CONSTRAINT once UNIQUE)")
        try:
            database.execute("INSERT INTO said VALUES ('dear diary'), ('dear diary')")
        except psycopg.IntegrityError as error:
            assert "dear diary" in str(error)
            logging.getLogger("conversations").error("no: %s", error, exc_info=error)
        database.rollback()
    assert "diary" not in json.dumps(lines)
    assert lines[0]["event"] == "no: UniqueViolation: sqlstate=23505, constraint=once"
