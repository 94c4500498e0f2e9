"""What a retraction leaves of events in the log."""

import pytest

from conversations.moderation.retraction import without_text
from tests.moderation.simulation import Fields

RESPONSE = {"id": "resp_1", "status": "failed", "model": "m"}


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.output_text.delta", "item_id": "m", "delta": "words"},
        {"type": "response.new_thing.delta", "delta": "words"},
        {"type": "new_thing", "note": {"deep": ["some words"]}},
        {"type": "error", "code": "server_error", "message": "some words", "param": None},
        {"type": "response.failed", "response": {**RESPONSE, "error": {"message": "some words"}}},
    ],
)
def test_no_event_with_text_stays_whatever_its_type(event: Fields) -> None:
    assert without_text({**event, "seq": 3}) == {"type": "text.removed", "seq": 3}


@pytest.mark.parametrize(
    "event",
    [
        {"type": "generation.started", "model": "m", "worker": "some words", "seq": 1},
        {"type": "moderation.checked", "chars": 3, "flagged": True, "categories": ["some words"]},
        {"type": "text.removed", "seq": 3},
        {"type": "response.completed", "response": {**RESPONSE, "error": None}, "seq": 4},
    ],
)
def test_what_carries_none_stays_as_it_is(event: Fields) -> None:
    assert without_text(event) == event
