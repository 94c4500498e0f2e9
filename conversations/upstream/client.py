"""The one client of a process: opens, resumes and cancels streams of events."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings

from billing.usage import TokenUsage, parse_usage
from chatsite.keyfile import KeyFile
from chatsite.redaction import hide
from conversations.upstream import hooks
from conversations.upstream.errors import UpstreamFailure
from conversations.upstream.events import UpstreamEvent
from conversations.upstream.order import Order
from conversations.upstream.parsing import InvalidEvent, parse_event, typed
from conversations.upstream.sse import EventStreamDecoder

logger = logging.getLogger(__name__)

OPENAI_URL = "https://api.openai.com/v1"
CANCEL_SECONDS = 5.0
COUNT_SECONDS = 3.0
NO_COUNTS_SECONDS = 60.0
"""How long a server that could not count input is not asked to."""
COUNTED_FIELDS = ("model", "input", "instructions")
Answered = Callable[[str], None]
"""Told upstream's `x-request-id` when it has accepted a request."""
POLL_SECONDS = 2.0
"""How often to look whether a response is ready that can't be streamed any more."""


class ResponseGone(Exception):
    """The stream of a background response is kept for some minutes only; its result for longer."""


class Upstream:
    """An AsyncOpenAI on the aiohttp transport, reading streams raw.

    The SDK keeps auth, errors and the connection pool; its event models, at about 90 µs an
    event, are left out.
    """

    def __init__(self) -> None:
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient, Omit

        file = settings.OPENAI_API_KEY_FILE
        key = KeyFile(file).current if file else settings.UPSTREAM_KEY or "none"
        hide(settings.UPSTREAM_KEY)  # the embedded model's is made after the settings
        patience = settings.UPSTREAM_CONNECT_SECONDS
        limit = settings.UPSTREAM_MAX_STREAMS + 20  # some for calls that are not streams
        self.sdk = AsyncOpenAI(
            api_key=key,
            base_url=settings.UPSTREAM_URL or OPENAI_URL,
            max_retries=0,
            # The transport's `pool` is the time until there is a connection, whatever it takes.
            timeout=httpx2.Timeout(None, connect=patience, pool=patience),
            http_client=DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=limit, max_keepalive_connections=limit),
                event_hooks={"request": [hooks.asking], "response": [hooks.answered]},
            ),
        )
        # A server without a key gets no header rather than a made-up one.
        self._no_counts_until = 0.0
        self.headers = {} if settings.UPSTREAM_KEY or file else {"Authorization": Omit()}
        # The SDK takes these from the environment by itself, empty strings too.
        self.sdk.organization = settings.OPENAI_ORG_ID or None
        self.sdk.project = settings.OPENAI_PROJECT_ID or None

    @staticmethod
    def warm() -> None:
        """Imports the SDK with all its types: most of a second, which it would else take from
        the start of the site and, since some are imported on first use, from the first answer.
        """
        import openai.resources.models
        import openai.resources.responses
        import openai.types.responses  # noqa: F401

    @asynccontextmanager
    async def stream(
        self, request: dict[str, Any], answered: Answered
    ) -> AsyncIterator[AsyncIterator[UpstreamEvent]]:
        """Opens `responses.create(**request)` as a stream of events.

        Leaving the context closes the connection, which is what stops upstream.

        Raises:
            UpstreamFailure, openai.OpenAIError, httpx2.HTTPError, InvalidEvent, …:
                `errors.failure_of` says what each means.
        """
        create = self.sdk.responses.with_streaming_response.create
        opening = create(**request, stream=True, extra_headers=self.headers)
        async with self._reading(opening, answered) as events:
            yield events

    @asynccontextmanager
    async def resume(
        self, response_id: str, after: int | None, answered: Answered
    ) -> AsyncIterator[AsyncIterator[UpstreamEvent]]:
        """Opens the stream of a background response behind the event with number `after`.

        Raises:
            ResponseGone: it can't be streamed any more; `wait_for` gets its result.
            UpstreamFailure, …: as `stream`; final when upstream no longer knows the response.
        """
        import openai

        retrieve = self.sdk.responses.with_streaming_response.retrieve
        opening = retrieve(
            response_id,
            stream=True,
            starting_after=openai.Omit() if after is None else after,
            extra_headers=self.headers,
        )
        try:
            async with self._reading(opening, answered) as events:
                yield _behind(events, after)
        except openai.BadRequestError as error:
            raise ResponseGone(str(error)) from error
        except openai.NotFoundError as error:
            raise UpstreamFailure("response_gone", said=str(error)) from error

    @asynccontextmanager
    async def wait_for(self, response_id: str) -> AsyncIterator[AsyncIterator[UpstreamEvent]]:
        """The result of a background response as events: its items, whole, and its ending."""
        yield self._result(response_id)

    async def cancel(self, response_id: str) -> TokenUsage | None:
        """Ends a background response; what it has used, if upstream says so.

        A failure is not raised: there is nothing more that could be done.
        """
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                cancelled = await self.sdk.responses.cancel(response_id, extra_headers=self.headers)
        except Exception as error:
            logger.warning("response %s could not be cancelled: %s", response_id, error)
            return None
        return parse_usage(cancelled.to_dict().get("usage"))

    async def _result(self, response_id: str) -> AsyncIterator[UpstreamEvent]:
        while True:
            retrieved = await self.sdk.responses.retrieve(response_id, extra_headers=self.headers)
            response = retrieved.to_dict()
            if response.get("status") not in ("queued", "in_progress"):
                break
            await asyncio.sleep(POLL_SECONDS)
        output = response.get("output")
        for index, item in enumerate(output if isinstance(output, list) else ()):
            fields = {"type": "response.output_item.done", "output_index": index, "item": item}
            yield typed(fields)
        status = response.get("status")
        kind = status if status in ("completed", "incomplete") else "failed"
        yield typed({"type": f"response.{kind}", "response": response})

    @asynccontextmanager
    async def _reading(
        self, opening: Any, answered: Answered
    ) -> AsyncIterator[AsyncIterator[UpstreamEvent]]:
        """The events of one of the SDK's raw streams, with our time-outs."""
        first_due = asyncio.get_running_loop().time() + settings.UPSTREAM_FIRST_EVENT_SECONDS
        try:
            async with asyncio.timeout_at(first_due) as patience:
                response = await opening.__aenter__()
                answered(response.headers.get("x-request-id", ""))
                try:
                    check_kind(response.headers.get("content-type", ""))
                    yield _events(response.iter_bytes(), patience)
                finally:
                    await response.close()
        except TimeoutError as error:
            if not patience.expired():
                raise
            kind = "no_first_event" if patience.when() == first_due else "silence"
            raise UpstreamFailure(kind) from error

    async def count_input(self, request: dict[str, Any]) -> int | None:
        """Input tokens of a request as upstream counts them; None when it does not say in time.

        Many servers have no such endpoint: they are not asked again for a while.
        """
        now = asyncio.get_running_loop().time
        if now() < self._no_counts_until:
            return None
        told = {name: request[name] for name in COUNTED_FIELDS if name in request}
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                count = self.sdk.responses.input_tokens.count
                counted = await count(**told, extra_headers=self.headers)
        except Exception as error:
            logger.info("upstream does not count input: %s", error)
            self._no_counts_until = now() + NO_COUNTS_SECONDS
            return None
        return counted.input_tokens

    async def list_models(self) -> list[str]:
        """The ids that upstream's `/v1/models` lists, in its order."""
        page = await self.sdk.models.list(
            timeout=settings.UPSTREAM_CONNECT_SECONDS, extra_headers=self.headers
        )
        return [model.id for model in page.data]

    async def close(self) -> None:
        await self.sdk.close()


def check_kind(content_type: str) -> None:
    """Refuses an answer that is no event stream: a page of a proxy, a JSON object."""
    if "text/event-stream" not in content_type.lower():
        said = f"content type {content_type or 'missing'}"
        raise UpstreamFailure("not_a_stream", said=said)


async def _behind(
    events: AsyncIterator[UpstreamEvent], number: int | None
) -> AsyncIterator[UpstreamEvent]:
    """Only what comes after an event, whatever the server makes of `starting_after`."""
    async for event in events:
        if number is None or event.number is None or event.number > number:
            yield event


async def _events(
    chunks: AsyncIterator[bytes], patience: asyncio.Timeout
) -> AsyncIterator[UpstreamEvent]:
    """The events in a stream of bytes; every chunk prolongs `patience`."""
    decoder, order = EventStreamDecoder(), Order()
    now = asyncio.get_running_loop().time
    silence = settings.UPSTREAM_SILENCE_SECONDS
    # Moving a timer costs more than parsing a delta, so it is moved now and then: silence may
    # be cut a tenth, or a second, too early.
    step, move_at = min(1.0, silence / 10), 0.0
    async for chunk in chunks:
        if now() >= move_at:
            patience.reschedule(now() + silence)
            move_at = now() + step
        for data in decoder.push(chunk):
            if data != b"[DONE]":
                event = parse_event(data)
                order.take(event)
                yield event
    for data in decoder.flush():
        try:
            event = parse_event(data)
        except InvalidEvent:
            return  # the line that the end cut off: the missing terminal event tells the rest
        yield event
