"""An exception or an event of upstream → an `UpstreamFailure` of one kind (`kinds.py`)."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec

from chatsite.redaction import redact
from conversations.upstream.codes import BY_CODE, BY_STATUS, QUOTA_CODES, STREAM_CODES
from conversations.upstream.kinds import KINDS, SOON
from conversations.upstream.order import OutOfOrder
from conversations.upstream.parsing import InvalidEvent
from conversations.upstream.sse import StreamTooLong

if TYPE_CHECKING:  # the SDK is loaded after the site listens; see Upstream.warm
    import httpx2
    import openai

WORTH_SAYING = 60.0
"""A shorter wait is not told in numbers: an answer's ending is read long after it."""
LONGEST_SAID = 300
"""Characters of upstream's own words that are kept."""
LONGEST_CODE = 100


class UpstreamFailure(Exception):
    """Upstream gave no (whole) answer.

    `kind` is the row of the table, `detail` upstream's own code and `said` its words, where it
    has them; `status` the HTTP status, `request_id` its `x-request-id`; `retry_after` the
    seconds it asked to wait. `retryable` is the kind's `retry`, unless upstream said otherwise.
    """

    def __init__(
        self,
        kind: str,
        detail: str | None = None,
        said: str | None = None,
        *,
        retryable: bool | None = None,
        status: int | None = None,
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        said = said and redact(said)  # upstream quotes a part of the key that it refuses
        self.kind = KINDS[kind]
        self.detail = detail
        self.said = said[:LONGEST_SAID] if said else None
        self.retryable = self.kind.retry if retryable is None else retryable
        self.status = status
        self.request_id = request_id
        self.retry_after = retry_after
        # What upstream wrote may quote what people wrote, which no log may hold; what kept us
        # from reaching it is in words of our own side.
        ours = self.said if status is None and self.code == "upstream_unavailable" else None
        told = (kind, detail and detail[:LONGEST_CODE], status, request_id, ours)
        super().__init__(", ".join(str(part) for part in told if part))

    @property
    def code(self) -> str:
        """One of PROTOCOL.md's error codes."""
        return self.kind.code

    def wire(self) -> dict[str, Any]:
        """The `error` of `generation.finished`."""
        message = self.kind.message
        if self.kind.quotes and self.said:
            message = f"{message} It said: {self.said}"
        if self.retryable and self.retry_after and self.retry_after >= WORTH_SAYING:
            wait = in_words(self.retry_after)
            message = f"{message.removesuffix(SOON)} Try again in {wait}."
        error: dict[str, Any] = {
            "code": self.code,
            "message": message,
            "retryable": self.retryable,
            "kind": self.kind.name,
        }
        if self.detail:
            error["detail"] = self.detail
        if self.retry_after is not None:
            error["retry_after"] = self.retry_after
        return error


def failure_of(error: BaseException) -> UpstreamFailure | None:
    """What an exception of the upstream call means; None when it is not upstream's fault."""
    import aiohttp
    import httpx2
    import openai

    match error:
        case UpstreamFailure():
            return error
        case openai.APIStatusError():
            return _status_failure(error)
        case openai.APIResponseValidationError():
            return UpstreamFailure("not_a_stream", said=str(error), status=error.status_code)
        case openai.APIConnectionError():
            return _connection_failure(error)
        case openai.APIError():
            return event_failure(error.body)
        case httpx2.DecodingError():
            return UpstreamFailure("not_a_stream", said=str(error))
        case httpx2.HTTPError():  # the stream had begun
            return UpstreamFailure("reset", said=str(error))
        case aiohttp.ClientResponseError():  # no HTTP: the transport passes it on as it is
            return UpstreamFailure("not_a_stream", said=error.message)
        case OutOfOrder():
            return UpstreamFailure("out_of_order", said=str(error))
        case InvalidEvent():
            return UpstreamFailure("broken_event", said=str(error))
        case StreamTooLong():
            return UpstreamFailure("endless_event", said=str(error))
        case _:
            return None


def event_failure(error: object) -> UpstreamFailure:
    """The failure in an `error` event or in the `error` of `response.failed`.

    Its code may also be the number of an HTTP status: some servers send that.
    """
    fields = error if isinstance(error, dict) else {}
    detail, said = _text(fields.get("code")), _text(fields.get("message"))
    if is_quota(detail) or detail == "402":
        kind = "quota"
    elif detail == "429":
        kind = "rate_limited"
    elif detail and detail.isdecimal() and detail.startswith("4"):
        kind = "failed_request"
    else:
        kind = STREAM_CODES.get(detail or "", "failed")
    return UpstreamFailure(kind, detail, said)


def is_quota(code: str | None) -> bool:
    """Whether a code means that no money is left: waiting does not help."""
    return code in QUOTA_CODES or (code or "").endswith("_spend_limit_exceeded")


def in_words(seconds: float) -> str:
    """A time to wait, rounded up."""
    for size, unit in ((3600, "hours"), (60, "minutes")):
        if seconds > 1.5 * size:
            return f"{math.ceil(seconds / size)} {unit}"
    return f"{max(math.ceil(seconds), 1)} s"


def _status_failure(error: "openai.APIStatusError") -> UpstreamFailure:
    detail, said, status = _text(error.code), _text(error.message), error.status_code
    if isinstance(error.body, dict):
        said = _text(error.body.get("message")) or said
    if status >= 500:
        kind = BY_STATUS.get(status, "server_error")
    elif is_quota(detail):
        kind = "quota"
    else:
        kind = BY_CODE.get(detail or "") or BY_STATUS.get(status, "rejected")
    headers = error.response.headers
    told = {"true": kind != "quota", "false": False}.get(headers.get("x-should-retry", ""))
    return UpstreamFailure(
        kind,
        detail,
        said,
        retryable=told,
        status=status,
        request_id=error.request_id or "",
        retry_after=_retry_after(headers),
    )


def _connection_failure(error: "openai.APIConnectionError") -> UpstreamFailure:
    """What kept the request from being answered; the transport's own exception tells it best."""
    import aiohttp
    import httpx2
    import openai

    causes: list[BaseException] = [error]
    while cause := causes[-1].__cause__:
        causes.append(cause)
    said = str(causes[-1]) or type(causes[-1]).__name__

    def caused_by(*types: type[BaseException]) -> bool:
        return any(isinstance(cause, types) for cause in causes)

    if caused_by(aiohttp.ClientConnectorDNSError):
        kind = "dns"
    elif caused_by(aiohttp.ClientSSLError):
        kind = "tls"
    elif caused_by(aiohttp.ServerTimeoutError, httpx2.PoolTimeout, openai.APITimeoutError) and (
        not caused_by(aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
    ):
        kind = "connect_timeout"
    elif caused_by(aiohttp.ClientConnectorError, httpx2.UnsupportedProtocol):
        kind = "no_connection"
    elif caused_by(aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, httpx2.ReadError):
        kind = "reset"
    else:
        kind = "no_connection"
    return UpstreamFailure(kind, said=said)


def _retry_after(headers: "httpx2.Headers") -> float | None:
    """`retry-after-ms` or `Retry-After` (seconds or a date) as seconds from now."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        return max(seconds, 0.0) if math.isfinite(seconds) else None
    try:
        date = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None  # none given, or one that nobody understands
    return max((date.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
