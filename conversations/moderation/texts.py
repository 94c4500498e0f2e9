"""Which text an event brings that no event before it brought. No I/O.

Deltas add to a part. `*.done`, `content_part.done` and `output_item.done` repeat what they
added up to: that is known already and not new, but a word more or another word is. All other
strings of an event (names, queries, titles, logs, whatever an unknown type carries) are text
as well; only what looks like an id or a picture is not. So nothing is left out by a list that
grows old; what a type means comes from the table in `upstream/events.py`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from conversations.upstream.events import (
    EVENT_TABLE,
    Delta,
    Kind,
    Lifecycle,
    Row,
    UpstreamEvent,
    is_ours,
)

Fields = dict[str, Any]

LONGEST_WORD: Final = 40
"""Characters. Windows begin and end between words, unless there is no gap within so many:
`ass`, cut out of `assembly`, would be flagged by a checker that knows words."""

OVERLAP: Final = 200 + LONGEST_WORD
"""Characters of a part that are checked again with what follows them.

Whatever is no longer than 200 characters is whole in one window at least, wherever windows
meet: a long sentence. More would find little more, as checkers judge sentences, and every
check costs its overlap: with 100 new characters this is 3.4 times the text. Where a part is
younger than that, the end of the part before it stands in.
"""

_LABELS: Final = frozenset({"type", "id", "status", "role", "model"})
_LABEL: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")
_BINARY: Final = frozenset({"delta", "result", "partial_image_b64", "encrypted_content"})
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{200,}={0,2}")
_REPEATS: Final = frozenset({Kind.DONE, Kind.PART, Kind.ITEM})
_GOES_ON: Final = frozenset({Kind.DELTA, Kind.ANNOTATION, Kind.PROGRESS, Kind.KEEPALIVE})


class Part:
    """A run of text that people read as one, or the loose strings of one event."""

    def __init__(self, lead: str, joint: str) -> None:
        self._pieces: list[str] = []
        self._joint = joint
        self._lead = lead
        """The end of what was said before this part; empty once the part is long enough."""
        self._checked = ""
        """The end of what was checked of it."""

    def add(self, text: str) -> None:
        self._pieces.append(text)

    @property
    def whole(self) -> str:
        """All of its text."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    @property
    def end(self) -> str:
        """Its end, and if it is short the end of what came before it."""
        return end_of(self._lead + self.whole)

    def window(self, new: list[str]) -> Iterator[str]:
        """`new` text of it with what is to be checked again; it counts as checked from now on.

        Where the part has just begun it comes twice: by itself, as words begin there, and
        joined to what came before it, as a sentence may go on from one part to the next.
        """
        yield self._checked + self._joint.join(new)
        joined = self._checked + "".join(new)
        if self._lead or (self._joint and len(new) > 1):
            yield self._lead + joined
        self._checked = end_of(joined)
        if len(joined) >= OVERLAP:
            self._lead = ""


class Piece(msgspec.Struct, frozen=True):
    """Text that was not said before, and the part that it belongs to; never empty."""

    part: Part
    text: str


class Texts:
    """Remembers what one generation said; `read` tells what an event adds to it."""

    def __init__(self) -> None:
        self._open: dict[str, Part] = {}  # by what deltas of one part have in common
        self._known: set[str] = set()
        self._latest = Part("", "")

    def read(self, event: UpstreamEvent) -> list[Piece]:
        """The new text of an event, in order."""
        row = EVENT_TABLE.get(event.type)
        if isinstance(event, Lifecycle):
            self._close(list(self._open))  # servers without ids use the same keys again
        deltas = _deltas(event, row)
        pieces = [self._added(key, text) for key, text in deltas if text]
        skip = bool(deltas) or _is_sound(event, row)
        loose: Part | None = None
        for text in _strings(event.fields, skip):
            rest = self._repeated(text) if row and row.kind in _REPEATS else None
            if rest:
                pieces += [rest] if rest.text else []
            elif text not in self._known:
                self._known.add(text)
                loose = loose or self._part("\n")
                loose.add(text)
                pieces.append(Piece(loose, text))
        return pieces

    def _added(self, key: str, text: str) -> Piece:
        part = self._open.get(key)
        if part is None:
            part = self._open[key] = self._part("")
        part.add(text)
        self._latest = part
        return Piece(part, text)

    def _part(self, joint: str) -> Part:
        self._latest = Part(self._latest.end, joint)
        return self._latest

    def _repeated(self, text: str) -> Piece | None:
        """What is new in a text that an open part added up to; None when none of them did."""
        begun = [(part.whole, key) for key, part in self._open.items()]
        whole, key = max((b for b in begun if text.startswith(b[0])), default=("", ""))
        if not whole:
            return None
        part, rest = self._open[key], text[len(whole) :]
        if rest:
            part.add(rest)
        self._close([key])
        return Piece(part, rest)

    def _close(self, keys: Iterable[str]) -> None:
        self._known.update(self._open.pop(key).whole for key in keys)


def closes(event: UpstreamEvent) -> bool:
    """Whether what was said before this event will not go on in the middle of a word."""
    row = EVENT_TABLE.get(event.type)
    return row is None or row.kind not in _GOES_ON


def end_of(text: str) -> str:
    """The last `OVERLAP` characters, from the beginning of a word if there is one near."""
    if len(text) <= OVERLAP:
        return text
    end = text[-OVERLAP:]
    gap = re.search(r"\s", end[:LONGEST_WORD])
    return end[gap.end() :] if gap else end


def _deltas(event: UpstreamEvent, row: Row | None) -> list[tuple[str, str]]:
    """What an event adds to parts: a text, or several by name (a shell's stdout and stderr).

    The key is the same for all that one part adds up to.
    """
    if isinstance(event, Delta):
        return [(str(event.key), event.delta)]
    if row and (row.kind not in (Kind.DELTA, Kind.MEDIA) or _is_sound(event, row)):
        return []
    delta = event.fields.get("delta")
    named: Fields = delta if isinstance(delta, dict) else {"": delta}
    where = [event.fields.get(name) for name in ("item_id", "output_index", "command_index")]
    texts = [
        (str((event.type, name, where)), text)
        for name, text in named.items()
        if isinstance(text, str)
    ]
    return texts if len(texts) == len(named) else []


def _strings(fields: Fields, skip_delta: bool) -> Iterator[str]:
    """All other text of an event, in order. No recursion: it may be nested very deep."""
    stack: list[tuple[str, Any]] = [
        item for item in reversed(fields.items()) if not (skip_delta and item[0] == "delta")
    ]
    while stack:
        name, value = stack.pop()
        if isinstance(value, str):
            if value and not _is_label(name, value):
                yield value
        elif isinstance(value, dict):
            stack += reversed(value.items())
        elif isinstance(value, list):
            stack += [(name, part) for part in reversed(value)]
        if not _LABEL.fullmatch(name):
            yield name  # names are the server's choice as well


def _is_label(name: str, value: str) -> bool:
    """An id, a state, a picture: nothing that can be read as a sentence."""
    if name in _LABELS or name.endswith("_id"):
        return bool(_LABEL.fullmatch(value))
    return name in _BINARY and bool(_BASE64.fullmatch(value))


def _is_sound(event: UpstreamEvent, row: Row | None) -> bool:
    """Sound itself, in base64; its transcript is text."""
    return bool(row and row.kind is Kind.MEDIA and "transcript" not in event.type)


def carries_text(fields: Fields) -> bool:
    """Whether an event shows people anything to read. Those of ours do not; of a (trimmed)
    response object only its error does."""
    kind = fields["type"]
    row = EVENT_TABLE.get(kind)
    if is_ours(kind):
        return False
    if row and row.kind is Kind.LIFECYCLE:
        fields = {"error": (fields.get("response") or {}).get("error")}
    return any(_strings({k: v for k, v in fields.items() if k != "seq"}, skip_delta=False))
