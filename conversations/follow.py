"""From the events of one attempt to the moderated log, until upstream says how it ended."""

import asyncio
from collections.abc import AsyncIterator

from conversations.log import GenerationLog
from conversations.moderation.stream import ModeratedStream
from conversations.round import Outcome, Round
from conversations.upstream.attempts import Attempt
from conversations.upstream.errors import UpstreamFailure
from conversations.upstream.events import Delta, Keepalive, Lifecycle, Other, UpstreamEvent
from conversations.upstream.parsing import done_items

GRACE_SECONDS = 0.25
"""How long to read on after the terminal event: until the end, the connection can be reused."""


async def follow(
    events: AsyncIterator[UpstreamEvent],
    round: Round,
    moderated: ModeratedStream,
    log: GenerationLog,
    attempt: Attempt,
) -> Outcome:
    """Passes events on until upstream says how it ended, and what little comes after that.

    Raises:
        UpstreamFailure: `silent_end`, upstream said nothing of an end.
        LogLost: somebody else writes this generation now.
    """
    try:
        async with asyncio.timeout(None) as grace:
            async for event in events:
                ended = round.outcome is not None
                if ended and isinstance(event, Delta | Other):
                    continue  # after the end nothing is part of the answer
                if isinstance(event, Lifecycle) and event.terminal and not round.spoke:
                    for item in done_items(event.response.get("output")):
                        moderated.push(item)  # of a server that streams nothing else
                        round.spoke = True
                round.take(event)
                if isinstance(event, Keepalive):
                    continue
                moderated.push(event)
                log.check()
                if round.spoke:
                    attempt.output()
                if round.outcome and not ended:
                    grace.reschedule(asyncio.get_running_loop().time() + GRACE_SECONDS)
    except Exception:
        # Upstream has said how it ended; what its connection does then changes nothing.
        if round.outcome is None:
            raise
    if round.outcome is None:
        raise UpstreamFailure("silent_end")
    return round.outcome
