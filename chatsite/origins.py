"""Which pages may open a socket here."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

DEFAULT_PORTS = {"http": 80, "https": 443}


class OriginGuard:
    """Refuses a handshake from a page of another site.

    Browsers send the session cookie with any page's WebSocket, and always say which origin
    asks. No origin means no browser, and so nobody's cookie but the caller's own.
    """

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {name: value.decode("latin1") for name, value in scope["headers"]}
        if is_own(headers.get(b"origin"), headers.get(b"host", "")):
            await self.application(scope, receive, send)
        else:
            await send({"type": "websocket.close"})


def is_own(origin: str | None, host: str) -> bool:
    """Whether `origin` is this site, asked for under the `Host` header `host`.

    It is when it equals the host, when it is another allowed name of it on the same port
    (localhost for 127.0.0.1), or when `CSRF_TRUSTED_ORIGINS` names it.
    """
    if origin is None or origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"//{host}")
        default = DEFAULT_PORTS.get(theirs.scheme)
        if default is None or not theirs.hostname:
            return False
        same_port = (theirs.port or default) == (ours.port or default)
    except ValueError:
        return False
    name = f"[{theirs.hostname}]" if ":" in theirs.hostname else theirs.hostname
    allowed = theirs.hostname == ours.hostname or validate_host(name, settings.ALLOWED_HOSTS)
    return same_port and allowed
