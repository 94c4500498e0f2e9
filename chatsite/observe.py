"""Where log lines and traces learn what runs: a request, a socket's command, a generation."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import TYPE_CHECKING, Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from chatsite import logcontext, tracing

if TYPE_CHECKING:
    from conversations.models import Generation
    from conversations.upstream.attempts import Attempt

_commands: ContextVar[tuple[str, str, Iterator[int]]] = ContextVar("commands")
"""Of a socket: its id, its user, the numbers of its commands."""

CHATTER = {"ack", "ping"}
"""Commands that come all the time and do nothing that takes any."""


@sync_and_async_middleware
def requests(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Middleware, the outermost: gives each request an id, which the answer tells too."""
    if iscoroutinefunction(get_response):

        async def in_loop(request: HttpRequest) -> HttpResponse:
            with _request(request) as answered:
                return answered(await get_response(request))

        return in_loop

    def in_thread(request: HttpRequest) -> HttpResponse:
        with _request(request) as answered:
            return answered(get_response(request))

    return in_thread


@contextmanager
def _request(request: HttpRequest) -> Iterator[Callable[[HttpResponse], HttpResponse]]:
    id = logcontext.new_id(request.headers.get("X-Request-ID"))
    method = request.method if request.method in ("GET", "HEAD", "POST") else "OTHER"
    span = tracing.span(method, "server", request.headers, method=method, request=id)

    def answered(response: HttpResponse) -> HttpResponse:
        response["X-Request-ID"] = id
        known = logcontext.known()
        if route := known.get("route"):
            tracing.rename(f"{method} {route}")
        tracing.note(status_code=response.status_code, route=route, user=known.get("user"))
        if response.status_code >= 500:
            tracing.failed(str(response.status_code))
        return response

    with logcontext.of_request(request, id), span:
        yield answered


def socket(scope: dict[str, Any]) -> Any:
    """A socket was opened: what this task logs from now on is its. Returns its user."""
    headers = dict(scope.get("headers", ()))
    id = logcontext.new_id(headers.get(b"x-request-id", b"").decode("latin1"))
    user = scope["user"]
    known = logcontext.user_hash(user.pk) if user.is_authenticated else ""
    _commands.set((id, known, count(1)))
    logcontext.begin(request=id, user=known or None)
    return user


async def command(command: Any, obey: Callable[[Any], Awaitable[None]]) -> None:
    """Obeys one command of a socket. Its fields stay on the lines until the next one begins,
    since what breaks in it is logged behind it."""
    id, user, numbers = _commands.get()
    request = f"{id}.{next(numbers)}"
    conversation, generation = (
        getattr(command, name, None) for name in ("conversation", "generation")
    )
    logcontext.begin(
        request=request, user=user or None, conversation=conversation, generation=generation
    )
    kind = command.__struct_config__.tag
    if kind in CHATTER:
        await obey(command)
        return
    with tracing.span(f"socket {kind}", "server", request=request, user=user):
        await obey(command)


async def generation(generation: "Generation", run: Callable[[], Awaitable[None]]) -> None:
    """Runs a generation, from its claim to its last event. It has a trace of its own: who asked
    does not wait for it, and may have asked another process."""
    conversation = generation.turn.conversation
    fields = {
        "generation": str(generation.pk),
        "conversation": str(conversation.pk),
        "user": logcontext.user_hash(conversation.owner_id),
    }
    logcontext.begin(**fields)
    with tracing.span("generation"):
        tracing.note(model=generation.model, **fields)
        await run()


def ended(status: str, code: str | None) -> None:
    """The generation that runs here has ended, in the log of its events too."""
    tracing.note(status=status, code=code)
    if code:
        tracing.failed(code)


@contextmanager
def upstream_call(attempt: "Attempt") -> Iterator[None]:
    """Around one call of the model service."""
    from conversations.upstream.errors import failure_of

    outcome = "ok"
    with tracing.span(f"upstream {attempt.endpoint}", "client", model=attempt.model):
        try:
            yield
        except asyncio.CancelledError:
            outcome = "stopped"
            raise
        except Exception as error:
            failure = failure_of(error)
            outcome = failure.kind.name if failure else type(error).__name__
            raise
        finally:
            if attempt.failure:
                outcome = attempt.failure.kind.name
            first = attempt.first_output_at
            tracing.note(
                outcome=outcome,
                upstream_request=attempt.request_id or logcontext.bound("upstream_request") or None,
                first_output_ms=None if first is None else round((first - attempt.began) * 1000),
            )
            if outcome not in ("ok", "stopped"):
                tracing.failed(outcome)
