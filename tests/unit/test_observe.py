"""What runs is known to log lines and traces: where it begins, where it ends, and nowhere else."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from chatsite import logcontext, observe, tracing
from conversations.database import DatabaseThread
from conversations.protocol import Ping, StopGeneration
from conversations.upstream.attempts import RESPONSES, Attempts
from conversations.upstream.errors import UpstreamFailure
from tests.collector import Collector, running_collector
from tests.site import ROOT

TRACEPARENT = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}


@pytest.fixture
def collector(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Traces go there; they are there after `tracing.stop()`."""
    with running_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setattr(tracing, "STOP_SECONDS", 30.0)  # a busy machine delivers late
        settings.TRACES = True
        tracing.start()
        yield collector
        tracing.stop()


@pytest.fixture
async def attempts() -> Any:
    thread = DatabaseThread("test")
    yield Attempts(thread)
    await thread.close()


async def test_a_call_says_how_it_went_and_when_its_first_output_came(
    collector: Collector, attempts: Attempts
) -> None:
    async with attempts.begin(RESPONSES, "good") as attempt:
        attempt.answered("req_1")
        await asyncio.sleep(0.02)
        attempt.output()
    with pytest.raises(UpstreamFailure):
        async with attempts.begin(RESPONSES, "bad"):
            raise UpstreamFailure("silence", said="You said: dear diary")
    with pytest.raises(asyncio.CancelledError):
        async with attempts.begin(RESPONSES, "left"):
            raise asyncio.CancelledError
    async with attempts.begin(RESPONSES, "told") as attempt:
        attempt.failure = UpstreamFailure("failed", "server_error")
    tracing.stop()
    spans = {span.attributes["gen_ai.request.model"]: span for span in collector.spans}
    outcomes = {name: span.attributes["chatsite.outcome"] for name, span in spans.items()}
    assert outcomes == {
        "good": "ok",
        "bad": "silence",
        "left": "stopped",
        "told": "failed",
    }
    assert [name for name, span in spans.items() if span.failed] == ["bad", "told"]
    assert spans["good"].attributes["chatsite.upstream_request"] == "req_1"
    first = spans["good"].attributes["chatsite.first_output_ms"]
    assert 15 <= first <= spans["good"].milliseconds + 1
    assert "chatsite.first_output_ms" not in spans["bad"].attributes
    assert b"diary" not in collector.raw


def test_upstream_learns_of_a_trace_only_when_propagation_is_asked_for(
    collector: Collector, settings: Settings
) -> None:
    with tracing.span("mine", "client", TRACEPARENT):
        assert tracing.headers() == {}
        settings.OTEL_PROPAGATORS = ["tracecontext"]
        sent = tracing.headers()["traceparent"]
        assert sent.split("-")[1] == tracing.trace_id() == TRACEPARENT["traceparent"].split("-")[1]
        assert sent != TRACEPARENT["traceparent"]
    tracing.stop()
    assert tracing.headers() == {}
    assert tracing.trace_id() == ""


async def test_each_command_of_a_socket_has_an_id_below_the_sockets(collector: Collector) -> None:
    seen: list[dict[str, Any]] = []
    user = SimpleNamespace(pk=7, is_authenticated=True)
    generation = uuid.uuid4()

    async def obey(command: Any) -> None:
        logcontext.bind(upstream_request="req_1")
        await asyncio.sleep(0)

    async def tab(id: bytes) -> None:
        observe.socket({"headers": [(b"x-request-id", id)], "user": user})
        for command in (StopGeneration(generation), Ping("1")):
            await observe.command(command, obey)
            seen.append(logcontext.known())

    await asyncio.gather(asyncio.create_task(tab(b"one")), asyncio.create_task(tab(b"two")))
    tracing.stop()
    shared = {"user": logcontext.user_hash(7), "upstream_request": "req_1"}
    assert sorted(seen, key=lambda line: line["request"]) == [
        {"request": "one.1", "generation": str(generation), **shared},
        {"request": "one.2", **shared},
        {"request": "two.1", "generation": str(generation), **shared},
        {"request": "two.2", **shared},
    ]
    assert [span.name for span in collector.spans] == ["socket generation.stop"] * 2
    assert logcontext.known() == {}


@pytest.mark.parametrize("offered", [None, "", "two words", "a" * 65, "évil", "a\nb"])
def test_an_id_that_is_none_is_replaced(offered: str | None) -> None:
    assert logcontext.new_id("from-proxy_1.2") == "from-proxy_1.2"
    made = logcontext.new_id(offered)
    assert made != offered
    assert len(made) == 32


async def test_requests_in_a_loop_and_in_threads_are_told_alike() -> None:
    async def in_loop(request: HttpRequest) -> HttpResponse:
        return HttpResponse(logcontext.known()["request"])

    def in_thread(request: HttpRequest) -> HttpResponse:
        return HttpResponse(logcontext.known()["request"])

    request = HttpRequest()
    request.META["HTTP_X_REQUEST_ID"] = "mine"
    for answer in (await observe.requests(in_loop)(request), observe.requests(in_thread)(request)):
        assert (answer.content, answer["X-Request-ID"]) == (b"mine", "mine")
    assert logcontext.known() == {}


def test_a_user_is_told_by_a_hash_that_needs_the_secret_key(settings: Settings) -> None:
    before = logcontext.user_hash(41)
    assert before != logcontext.user_hash(42)
    logcontext.user_hash.cache_clear()
    assert logcontext.user_hash(41) == before
    settings.SECRET_KEY = "another"
    logcontext.user_hash.cache_clear()
    assert logcontext.user_hash(41) != before
    logcontext.user_hash.cache_clear()


def test_a_collector_that_answers_nobody_holds_up_the_end_for_a_moment_only() -> None:
    # In a process of its own: its exporter goes on trying behind the test.
    code = (
        "import django, time; django.setup(); from chatsite import tracing;"
        "tracing.STOP_SECONDS = 0.5; tracing.start();"
        "lost = tracing.span('lost'); lost.__enter__(); had = tracing.trace_id();"
        "lost.__exit__(None, None, None);"
        "began = time.monotonic(); tracing.stop();"
        "print(bool(had), time.monotonic() - began < 5, repr(tracing.trace_id()))"
    )
    environment = os.environ | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "DJANGO_SETTINGS_MODULE": "chatsite.settings",
        "SECRET_KEY": "tests-only",
    }
    command = [sys.executable, "-c", code]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, timeout=60
    )
    assert run.stdout == "True True ''\n"


def test_without_its_variables_nothing_that_traces_is_loaded() -> None:
    code = (
        "import django, sys; django.setup(); import chatsite.observe;"
        "from chatsite import tracing; tracing.start();"
        "tracing.span('x').__enter__(); tracing.note(a=1); tracing.trace_id();"
        # redis-py loads some of the packages by itself when they are installed.
        "ours = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'opentelemetry.proto');"
        "print([name for name in sys.modules if name.startswith(ours)])"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("[]\n", "")
