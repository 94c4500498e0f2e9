"""OpenTelemetry traces, by the usual environment variables; nothing is loaded without them.

Spans hold ids, codes and times, never text: exceptions are not recorded on them either.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

from django.conf import settings

Kind = Literal["internal", "server", "client"]
Value = str | int | float | bool

STOP_SECONDS = 5.0
"""How long the end of the process may wait for the collector to take the last spans."""

_provider: Any = None
_tracer: Any = None
_off: AbstractContextManager[None] = nullcontext()


def start() -> None:
    """Begins to trace if the settings say so. Spans leave in batches, from a thread."""
    global _provider, _tracer
    if not settings.TRACES or _provider:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": settings.OTEL_SERVICE_NAME})
    _provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer("chatsite")


def stop() -> None:
    """Sends what is left. A collector that does not answer holds up nobody for long."""
    global _provider, _tracer
    if _provider:
        ending = threading.Thread(target=_provider.shutdown, daemon=True)
        ending.start()
        ending.join(STOP_SECONDS)
        _provider = _tracer = None


def span(
    name: str,
    kind: Kind = "internal",
    carrier: Mapping[str, str] | None = None,
    **attributes: Value | None,
) -> AbstractContextManager[None]:
    """Around what is timed. `carrier`: headers that may name the caller's span."""
    if _tracer is None:
        return _off
    return _span(name, kind, carrier, attributes)


@contextmanager
def _span(
    name: str, kind: Kind, carrier: Mapping[str, str] | None, attributes: Mapping[str, Value | None]
) -> Iterator[None]:
    from opentelemetry.trace import SpanKind

    with _tracer.start_as_current_span(
        name,
        context=_propagator().extract(carrier) if carrier else None,
        kind=SpanKind[kind.upper()],
        record_exception=False,  # with its words and its traceback
        set_status_on_exception=False,
    ):
        note(**attributes)
        yield


def note(**attributes: Value | None) -> None:
    """Adds to the span that runs here. `_` in a name stands for a dot; None adds nothing."""
    if _tracer is None:
        return
    from opentelemetry.trace import get_current_span

    for name, value in attributes.items():
        if value is not None:
            get_current_span().set_attribute(NAMES.get(name, f"chatsite.{name}"), value)


def rename(name: str) -> None:
    """Gives the span that runs here the name that is known only now."""
    if _tracer is not None:
        from opentelemetry.trace import get_current_span

        get_current_span().update_name(name)


def failed(code: str) -> None:
    """The span that runs here has failed, and how."""
    if _tracer is None:
        return
    from opentelemetry.trace import Status, StatusCode, get_current_span

    get_current_span().set_status(Status(StatusCode.ERROR, code))


NAMES = {
    "method": "http.request.method",
    "route": "http.route",
    "status_code": "http.response.status_code",
    "model": "gen_ai.request.model",
}
"""Attributes that the conventions have a name for; others are ours."""


def trace_id() -> str:
    """Of the trace that runs here, for the log; empty when there is none."""
    if _tracer is None:
        return ""
    from opentelemetry.trace import format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else ""


def headers() -> dict[str, str]:
    """What tells the model service which span asks; nothing unless OTEL_PROPAGATORS asks for it.

    A service of somebody else's has no use for our ids, so it is not the default that it is in
    OpenTelemetry.
    """
    carrier: dict[str, str] = {}
    if _tracer is not None and "tracecontext" in settings.OTEL_PROPAGATORS:
        _propagator().inject(carrier)
    return carrier


def _propagator() -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator()
