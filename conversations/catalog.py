"""Which models are offered, under which names, at which prices, and what each needs."""

import asyncio
import logging
import time
from contextvars import Context
from typing import Any

import msgspec
from django.conf import settings

from billing import pricing
from conversations.database import DatabaseThread
from conversations.protocol import Refused
from conversations.upstream.client import Upstream
from conversations.upstream.errors import failure_of

logger = logging.getLogger(__name__)

LISTING_SECONDS = 60
"""How long what upstream's `/v1/models` said is good for."""
RETRY_SECONDS = 5
"""When a person whose turn found no model service may try again."""


class ModelOptions(msgspec.Struct, frozen=True):
    """What a model needs beyond its name; None leaves it to upstream."""

    label: str = ""
    context_tokens: int = 128_000
    max_output_tokens: int | None = None
    instructions: str | None = None
    temperature: float | None = None


def options_of(model: str) -> ModelOptions:
    """The options configured for a model."""
    return msgspec.convert(settings.MODEL_OPTIONS.get(model, {}), ModelOptions)


class Catalog:
    """The offered models: those of `CHAT_MODELS`, else those that upstream lists."""

    def __init__(self, upstream: Upstream, reader: DatabaseThread) -> None:
        self._upstream = upstream
        self._reader = reader
        self._listed: list[str] = []
        self._stale_at = 0.0
        self._failed = False
        self._listing: asyncio.Task[None] | None = None

    async def models(self) -> list[str]:
        """Ids of the models that may be chosen now; empty while upstream can't be asked.

        Only the very first call waits for upstream; later ones ask again in the background.
        """
        if not settings.CHAT_MODELS and time.monotonic() >= self._stale_at:
            if self._listing is None or self._listing.done():
                self._listing = asyncio.create_task(self._list(), name="models", context=Context())
            if not self._listed:
                await asyncio.shield(self._listing)
        await self._reader.run(pricing.refresh)  # an event loop can't ask for prices itself
        offered = settings.CHAT_MODELS or self._listed
        return [model for model in offered if pricing.may_be_called(model)]

    async def default(self) -> str | None:
        """The model for who doesn't choose: the configured one, else the cheapest priced one."""
        if settings.CHAT_DEFAULT_MODEL:
            return str(settings.CHAT_DEFAULT_MODEL)
        models = await self.models()
        return min(models, key=_cheapness, default=None)

    async def chosen(self, model: str | None) -> str:
        """The model to ask for a command that names `model`, or none.

        Raises:
            Refused: `model_unavailable`.
        """
        models = await self.models()
        if model is None:
            model = await self.default()
            if model is None:
                raise self._none_listed()
        elif model not in models:
            offered = ", ".join(models) or "none"
            raise Refused("model_unavailable", f"There is no model {model!r}; offered: {offered}.")
        return model

    def _none_listed(self) -> Refused:
        if self._failed:
            message = "The model service can't be reached right now. Your text was not sent."
            return Refused("upstream_unavailable", message, retry_after=RETRY_SECONDS)
        return Refused("model_unavailable", "The model service lists no model.")

    async def wire(self) -> list[dict[str, Any]]:
        """`models` of `hello`."""
        return [
            {
                "id": model,
                "label": options_of(model).label or model,
                "prices": _prices(model),
            }
            for model in await self.models()
        ]

    async def _list(self) -> None:
        try:
            self._listed = await self._upstream.list_models()
            self._stale_at = time.monotonic() + LISTING_SECONDS
            self._failed = False
        except Exception as error:
            # What it listed before is still the best guess; asked again at the next need.
            failure = failure_of(error)
            if failure is None:
                raise
            logger.warning("upstream does not list its models: %s", failure)
            self._failed = True


def _prices(model: str) -> dict[str, str] | None:
    quote = pricing.quote(model)
    return None if quote is None or quote.unpriced else quote.wire()


def _cheapness(model: str) -> Any:
    quote = pricing.quote(model)
    return quote.worst(1000, 1000) if quote else 0
