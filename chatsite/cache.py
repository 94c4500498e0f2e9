"""Django's cache on Redis, which the site can do without."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def forgiving(name: str, otherwise: Any) -> Callable[..., Any]:
    """A method of RedisCache that returns `otherwise` while Redis is away."""
    method = getattr(RedisCache, name)

    @wraps(method)
    def call(cache: "ForgivingRedisCache", *args: Any, **kwargs: Any) -> Any:
        try:
            result = method(cache, *args, **kwargs)
        except (RedisError, OSError) as error:
            if not cache.away:
                logger.warning("the cache is away, nothing is kept in it: %s", error)
            cache.away = True
            return otherwise
        cache.away = False
        return result

    return call


class ForgivingRedisCache(RedisCache):
    """A cache may forget: while Redis is away nothing is found in it and nothing is kept.

    What is counted in it, such as failed sign-ins, is not counted then; that keeps nobody from
    signing in.
    """

    away = False
    add = forgiving("add", True)
    set = forgiving("set", None)
    touch = forgiving("touch", False)
    delete = forgiving("delete", False)
    get_many = forgiving("get_many", {})
    has_key = forgiving("has_key", False)
    set_many = forgiving("set_many", [])
    delete_many = forgiving("delete_many", None)
    clear = forgiving("clear", False)
    _get = forgiving("get", None)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        found = self._get(key, default, version)
        return default if found is None else found

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        raised: int | None = self._incr(key, delta, version)
        if raised is None:
            raise ValueError(f"Key {key!r} not found")  # as for a key that is not there
        return raised

    _incr = forgiving("incr", None)
