"""The one client of a process: opens a stream and gives its events; closing closes upstream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from django.conf import settings

from conversations.upstream.errors import Stalled, UpstreamFailure
from conversations.upstream.events import UpstreamEvent
from conversations.upstream.parsing import InvalidEvent, parse_event
from conversations.upstream.sse import EventStreamDecoder

OPENAI_URL = "https://api.openai.com/v1"


class Upstream:
    """An AsyncOpenAI on the aiohttp transport, reading streams raw.

    The SDK keeps auth, errors and the connection pool; its event models, at about 90 µs an
    event, are left out.
    """

    def __init__(self) -> None:
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient, Omit

        limit = settings.UPSTREAM_MAX_STREAMS + 20  # some for calls that are not streams
        self.sdk = AsyncOpenAI(
            api_key=settings.UPSTREAM_KEY or "none",
            base_url=settings.UPSTREAM_URL or OPENAI_URL,
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=settings.UPSTREAM_CONNECT_SECONDS),
            http_client=DefaultAioHttpClient(
                limits=httpx2.Limits(max_connections=limit, max_keepalive_connections=limit)
            ),
        )
        # A server without a key gets no header rather than a made-up one.
        self._headers = {} if settings.UPSTREAM_KEY else {"Authorization": Omit()}
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
    async def stream(self, request: dict[str, Any]) -> AsyncIterator[AsyncIterator[UpstreamEvent]]:
        """Opens `responses.create(**request)` as a stream of events.

        Leaving the context closes the connection, which is what stops upstream.

        Raises:
            UpstreamFailure, openai.OpenAIError, httpx2.HTTPError, Stalled, InvalidEvent:
                `errors.failure_of` says what each means.
        """
        opening = self.sdk.responses.with_streaming_response.create(
            **request, stream=True, extra_headers=self._headers
        )
        first_due = asyncio.get_running_loop().time() + settings.UPSTREAM_FIRST_EVENT_SECONDS
        try:
            async with asyncio.timeout_at(first_due) as patience:
                response = await opening.__aenter__()
                try:
                    check_kind(response.headers.get("content-type", ""))
                    yield _events(response.iter_bytes(), patience)
                finally:
                    await response.close()
        except TimeoutError as error:
            raise Stalled("no sign of life in time") from error

    async def list_models(self) -> list[str]:
        """The ids that upstream's `/v1/models` lists, in its order."""
        page = await self.sdk.models.list(
            timeout=settings.UPSTREAM_CONNECT_SECONDS, extra_headers=self._headers
        )
        return [model.id for model in page.data]

    async def close(self) -> None:
        await self.sdk.close()


def check_kind(content_type: str) -> None:
    """Refuses an answer that is no event stream: a page of a proxy, a JSON object."""
    if "text/event-stream" not in content_type.lower():
        said = f"content type {content_type or 'missing'}"
        raise UpstreamFailure("upstream_invalid", said=said)


async def _events(
    chunks: AsyncIterator[bytes], patience: asyncio.Timeout
) -> AsyncIterator[UpstreamEvent]:
    """The events in a stream of bytes; every chunk prolongs `patience`."""
    decoder = EventStreamDecoder()
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
                yield parse_event(data)
    for data in decoder.flush():
        try:
            event = parse_event(data)
        except InvalidEvent:
            return  # the line that the end cut off: the missing terminal event tells the rest
        yield event
