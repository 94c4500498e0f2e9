"""What stands on every log line of a request, a socket's command or a generation.

It is kept in context variables, so a task takes along what its creator had. What works for
several at once (recorder, database threads, shared checks) runs in a context of its own and
has none of it rather than a wrong one.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from structlog.contextvars import (
    bind_contextvars,
    bound_contextvars,
    clear_contextvars,
    get_contextvars,
    unbind_contextvars,
)

SANE_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)

_http: ContextVar[HttpRequest] = ContextVar("http")


def new_id(offered: str | None) -> str:
    """The id of a request: the one that a proxy offers, if it is one, else a new one."""
    return offered if offered and SANE_ID.fullmatch(offered) else uuid.uuid4().hex


@lru_cache(10_000)
def user_hash(user_id: Any) -> str:
    """Stands for a user in logs and traces: always the same, and of no use without SECRET_KEY."""
    return salted_hmac("chatsite.logs.user", str(user_id), algorithm="sha256").hexdigest()[:16]


def bind(**fields: object) -> None:
    """Adds to what stands on the lines to come; None takes a field away."""
    bind_contextvars(**{name: str(value) for name, value in fields.items() if value is not None})
    unbind_contextvars(*(name for name, value in fields.items() if value is None))


def begin(**fields: object) -> None:
    """`bind`, with nothing of what was there before."""
    clear_contextvars()
    bind(**fields)


def bound(name: str) -> str:
    """What stands for a field now; empty when nothing does."""
    return str(get_contextvars().get(name, ""))


def fresh(**fields: object) -> Context:
    """A context that holds this and nothing of the creator's."""
    context = Context()
    context.run(bind, **fields)
    return context


@contextmanager
def of_request(request: HttpRequest, id: str) -> Iterator[None]:
    """Around an HTTP request. User and route are looked up when a line is written: asking for
    the user here would cost each request a query."""
    token = _http.set(request)
    try:
        with bound_contextvars(request=id):
            yield
    finally:
        _http.reset(token)


def known() -> dict[str, Any]:
    """All that stands on a line written now."""
    fields = dict(get_contextvars())
    request = _http.get(None)
    if request is not None:
        user = getattr(request, "_cached_user", None) or getattr(request, "_acached_user", None)
        if user is not None and user.pk is not None:
            fields["user"] = user_hash(user.pk)
        if request.resolver_match:
            # Not the path: that of a password reset holds its token.
            fields["route"] = "/" + request.resolver_match.route
    return fields
