"""One socket's way out: which events it has, which it lacks, how much it has not drawn yet.

Per generation there is a next seq to send. Live frames that fit are sent as they are; a gap,
a full window or a fresh subscription is filled from the log. So a frame that the hub or the
channel layer lost is late, never missing, and none is sent twice.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from conversations import protocol
from conversations.database import DatabaseThread
from conversations.log import Frame
from conversations.snapshots import frames_after

WINDOW_BYTES = 1024 * 1024
"""How much a browser may leave unacknowledged before live events wait."""
REPLAY_FRAMES = 200
"""Stored frames read at a time."""

Position = tuple[uuid.UUID, int, int]
"""Generation, next seq to send, last seq known to be in the log."""


@dataclass
class Track:
    """How far a socket is with one generation."""

    conversation: uuid.UUID
    generation: uuid.UUID
    next_seq: int = 1
    known_seq: int = 0  # the last seq that is known to be in the log
    catching_up: bool = False
    unacked: deque[tuple[int, int]] = field(default_factory=deque)  # last seq, bytes

    @property
    def behind(self) -> bool:
        return self.known_seq >= self.next_seq


class Outbox:
    """Sends to one socket in order; `frame` and `message` are the hub's listener interface."""

    def __init__(self, send: Callable[[str], Awaitable[None]], reader: DatabaseThread) -> None:
        self._send = send
        self._reader = reader
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._tracks: dict[uuid.UUID, Track] = {}
        # Conversation → generation → last seq that came while its snapshot is being read.
        self._opening: dict[uuid.UUID, dict[uuid.UUID, int]] = {}
        self._unacked_bytes = 0
        self._catch_up: asyncio.Queue[Track] = asyncio.Queue()

    async def run(self) -> None:
        """Sends until it is cancelled."""
        await asyncio.gather(self._sender(), self._replayer())

    def message(self, text: str) -> None:
        """Queues a message that is no part of an event log."""
        self._queue.put_nowait(text)

    def frame(self, frame: Frame) -> None:
        """Takes a committed frame of an open conversation."""
        noted = self._opening.get(frame.conversation)
        if noted is not None:
            noted[frame.generation] = frame.last_seq
            return
        track = self._tracks.get(frame.generation)
        if track is None:  # begun by another tab, after this one opened the conversation
            track = self._new_track(frame.conversation, frame.generation)
        track.known_seq = max(track.known_seq, frame.last_seq)
        if track.catching_up or frame.last_seq < track.next_seq:
            return
        if frame.first_seq > track.next_seq or self._is_full():
            self._fill(track)
        else:
            self._pass_on(track, frame.first_seq, frame.last_seq, frame.body)

    def begin_opening(self, conversation: uuid.UUID) -> None:
        """From here on events of a conversation are noted, not sent, until `finish_opening`."""
        self._opening[conversation] = {}

    def finish_opening(self, conversation: uuid.UUID, positions: Iterable[Position]) -> None:
        """Goes on after the snapshot: from the log what came before now, then live.

        `positions` says for each generation of the snapshot which seq is next and up to which
        one the log is known to go.
        """
        noted = self._opening.pop(conversation)
        for generation, next_seq, known_seq in positions:
            known_seq = max(known_seq, noted.pop(generation, 0))
            self.start_at(conversation, generation, next_seq, known_seq)
        for generation, known_seq in noted.items():  # begun after the snapshot was read
            self.start_at(conversation, generation, 1, known_seq)

    def start_at(
        self, conversation: uuid.UUID, generation: uuid.UUID, next_seq: int, known_seq: int
    ) -> None:
        """Sends a generation's events from `next_seq` on; the log goes up to `known_seq`."""
        track = self._new_track(conversation, generation)
        track.next_seq, track.known_seq = next_seq, known_seq
        self._fill(track)

    def follows(self, generation: uuid.UUID) -> bool:
        """Whether events of a generation go to this socket already."""
        return generation in self._tracks

    def ack(self, generation: uuid.UUID, seq: int) -> None:
        """The browser has drawn a generation up to `seq`."""
        track = self._tracks.get(generation)
        if track is None:
            return
        while track.unacked and track.unacked[0][0] <= seq:
            self._unacked_bytes -= track.unacked.popleft()[1]
        if not self._is_full():
            for waiting in self._tracks.values():
                if waiting.behind and not waiting.catching_up:
                    self._fill(waiting)

    def forget(self, conversation: uuid.UUID) -> None:
        """Stops sending events of a conversation."""
        for track in [t for t in self._tracks.values() if t.conversation == conversation]:
            del self._tracks[track.generation]
            self._unacked_bytes -= sum(size for _, size in track.unacked)

    def _new_track(self, conversation: uuid.UUID, generation: uuid.UUID) -> Track:
        """A track in the place of an old one, whose replay then finds itself superseded."""
        old = self._tracks.get(generation)
        track = Track(conversation, generation, unacked=old.unacked if old else deque())
        self._tracks[generation] = track
        return track

    def _is_full(self) -> bool:
        return self._unacked_bytes > WINDOW_BYTES

    def _fill(self, track: Track) -> None:
        if not track.behind or self._is_full():
            track.catching_up = False  # nothing lacks, or the next ack comes back to it
            return
        track.catching_up = True
        self._catch_up.put_nowait(track)

    def _pass_on(self, track: Track, first: int, last: int, body: str) -> None:
        if first < track.next_seq:
            body = protocol.events_after(body, track.next_seq - 1)
        track.next_seq = last + 1
        track.unacked.append((last, len(body)))
        self._unacked_bytes += len(body)
        self._queue.put_nowait(body)

    async def _sender(self) -> None:
        while True:
            await self._send(await self._queue.get())

    async def _replayer(self) -> None:
        while True:
            await self._replay(await self._catch_up.get())

    async def _replay(self, track: Track) -> None:
        """Sends stored frames until the track is level with the log or the window is full."""
        while track.behind and not self._is_full():
            frames = await self._reader.run(
                frames_after, track.generation, track.next_seq - 1, REPLAY_FRAMES
            )
            if self._tracks.get(track.generation) is not track:
                return  # closed meanwhile, or opened anew
            if not frames:
                track.next_seq = track.known_seq + 1  # folded away: the snapshot has it all
            for frame in frames:
                if self._is_full():
                    break
                track.known_seq = max(track.known_seq, frame.last_seq)
                self._pass_on(track, frame.first_seq, frame.last_seq, frame.body)
        track.catching_up = False
