"""Whether the pieces of a text come in an order in which they make that text.

Liberal where the text is right all the same: servers leave out `response.created`, send deltas
of items that they never opened, number nothing. Not where it would be garbled on the screen.
"""

from typing import Any

from conversations.upstream.events import EVENT_TABLE, Delta, Kind, Other, UpstreamEvent


class OutOfOrder(ValueError):
    """A piece of text came after its end, or after a later piece."""


class Order:
    """Takes the events of one stream. A text is judged only when it is named by its item."""

    def __init__(self) -> None:
        self._last: dict[tuple[Any, ...], int] = {}  # text → number of its last delta
        self._ended: set[tuple[Any, ...]] = set()

    def take(self, event: UpstreamEvent) -> None:
        """Raises OutOfOrder."""
        try:
            self._take(event)
        except TypeError as error:  # a list or an object, where an id or an index should be
            raise OutOfOrder(f"{event.type} of no place") from error

    def _take(self, event: UpstreamEvent) -> None:
        if not isinstance(event, Delta | Other) or not event.fields.get("item_id"):
            return
        row = EVENT_TABLE[event.type]
        if row.kind is Kind.DONE and event.type.endswith(".done"):
            self._ended.add(_text_of(event))
        elif isinstance(event, Delta):
            text = _text_of(event)
            if text in self._ended:
                raise OutOfOrder(f"{event.type} after its end")
            if event.number is not None:
                if event.number < self._last.get(text, event.number):
                    raise OutOfOrder(f"{event.type} {event.number} after {self._last[text]}")
                self._last[text] = event.number


def _text_of(event: UpstreamEvent) -> tuple[Any, ...]:
    """The same for the deltas of a text and for its end."""
    place, fields = EVENT_TABLE[event.type].place, event.fields
    index = fields.get(place.at) if place else None
    return (place, fields.get("item_id"), fields.get("output_index"), index)
