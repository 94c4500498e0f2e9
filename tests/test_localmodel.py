"""The embedded model, for real: the child process, its stream, its deaths."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError

from chatsite.localmodel import MODEL_DEFAULTS, MODEL_NAME, LocalModel, Status
from chatsite.localmodel_process import (
    why_not_here,
)
from tests.services import missing

ROOT = Path(__file__).resolve().parent.parent
LOAD_SECONDS = 60
pytestmark = pytest.mark.xdist_group("localmodel")  # one model at a time is enough for a machine
runs_here = pytest.mark.usefixtures("embedded")


@pytest.fixture(scope="module")
def embedded() -> None:
    """Skips the tests that need the real model where it can't run."""
    if why_not_here():
        missing("the embedded model", why_not_here())


@pytest.fixture(scope="module")
def model(embedded: None) -> Iterator[LocalModel]:
    """A model that is ready."""
    model = LocalModel(pause=0.05)
    model.start()
    status = model.wait("ready", "failed", timeout=LOAD_SECONDS)
    assert status.state == "ready", status
    yield model
    model.stop()


def client_of(model: LocalModel) -> AsyncOpenAI:
    assert model.endpoint
    return AsyncOpenAI(
        base_url=model.endpoint.base_url, api_key=model.endpoint.api_key, max_retries=0
    )


async def events_of(model: LocalModel, text: str, **options: Any) -> list[dict[str, Any]]:
    """The events of one streamed answer, as they came over the wire."""
    request: dict[str, Any] = {
        "model": MODEL_NAME,
        "input": [{"type": "message", "role": "user", "content": text}],
        "instructions": MODEL_DEFAULTS["instructions"],
        "temperature": 0,
        "stream": True,
        **options,
    }
    async with client_of(model) as client:
        create = client.responses.with_streaming_response.create
        async with create(**request) as response:
            lines = [line async for line in response.iter_lines()]
    data = (line.removeprefix("data: ") for line in lines if line.startswith("data: {"))
    return [json.loads(text) for text in data]


@runs_here
async def test_an_answer_streams_in_pieces_that_make_the_whole(model: LocalModel) -> None:
    events = await events_of(model, "What is the capital of France?", max_output_tokens=40)
    types = [event["type"] for event in events]
    assert types[0] == "response.created"
    assert types[-1] == "response.completed"
    deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
    assert len(deltas) > 3
    assert "Paris" in "".join(deltas)
    (done,) = [e["text"] for e in events if e["type"] == "response.output_text.done"]
    assert "".join(deltas) == done
    assert events[-1]["response"]["usage"]["output_tokens"] >= len(deltas)


@runs_here
async def test_a_cut_answer_says_completed_and_its_usage_shows_the_cut(model: LocalModel) -> None:
    events = await events_of(model, "Tell me a long story.", max_output_tokens=8)
    final = events[-1]["response"]
    assert final["status"] == "completed"
    assert final["usage"]["output_tokens"] == 8


@runs_here
async def test_input_beyond_the_slot_is_refused_with_a_code(model: LocalModel) -> None:
    too_long = "word " * (int(str(MODEL_DEFAULTS["context_tokens"])) + 100)
    with pytest.raises(BadRequestError) as refusal:
        await events_of(model, too_long)
    body = refusal.value.body
    assert isinstance(body, dict)
    assert body["type"] == "exceed_context_size_error"


@runs_here
async def test_four_chats_are_answered_at_once(model: LocalModel) -> None:
    answers = await asyncio.gather(
        *(events_of(model, "Say hello.", max_output_tokens=16) for _ in range(4))
    )
    assert {events[-1]["type"] for events in answers} == {"response.completed"}


@runs_here
def test_without_the_key_nothing_is_answered(model: LocalModel) -> None:
    assert model.endpoint
    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(f"{model.endpoint.base_url}/models")
    refusal.value.close()
    assert refusal.value.code == 401


@runs_here
async def test_a_killed_child_is_replaced_at_the_same_address(model: LocalModel) -> None:
    before = model.wait("ready", timeout=LOAD_SECONDS)
    address = model.endpoint
    assert before.pid
    os.kill(before.pid, signal.SIGKILL)
    assert model.wait("restarting", timeout=10).message
    after = model.wait("ready", timeout=LOAD_SECONDS)
    assert after.state == "ready"
    assert after.pid != before.pid
    assert model.endpoint == address
    events = await events_of(model, "Say hello.", max_output_tokens=8)
    assert events[-1]["type"] == "response.completed"


@runs_here
def test_stop_ends_the_child_and_frees_the_port() -> None:
    model = LocalModel()
    endpoint = model.start()
    pid = model.wait("ready", timeout=LOAD_SECONDS).pid
    assert pid
    model.stop()
    model.stop()
    assert model.status == Status("stopped")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    port = int(endpoint.base_url.split(":")[2].split("/")[0])
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))


@runs_here
def test_stop_while_loading_leaves_no_child() -> None:
    seen: list[Status] = []
    model = LocalModel(on_change=seen.append)
    model.start()
    model.stop()
    assert [status.state for status in seen] == ["loading", "stopped"]


PARENT = """
import sys
from chatsite.localmodel import LocalModel
model = LocalModel()
model.start()
print(model.wait("ready", "failed", timeout=60).pid, flush=True)
sys.stdin.read()
"""


@runs_here
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfd (Linux)")
def test_the_child_ends_when_the_parent_is_killed() -> None:
    import select

    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, **pipes) as parent:
        assert parent.stdout
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
        try:
            assert select.select([child], [], [], 10)[0], "the child outlived its parent"
        finally:
            os.close(child)


@runs_here
def test_the_command_prints_what_another_site_needs() -> None:
    command = [sys.executable, "manage.py", "localmodel"]
    environment = {**os.environ, "SECRET_KEY": "test", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        lines = dict(process.stdout.readline().strip().split("=", 1) for _ in range(3))
        request = urllib.request.Request(
            lines["OPENAI_BASE_URL"] + "/models",
            headers={"Authorization": f"Bearer {lines['OPENAI_API_KEY']}"},
        )
        with urllib.request.urlopen(request) as answer:
            offered = [entry["id"] for entry in json.load(answer)["data"]]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert offered == [lines["CHAT_MODELS"]] == [MODEL_NAME]
