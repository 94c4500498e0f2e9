"""Taking back text: from what waits to be written, from the log, and for review."""

from typing import Any

import msgspec

from conversations.moderation.texts import carries_text

Fields = dict[str, Any]


class Retraction(msgspec.Struct, frozen=True):
    """What the recorder does with the `text.retracted` of a generation: a row for review."""

    source: str
    excerpt: str
    categories: list[str]
    scores: dict[str, float]
    policy: str
    withdrawn: list[Fields] = []
    """The answer's items as far as they came, shown or not."""


def without_text(event: Fields) -> Fields:
    """An event as it stands in the log after a retraction: one that carried text is an empty
    `text.removed`, so that the seqs stay whole."""
    if not carries_text(event):
        return event
    removed: Fields = {"type": "text.removed"}
    if "seq" in event:
        removed["seq"] = event["seq"]
    return removed
