"""The sentence that every streaming test is held to.

A snapshot at seq k with the events after k applied equals the final snapshot, for every k.
"""

import json
from typing import Any

from conversations.fold import fold

Fields = dict[str, Any]


def assert_snapshots_meet(fresh: Fields, events: list[Fields], final: Fields) -> None:
    """`fresh` is the generation before its first event, `final` as the server shows it at the end.

    Each snapshot goes through JSON once, as it does on its way to a browser.
    """
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    for k in range(len(events) + 1):
        snapshot = json.loads(json.dumps(fold(_copy(fresh), _copy(events[:k]))))
        assert snapshot["cursor"] == k
        assert fold(snapshot, _copy(events)) == final, f"split after seq {k}"


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))
