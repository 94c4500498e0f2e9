"""The API's endpoints as the upstream answers them when no rule of a test does."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec

from tests.upstream import script
from tests.upstream.background import BackgroundRuns
from tests.upstream.connection import Connection
from tests.upstream.defaults import count_input, default_script
from tests.upstream.encoding import fill
from tests.upstream.messages import RESPONSES, RecordData
from tests.upstream.player import final_response, model_of, play
from tests.upstream.script import Step
from tests.upstream.state import State

CATEGORIES = [
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit",
    "illicit/violent", "self-harm", "self-harm/instructions", "self-harm/intent", "sexual",
    "sexual/minors", "violence", "violence/graphic",
]  # fmt: skip
ONE_RESPONSE = re.compile(r"/v1/responses/(resp_\w+)(/cancel)?")


class Endpoints:
    """Routes one request to its answer."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.background = BackgroundRuns(state)

    async def answer(self, connection: Connection, record: RecordData) -> None:
        """Answer by the rule that fits, else as the real API would."""
        steps = self.state.script_for(record)
        if record.method == "POST" and record.path == RESPONSES:
            await self._responses(connection, record, steps or default_script(record))
        elif steps is not None:
            await play(connection, steps)
        elif record.method == "POST" and record.path == "/v1/responses/input_tokens":
            body = {"object": "response.input_tokens", "input_tokens": count_input(record.body)}
            _reply(connection, script.reply_json(body))
        elif record.method == "POST" and record.path == "/v1/moderations":
            await self._moderations(connection, record)
        elif record.method == "GET" and record.path.startswith("/v1/models"):
            self._models(connection, record.path.removeprefix("/v1/models").strip("/"))
        elif known := ONE_RESPONSE.fullmatch(record.path):
            await self._one_response(connection, record, known[1], bool(known[2]))
        else:
            message = f"Invalid URL ({record.method} {record.path})"
            _reply(connection, script.reply_error(404, None, message))

    async def _responses(
        self, connection: Connection, record: RecordData, steps: list[Step]
    ) -> None:
        body = record.body
        if not isinstance(body, dict):
            error = script.reply_error(400, None, "We could not parse the JSON body.")
            _reply(connection, error)
            return
        plays = any(isinstance(step, script.Play) for step in steps)
        if body.get("background") and plays:
            run = self.background.start(connection, record, steps)
            if body.get("stream"):
                await run.send(connection, faults=True)
            else:
                await run.longer_than(0)
                _reply(connection, script.reply_json(run.response()))
            return
        final = None if body.get("stream") else final_response(steps)
        if final is not None:
            before = [s for s in steps if isinstance(s, script.Pause | script.Gate)]
            whole = fill({"response": final}, model_of(connection), record.response_id)
            steps = [*before, script.reply_json(whole["response"])]
        await play(connection, steps)

    async def _one_response(
        self, connection: Connection, record: RecordData, response_id: str, cancel: bool
    ) -> None:
        run = self.background.get(response_id)
        if run is None:
            message = f"Response with id '{response_id}' not found."
            _reply(connection, script.reply_error(404, None, message))
        elif record.query.get("stream") == "true" and not cancel:
            await run.send(connection, int(record.query.get("starting_after", "-1")))
        else:
            if cancel:
                await run.cancel()
            _reply(connection, script.reply_json(run.response()))

    def _models(self, connection: Connection, wanted: str) -> None:
        known = [
            {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "scripted"}
            for name in self.state.models
        ]
        found = next((model for model in known if model["id"] == wanted), None)
        if not wanted:
            _reply(connection, script.reply_json({"object": "list", "data": known}))
        elif found is None:
            message = f"No model '{wanted}'."
            _reply(connection, script.reply_error(404, "model_not_found", message))
        else:
            _reply(connection, script.reply_json(found))

    async def _moderations(self, connection: Connection, record: RecordData) -> None:
        settings = self.state.moderation
        if settings.gate:
            await self.state.pass_gate(settings.gate)
        await asyncio.sleep(settings.delay)
        body = record.body if isinstance(record.body, dict) else {}
        results = [_verdict(text, settings.flags) for text in _moderated_texts(body.get("input"))]
        model = body.get("model", "omni-moderation-latest")
        answer = {"id": f"modr-{record.number}", "model": model, "results": results}
        _reply(connection, script.reply_json(answer))


def _reply(connection: Connection, reply: script.Reply) -> None:
    connection.reply(reply.status, reply.headers, reply.body)


def _moderated_texts(source: Any) -> list[str]:
    """A string is one text, a list of strings several, a list of parts one."""
    if isinstance(source, str):
        return [source]
    if not isinstance(source, list):
        return []
    if all(isinstance(part, str) for part in source):
        return source
    return ["".join(str(part.get("text", "")) for part in source if isinstance(part, dict))]


def _verdict(text: str, flags: dict[str, list[str]]) -> dict[str, Any]:
    """One result; phrases are looked for without regard to case."""
    lower = text.lower()
    found = {c for phrase, names in flags.items() if phrase.lower() in lower for c in names}
    return {
        "flagged": bool(found),
        "categories": {name: name in found for name in CATEGORIES},
        "category_scores": {name: 0.98 if name in found else 0.01 for name in CATEGORIES},
        "category_applied_input_types": {name: ["text"] for name in CATEGORIES},
    }


def parse_body(data: bytes) -> Any:
    """The JSON of a request; where it is none the text; None when there is no body."""
    if not data:
        return None
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return data.decode(errors="replace")
