"""The server's fold and the browser's reducer are twins: same events, same answer shown."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from conversations.fold import fold

TESTS_JS = Path(__file__).parents[1] / "js"
NODE = shutil.which("node")


def snapshots_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The server's snapshot after 0, 1, … all events."""
    generation: dict[str, Any] = {
        "id": "g1",
        "status": "queued",
        "model": "test-model",
        "items": [],
        "text": "",
        "usage": None,
        "cost": None,
        "estimated": False,
        "error": None,
        "notice": None,
        "cursor": 0,
    }
    fresh = json.dumps(generation)
    later = [json.dumps(fold(generation, [event])) for event in json.loads(json.dumps(events))]
    return [json.loads(text) for text in [fresh, *later]]


@pytest.mark.skipif(NODE is None, reason="no node")
def test_a_browser_that_joins_at_any_event_shows_what_the_server_would() -> None:
    streams = json.loads((TESTS_JS / "streams.json").read_text())
    cases = [
        {"name": name, "events": events, "snapshots": snapshots_of(events)}
        for name, events in streams.items()
    ]
    run = subprocess.run(
        [str(NODE), str(TESTS_JS / "twin.mjs")],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[:6000] + run.stderr
