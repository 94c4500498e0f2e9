"""Server-sent events, bytes to data, as a push/flush stage.

Follows the WHATWG event-stream format as far as servers use it: lines end in LF, CRLF or
CR; several `data` lines of one event are joined by LF; comments, `id` and `retry` mean
nothing to us, and `event` only repeats the `type` inside the data.
"""


class StreamTooLong(ValueError):
    """One event outgrew `MAX_EVENT_BYTES`: whatever this is, it is not an event stream."""


MAX_EVENT_BYTES = 32 * 1024 * 1024  # a partial image is a few MiB of base64


class EventStreamDecoder:
    """Feed it chunks split anywhere; it gives the data of each finished event."""

    def __init__(self) -> None:
        self._rest = bytearray()  # the unfinished line
        self._searched = 0  # how much of it is known to hold no line end
        self._data: list[bytes] = []
        self._size = 0
        self._started = False

    def push(self, chunk: bytes) -> list[bytes]:
        """The events that `chunk` completes."""
        rest = self._rest
        rest += chunk
        if not self._started:
            if len(rest) < 3 and b"\xef\xbb\xbf".startswith(rest):
                return []  # may still become a byte order mark
            self._started = True
            if rest.startswith(b"\xef\xbb\xbf"):
                del rest[:3]
        # A CR at the very end may be half of a CRLF: it waits for its other half.
        end = len(rest) - (rest[-1:] == b"\r")
        cut = (
            max(rest.rfind(b"\n", self._searched, end), rest.rfind(b"\r", self._searched, end)) + 1
        )
        if not cut:
            self._searched = end
            self._check_size(len(rest))
            return []
        body = bytes(rest[:cut])
        del rest[:cut]
        self._searched = 0
        return self._lines(body)

    def flush(self) -> list[bytes]:
        """What the end of the stream completes.

        An event cut off without its blank line still counts: servers leave the last one out,
        and half an event won't parse as JSON anyway.
        """
        events = self._lines(bytes(self._rest) + b"\n\n")
        self._rest.clear()
        return events

    def _lines(self, block: bytes) -> list[bytes]:
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        events = []
        for line in block.split(b"\n")[:-1]:
            if not line:
                if self._size:  # `data:` alone is a ping
                    events.append(b"\n".join(self._data))
                self._data = []
                self._size = 0
            elif line.startswith(b"data:"):
                value = line[6:] if line[5:6] == b" " else line[5:]
                self._data.append(value)
                self._size += len(value)
                self._check_size(0)
        return events

    def _check_size(self, pending: int) -> None:
        if self._size + pending > MAX_EVENT_BYTES:
            raise StreamTooLong(f"an event of more than {MAX_EVENT_BYTES} bytes")
