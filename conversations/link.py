"""The channel layer, which may be away or hang: it is a hint, and nothing may depend on it.

Every call is bounded in time and never raises. That the layer went away, or came back, is said
once, in one line.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from channels.layers import BaseChannelLayer
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

LAYER_SECONDS = 5.0
"""How long a call of the layer may take. Redis has no time-out of its own here, because one
would end receivers that have nothing to receive."""


class Link:
    """A channel layer that other processes listen to as well."""

    def __init__(self, layer: BaseChannelLayer) -> None:
        self.layer = layer
        self.away = False
        """Whether the last call failed."""
        logging.getLogger("channels_redis.pubsub").addFilter(is_news)

    async def call(self, call: Awaitable[Any]) -> bool:
        """Awaits a call of the layer; whether it came through."""
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                await call
        except Exception as error:  # whatever it is, readers fill in from the log
            if not self.away:
                logger.warning("the channel layer is away, readers follow the log: %s", error)
            self.away = True
            return False
        if self.away:
            logger.warning("the channel layer is back")
        self.away = False
        return True


def is_news(record: logging.LogRecord) -> bool:
    """Keeps out the traceback that the layer's receiver prints every second while Redis is
    away: we have said so, and it goes on trying."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, RedisError | OSError)
