"""Bad input over a real socket: an error with the right code, and nothing is written."""

import json
import uuid
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.conftest import OpenTab
from tests.site import Person, SiteProcess
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Silence

ID = str(uuid.uuid4())
TURN: dict[str, Any] = {"id": ID, "conversation": None, "text": "Hi"}

BAD_FIELDS = [
    ("turn.create", {**TURN, "id": None}),
    ("turn.create", {**TURN, "id": "no uuid"}),
    ("turn.create", {**TURN, "id": 7}),
    ("turn.create", {"id": ID, "text": "no conversation"}),
    ("turn.create", {"id": ID, "conversation": None}),
    ("turn.create", {**TURN, "conversation": "x"}),
    ("turn.create", {**TURN, "text": None}),
    ("turn.create", {**TURN, "text": 5}),
    ("turn.create", {**TURN, "text": ["a"]}),
    ("turn.create", {**TURN, "text": ""}),
    ("turn.create", {**TURN, "text": " \n\t "}),
    ("turn.create", {**TURN, "text": "a\0b"}),
    ("turn.create", {**TURN, "model": 5}),
    ("turn.create", {**TURN, "follows": "x"}),
    ("turn.create", {**TURN, "follows": str(uuid.uuid4())}),
    ("turn.create", {**TURN, "attachments": "file"}),
    ("turn.create", {**TURN, "attachments": [{"id": ID}]}),
    ("generation.create", {"id": ID}),
    ("generation.create", {"turn": ID}),
    ("generation.create", {"id": [], "turn": ID}),
    ("generation.stop", {}),
    ("generation.stop", {"generation": "x"}),
    ("conversation.open", {}),
    ("conversation.open", {"conversation": None}),
    ("conversation.open", {"conversation": ID, "cursors": []}),
    ("conversation.open", {"conversation": ID, "cursors": {"x": 1}}),
    ("conversation.open", {"conversation": ID, "cursors": {ID: "1"}}),
    ("conversation.open", {"conversation": ID, "cursors": {ID: -1}}),
    ("conversation.close", {"conversation": 1}),
    ("ack", {"generation": ID}),
    ("ack", {"generation": ID, "seq": -1}),
    ("ack", {"generation": ID, "seq": 1.5}),
    ("no.such", {}),
]


@pytest.mark.parametrize(("command", "fields"), BAD_FIELDS)
async def test_bad_fields_are_refused_and_the_socket_stays_open(
    tabs: OpenTab, upstream: Upstream, command: str, fields: dict[str, Any]
) -> None:
    tab = await tabs()
    error = await tab.refused(command, "bad_request", **fields)
    wanted = fields.get("id")
    assert error["ref"] == (wanted if isinstance(wanted, str) else None)
    assert error["message"]
    await tab.send("ping", id="still here")
    await tab.expect("pong", id="still here")
    assert upstream.requests() == []


FOREIGN = [
    ("turn.create", {"id": ID, "conversation": "theirs", "text": "Hi"}),
    ("turn.create", {"id": "their turn", "conversation": None, "text": "Hi"}),
    ("generation.create", {"id": ID, "turn": "their turn"}),
    ("generation.stop", {"generation": "their generation"}),
    ("conversation.open", {"conversation": "theirs"}),
]


@pytest.mark.parametrize(("command", "fields"), FOREIGN)
@pytest.mark.parametrize("exists", [True, False])
async def test_what_belongs_to_somebody_else_is_not_found(
    tabs: OpenTab,
    upstream: Upstream,
    shared_site: SiteProcess,
    command: str,
    fields: dict[str, Any],
    exists: bool,
) -> None:
    upstream.queue([*text_answer("Mine.")[:6], Silence()])
    owner = await tabs()
    theirs = await owner.ask("Whose is it?")
    ids = {
        "theirs": theirs["conversation"]["id"],
        "their turn": theirs["turn"]["id"],
        "their generation": theirs["generation"],
    }
    if not exists:
        if fields["id" if "id" in fields else next(iter(fields))] == "their turn":
            return  # a turn that does not exist yet is simply made
        ids = dict.fromkeys(ids, str(uuid.uuid4()))
    stranger = await tabs(of=shared_site.person())
    mapped = {name: ids.get(value, value) if value else value for name, value in fields.items()}
    await stranger.refused(command, "not_found", **mapped)
    await owner.until(theirs["generation"], "response.output_text.delta")
    events = owner.events[theirs["generation"]]
    assert "generation.finished" not in [event["type"] for event in events]


async def test_text_at_the_limit_is_taken_and_over_it_refused(
    tabs: OpenTab, upstream: Upstream
) -> None:
    upstream.always(text_answer("Long."))
    tab = await tabs()
    error = await tab.refused("turn.create", "too_large", **{**TURN, "text": "x" * 100_001})
    assert "100,000" in error["message"]
    assert error["ref"] == ID
    error = await tab.refused("turn.create", "bad_request", **{**TURN, "text": ""})
    assert "100,000" in error["message"]
    created = await tab.ask("x" * 100_000)
    await tab.finished(created["generation"])


async def test_an_unknown_model_is_unavailable(tabs: OpenTab) -> None:
    tab = await tabs()
    error = await tab.refused("turn.create", "model_unavailable", **TURN, model="no-such-model")
    assert "test-model" in error["message"]


UNPARSABLE = [
    b"{",
    b"",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"type": "ping", "id": "\xff"}',
    b'{"type": "ping", "id": "\\ud800"}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("frame", UNPARSABLE)
async def test_frames_that_are_no_objects_are_answered(
    tabs: OpenTab, frame: bytes, text: bool
) -> None:
    tab = await tabs()
    await tab.socket.send(frame, text=text)
    error = await tab.expect("error")
    assert (error["code"], error["ref"], error["command"]) == ("bad_request", None, None)
    await tab.send("ping", id="still here")
    await tab.expect("pong", id="still here")


async def test_twenty_unparsable_frames_in_a_row_close_the_socket(tabs: OpenTab) -> None:
    tab = await tabs()
    for _ in range(19):
        await tab.socket.send("{")
    await tab.send("ping", id="in between")
    for _ in range(19):
        await tab.socket.send("{")
    await tab.send("ping", id="still here")
    await tab.expect("pong", id="still here")
    for _ in range(20):
        await tab.socket.send("{")
    assert await tab.closed() == 1008


async def test_a_frame_over_256_kib_closes_the_socket(tabs: OpenTab) -> None:
    tab = await tabs()
    padding = 256 * 1024 - len(json.dumps({"type": "ping", "id": "x", "pad": ""}))
    await tab.send("ping", id="x", pad="p" * padding)
    await tab.expect("pong", id="x")
    await tab.send("ping", id="x", pad="p" * (padding + 1))
    assert await tab.closed() == 1009


async def test_no_login_is_accepted_and_closed(shared_site: SiteProcess) -> None:
    async with Tab(shared_site, None) as tab:
        assert await tab.closed() == 4401
        assert tab.messages == []


async def test_a_foreign_origin_is_refused_at_the_handshake(
    shared_site: SiteProcess, person: Person
) -> None:
    for origin in ("http://evil.example", "null", shared_site.url + "0"):
        with pytest.raises(InvalidStatus) as refused:
            await Tab(shared_site, person, Origin=origin).__aenter__()
        assert refused.value.response.status_code in (400, 403)


async def test_the_own_origin_is_let_in(shared_site: SiteProcess, person: Person) -> None:
    for origin in (shared_site.url, shared_site.url.replace("127.0.0.1", "localhost")):
        async with Tab(shared_site, person, Origin=origin) as tab:
            await tab.expect("hello")


async def test_twenty_conversations_may_be_open_at_once(tabs: OpenTab, upstream: Upstream) -> None:
    upstream.always(text_answer("Short."))
    tab = await tabs()
    created = [await tab.ask(f"Chat {number}") for number in range(20)]
    other = await tabs()
    one_more = await other.ask("One more")
    await tab.refused("turn.create", "bad_request", **TURN)
    await tab.refused(
        "conversation.open", "bad_request", conversation=one_more["conversation"]["id"]
    )
    await tab.finished(created[0]["generation"])
    follow = await tab.ask("Goes on", created[0]["conversation"]["id"])
    await tab.finished(follow["generation"])
    await tab.send("conversation.close", conversation=created[1]["conversation"]["id"])
    snapshot = await tab.open(one_more["conversation"]["id"])
    assert snapshot["turns"][0]["text"] == "One more"


async def test_a_turn_after_a_running_answer_is_refused(tabs: OpenTab, upstream: Upstream) -> None:
    upstream.queue([*text_answer("Slow.")[:6], Silence()])
    tab = await tabs()
    created = await tab.ask("Slowly")
    await tab.until(created["generation"], "response.output_text.delta")
    conversation = created["conversation"]["id"]
    again = {"id": ID, "conversation": conversation, "text": "Too early"}
    await tab.refused("turn.create", "bad_request", **again)
    error = await tab.refused("turn.create", "bad_request", **again, follows=created["generation"])
    assert "running" in error["message"]
    assert len(upstream.requests()) == 1
