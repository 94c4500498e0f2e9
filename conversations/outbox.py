"""One socket's way out: which events it has, which it lacks, how much it has not drawn yet.

Per generation there is a next seq to send. Live frames that fit are sent as they are; a gap,
a full window or a fresh subscription is filled from the log. So a frame that the hub or the
channel layer lost is late, never missing, and none is sent twice.

Two things bound what a socket costs: what waits to be sent (`SendQueue`), which no word of the
browser changes, and what it has not acknowledged, which spares a browser that draws slowly.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterable

from conversations import metrics, protocol
from conversations.created import read_created
from conversations.database import DatabaseThread
from conversations.log import Frame
from conversations.sendqueue import TRY_LATER, WINDOW_BYTES, SendQueue, SocketEnd
from conversations.snapshots import frames_after
from conversations.track import Opening, Position, Track

REPLAY_FRAMES = 200
"""Stored frames read at a time."""


class Outbox:
    """Sends to one socket in order; a `Listener` of the hub.

    `refresh` sends a fresh snapshot of a conversation, through `begin_opening` and
    `finish_opening`.
    """

    def __init__(
        self,
        send: Callable[[str], Awaitable[None]],
        reader: DatabaseThread,
        refresh: Callable[[uuid.UUID], Awaitable[None]],
    ) -> None:
        self._send = send
        self._reader = reader
        self._refresh = refresh
        self.conversations: set[uuid.UUID] = set()
        """Those that are open on this socket."""
        self.queue = SendQueue()
        """What answers a command is put here, when there is room."""
        self._tracks: dict[uuid.UUID, Track] = {}
        self._opening: dict[uuid.UUID, Opening] = {}
        self._refreshed: dict[uuid.UUID, int] = {}  # generation → last seq known at that time
        self._unacked_size = 0
        self._told_size = 0
        self._overrun = asyncio.Event()
        self._catch_up: asyncio.Queue[Track] = asyncio.Queue()

    async def run(self) -> None:
        """Sends until it is cancelled. Raises `SocketEnd`, or what `send` raises."""
        tasks = [
            asyncio.create_task(self.queue.run(self._send)),
            asyncio.create_task(self._replayer()),
            asyncio.create_task(self._watch_overrun()),
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def close(self, code: int) -> None:
        self.queue.put(SocketEnd(code))

    def message(self, text: str) -> None:
        """Queues a message that this socket did not ask for."""
        self._told_size = self._told_size + len(text) if self.queue.crowded else 0
        if self._told_size > WINDOW_BYTES:
            self._overrun.set()
            return
        created = read_created(text)
        if created is None or created.conversation.id not in self.conversations:
            self.queue.put(text)
        elif opening := self._opening.get(created.conversation.id):
            opening.created[created.generation] = text  # after the snapshot, which may lack it
        else:
            self.queue.put(text)
            self._introduce(created.conversation.id, created.generation)

    def frame(self, frame: Frame) -> None:
        """Takes a committed frame of an open conversation."""
        if self._note(frame.conversation, frame.generation, frame.last_seq):
            return
        track = self._track(frame.conversation, frame.generation)
        track.known_seq = max(track.known_seq, frame.last_seq)
        if track.catching_up or not track.behind:
            return
        if frame.first_seq > track.next_seq or self._is_full() or self.queue.crowded:
            self._fill(track)
        else:
            self._pass_on(track, frame.first_seq, frame.last_seq, frame.body)

    def known(self, conversation: uuid.UUID, generation: uuid.UUID, last_seq: int) -> bool:
        """Fills in what the log is known to hold; see `Listener`."""
        if self._note(conversation, generation, last_seq):
            return True
        track = self._track(conversation, generation)
        track.known_seq = max(track.known_seq, last_seq)
        if not track.catching_up:
            self._fill(track)
        return track.told

    def begin_opening(self, conversation: uuid.UUID) -> None:
        """From here on events of a conversation are noted, not sent, until `finish_opening`."""
        self._opening[conversation] = Opening()

    def finish_opening(self, conversation: uuid.UUID, positions: Iterable[Position]) -> None:
        """Goes on after the snapshot: from the log what came before now, then live.

        `positions` says for each generation of the snapshot where it goes on. Without a
        snapshot there are none, and all goes on as before.
        """
        opening = self._opening.pop(conversation)
        for generation, next_seq, shown_seq in positions:
            known_seq = max(shown_seq, opening.seqs.pop(generation, 0))
            track = Track(conversation, generation, True, shown_seq, next_seq, known_seq)
            self._replace(track)
        for generation, text in opening.created.items():
            self.queue.put(text)
            self._introduce(conversation, generation)
        for generation, known_seq in opening.seqs.items():  # begun after the snapshot was read
            self.known(conversation, generation, known_seq)
        self._fill_all()

    def start(self, conversation: uuid.UUID, generation: uuid.UUID, shown_seq: int) -> None:
        """Sends all events of a generation, unless they go to this socket already; its
        `turn.created`, which was queued before, includes those up to `shown_seq`."""
        if self._note(conversation, generation, shown_seq):
            return
        track = self._tracks.get(generation)
        if track is None or not track.told:
            known_seq = max(shown_seq, track.known_seq if track else 0)
            self._replace(Track(conversation, generation, True, shown_seq, 1, known_seq))

    def ack(self, generation: uuid.UUID, seq: int) -> None:
        """The browser has drawn a generation up to `seq`."""
        track = self._tracks.get(generation)
        if track is None:
            return
        while track.unacked and track.unacked[0][0] <= seq:
            self._unacked_size -= track.unacked.popleft()[1]
        self._fill_all()

    def forget(self, conversation: uuid.UUID) -> None:
        """Stops sending events of a conversation."""
        for track in [t for t in self._tracks.values() if t.conversation == conversation]:
            self._drop(track)
        self._fill_all()

    def _note(self, conversation: uuid.UUID, generation: uuid.UUID, last_seq: int) -> bool:
        """Keeps for later what comes while a snapshot is being read; False when none is."""
        opening = self._opening.get(conversation)
        if opening:
            opening.seqs[generation] = max(last_seq, opening.seqs.get(generation, 0))
        return opening is not None

    def _track(self, conversation: uuid.UUID, generation: uuid.UUID) -> Track:
        """The track of a generation; a new one when the browser was never told of it."""
        if generation not in self._tracks:
            self._tracks[generation] = Track(conversation, generation, told=False)
        return self._tracks[generation]

    def _introduce(self, conversation: uuid.UUID, generation: uuid.UUID) -> None:
        """The browser has been told of a generation: its events may follow."""
        track = self._track(conversation, generation)
        if not track.told:
            track.told = True
            self._fill(track)

    def _replace(self, track: Track) -> None:
        """Puts a track in the place of an old one, whose replay then finds itself superseded.

        A browser that opens anew may never have seen what the old one sent, and would wait
        for ever if that counted against it.
        """
        if old := self._tracks.get(track.generation):
            self._drop(old)
        self._tracks[track.generation] = track
        self._fill(track)

    def _drop(self, track: Track) -> None:
        del self._tracks[track.generation]
        self._unacked_size -= sum(size for _, size in track.unacked)

    def _is_full(self) -> bool:
        return self._unacked_size > WINDOW_BYTES

    def _fill(self, track: Track) -> None:
        if not track.behind or self._is_full():
            track.catching_up = False  # nothing lacks, or the next ack comes back to it
            return
        track.catching_up = True
        self._catch_up.put_nowait(track)

    def _fill_all(self) -> None:
        """There may be room in the window: what waited for it goes on."""
        for track in self._tracks.values():
            if not track.catching_up:
                self._fill(track)

    def _pass_on(self, track: Track, first: int, last: int, body: str) -> None:
        if first < track.next_seq:
            body = protocol.events_after(body, track.next_seq - 1)
        track.next_seq = last + 1
        track.unacked.append((last, len(body)))
        self._unacked_size += len(body)
        self.queue.put(body)

    async def _watch_overrun(self) -> None:
        await self._overrun.wait()
        raise SocketEnd(TRY_LATER)  # it does not read what it is told; nothing more is kept for it

    async def _replayer(self) -> None:
        while True:
            await self._replay(await self._catch_up.get())

    async def _replay(self, track: Track) -> None:
        """Sends stored frames until the track is level with the log or the window is full."""
        while track.behind and not self._is_full():
            await self.queue.room()
            if self._tracks.get(track.generation) is not track:
                return  # closed meanwhile, or opened anew
            frames = await self._reader.run(
                frames_after, track.generation, track.next_seq - 1, REPLAY_FRAMES
            )
            if self._tracks.get(track.generation) is not track:
                return
            if not frames:
                await self._folded(track)
            for frame in frames:
                if self._is_full() or self.queue.crowded:
                    break
                track.known_seq = max(track.known_seq, frame.last_seq)
                metrics.REPLAYED_FRAMES.inc()
                self._pass_on(track, frame.first_seq, frame.last_seq, frame.body)
        track.catching_up = False

    async def _folded(self, track: Track) -> None:
        """The frames are gone: if the snapshot did not include them, a fresh one does."""
        missed, track.next_seq = track.known_seq, track.known_seq + 1
        # A second look would find nothing new either: then there is nothing to be had.
        if missed > track.shown_seq and self._refreshed.get(track.generation) != missed:
            self._refreshed[track.generation] = missed
            await self._refresh(track.conversation)
