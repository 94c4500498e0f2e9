"""Events → what a snapshot shows. Pure: a snapshot is all the state there is.

A snapshot at seq k with the events after k applied equals the snapshot at the end, for every
k; `tests/folding.py` holds every streaming test to that. `static/js/events.js` is its twin
in the browser.
"""

from collections.abc import Iterable
from typing import Any

from conversations.upstream.events import EVENT_TABLE, Kind, Place, Row

Fields = dict[str, Any]


def fold(generation: Fields, events: Iterable[Fields]) -> Fields:
    """Applies events, each with its `seq`, to a generation as it stands in a snapshot.

    Events that the snapshot includes already are passed over. `generation` is changed in
    place and returned.
    """
    apply_events(generation, events)
    generation["text"] = text_of(generation["items"])
    return generation


def apply_events(generation: Fields, events: Iterable[Fields]) -> None:
    """`fold` less the joined `text`, which is worth making only when somebody looks at it."""
    for event in events:
        if event["seq"] > generation["cursor"]:
            generation["cursor"] = event["seq"]
            _apply(generation, event)


def text_of(items: Iterable[Fields]) -> str:
    """The answer itself: the output texts of all message items, joined."""
    return "".join(
        part.get("text") or ""
        for item in items
        if item.get("type") == "message"
        for part in item.get("content") or ()
        if part.get("type") == "output_text"
    )


def _apply(generation: Fields, event: Fields) -> None:
    kind = event["type"]
    if kind.startswith("response."):
        generation["retry"] = None
    if kind != "moderation.checked":
        generation.pop("checking", None)  # whatever was held back: something goes on
    match kind:
        case "moderation.checking":
            generation["checking"] = True
        case "generation.started":
            generation.update(status="running", **_speaker(event))
        case "generation.retrying":
            retry = {name: event.get(name) for name in ("attempt", "code", "kind", "until")}
            # The items were begun by the attempt before, and nothing of them was shown.
            generation.update(items=[], retry={**retry, "delay_ms": event["delay_ms"]})
            if "model" in event:
                generation.update(_speaker(event), retry=None)
        case "generation.finished":
            ending = ("status", "usage", "cost", "estimated", "error")
            generation.update({name: event[name] for name in ending}, retry=None)
        case "generation.tool":
            _tool(generation["items"], event)
        case "text.retracted":
            generation.update(items=[], notice=event["notice"])
        case _ if row := EVENT_TABLE.get(kind):
            _APPLY.get(row.kind, _nothing)(generation["items"], event, row)


def _speaker(event: Fields) -> Fields:
    """The model that answers, and the chosen one when that can't be reached."""
    return {"model": event["model"], "instead_of": event.get("instead_of")}


def _nothing(items: list[Fields], event: Fields, row: Row) -> None:
    """Lifecycle, failure, sound: they say nothing of the items."""


def _item(items: list[Fields], event: Fields, row: Row) -> None:
    item = dict(event.get("item") or {})
    done = event["type"].endswith(".done")
    for index in range(len(items) - 1, -1, -1):
        same = items[index].get("id") == item.get("id")
        # Without ids the last item of the type is the one that is now done.
        if same and (item.get("id") or (done and items[index].get("type") == item.get("type"))):
            items[index] = item
            return
    items.append(item)


def _part(items: list[Fields], event: Fields, row: Row) -> None:
    assert row.place
    parts, index = _parts(items, event, row.place)
    parts[index] = dict(event.get("part") or {})


def _delta(items: list[Fields], event: Fields, row: Row) -> None:
    assert row.place
    holder, delta = _holder(items, event, row.place), event.get("delta")
    if isinstance(delta, dict):  # a shell call's stdout and stderr
        for name, text in delta.items():
            if isinstance(text, str):
                holder[name] = (holder.get(name) or "") + text
    elif isinstance(delta, str):
        holder[row.place.field] = (holder.get(row.place.field) or "") + delta


def _done(items: list[Fields], event: Fields, row: Row) -> None:
    assert row.place
    whole = event.get(row.place.field)
    if isinstance(whole, list):  # a shell call's outputs, all at once
        _find(items, event, row.place)[row.place.parts] = list(whole)
    elif whole is not None:
        _holder(items, event, row.place)[row.place.field] = whole


def _progress(items: list[Fields], event: Fields, row: Row) -> None:
    kind = event["type"].removeprefix("response.").rpartition(".")[0]
    _find(items, event, Place(kind, ""))["status"] = row.state


def _annotation(items: list[Fields], event: Fields, row: Row) -> None:
    assert row.place
    part = _holder(items, event, row.place)
    part["annotations"] = [*(part.get("annotations") or ()), event.get("annotation")]


def _media(items: list[Fields], event: Fields, row: Row) -> None:
    if event["type"] == "response.image_generation_call.partial_image":
        item = _find(items, event, Place("image_generation_call", ""))
        item["partial_image_b64"] = event.get("partial_image_b64")


def _tool(items: list[Fields], event: Fields) -> None:
    for item in items:
        if item.get("call_id") == event["call_id"] and item.get("type") == "function_call":
            item["tool"] = {"status": event["status"], "output": event["output"]}


_APPLY = {
    Kind.ITEM: _item,
    Kind.PART: _part,
    Kind.DELTA: _delta,
    Kind.DONE: _done,
    Kind.PROGRESS: _progress,
    Kind.ANNOTATION: _annotation,
    Kind.MEDIA: _media,
}


def _find(items: list[Fields], event: Fields, place: Place) -> Fields:
    """The item an event speaks of; servers leave out ids, and even the item's own event."""
    wanted = event.get("item_id")
    for item in reversed(items):
        if item.get("id") == wanted if wanted else item.get("type") == place.item:
            return item
    item = {"type": place.item}
    if wanted:
        item["id"] = wanted
    items.append(item)
    return item


def _parts(items: list[Fields], event: Fields, place: Place) -> tuple[list[Fields], int]:
    """The list of parts an event speaks of, made long enough, and the index in it."""
    item = _find(items, event, place)
    parts = item.get(place.parts)
    if not isinstance(parts, list):
        parts = item[place.parts] = []
    index = event.get(place.at)
    if not isinstance(index, int) or not 0 <= index <= len(parts):
        # Left out, or a jump: the part in hand; a `part.added` opens the next one.
        opens = event["type"].endswith("part.added")
        index = len(parts) if opens or not parts else len(parts) - 1
    if index == len(parts):
        parts.append({"type": place.part_type})
    return parts, index


def _holder(items: list[Fields], event: Fields, place: Place) -> Fields:
    """The object whose field `place.field` holds the text: a part, or the item itself."""
    if not place.parts:
        return _find(items, event, place)
    parts, index = _parts(items, event, place)
    if not isinstance(parts[index], dict):  # a whole item may list its commands as strings
        parts[index] = {"type": place.part_type, place.field: parts[index]}
    return parts[index]
