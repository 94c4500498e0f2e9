"""Every way upstream can fail → one failure with our code and words a person can use."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import msgspec

from conversations.upstream.parsing import InvalidEvent
from conversations.upstream.sse import StreamTooLong

if TYPE_CHECKING:  # the SDK is loaded after the site listens; see Upstream.warm
    import httpx2
    import openai

FINAL_QUOTA_CODES = frozenset({"insufficient_quota", "credit_balance_exhausted"})

MESSAGES = {
    "upstream_unavailable": "The model service can't be reached right now. Try again in a moment.",
    "upstream_rate_limited": "The model service is busy. Try again in a moment.",
    "upstream_quota": "The model service refuses: this site's quota is used up. "
    "Tell the people who run it.",
    "upstream_auth": "The model service refuses this site's key. Tell the people who run it.",
    "upstream_rejected": "The model service did not accept this request.",
    "model_unavailable": "This model is not available. Choose another one.",
    "upstream_failed": "The model service gave up on this answer. Try again.",
    "upstream_disconnected": "The connection to the model service broke off.",
    "upstream_stalled": "The model service stopped sending. Try again.",
    "upstream_invalid": "The model service sent something that is no answer.",
}
RETRYABLE = frozenset(
    {
        "upstream_unavailable",
        "upstream_rate_limited",
        "upstream_failed",
        "upstream_disconnected",
        "upstream_stalled",
        "upstream_invalid",
    }
)


class UpstreamFailure(Exception):
    """Upstream gave no (whole) answer.

    `code` is one of PROTOCOL.md's error codes, `detail` upstream's own code where it has one.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        said: str | None = None,
        *,
        final: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail or ''} {said or ''}".strip())
        self.code = code
        self.detail = detail
        self.said = said
        self.retryable = code in RETRYABLE and not final
        self.retry_after = retry_after
        """Seconds that upstream asked to wait."""

    def wire(self) -> dict[str, Any]:
        """The `error` of `generation.finished`."""
        message = MESSAGES[self.code]
        if self.code == "upstream_rejected" and self.said:
            message = f"{message} It said: {self.said}"
        error: dict[str, Any] = {
            "code": self.code,
            "message": message,
            "retryable": self.retryable,
        }
        if self.detail:
            error["detail"] = self.detail
        return error


class Stalled(Exception):
    """No sign of life from upstream within the time allowed."""


def failure_of(error: Exception) -> UpstreamFailure | None:
    """What an exception of the upstream call means; None when it is not upstream's fault."""
    import httpx2
    import openai

    match error:
        case UpstreamFailure():
            return error
        case openai.APIStatusError():
            return _status_failure(error)
        case Stalled():
            return UpstreamFailure("upstream_stalled")
        case openai.APIConnectionError():  # timeouts while connecting are among these
            return UpstreamFailure("upstream_unavailable", said=str(error.__cause__ or error))
        case httpx2.TimeoutException():
            return UpstreamFailure("upstream_stalled", said=str(error))
        case httpx2.HTTPError():
            return UpstreamFailure("upstream_disconnected", said=str(error))
        case InvalidEvent() | StreamTooLong():
            return UpstreamFailure("upstream_invalid", said=str(error)[:300])
        case _:
            return None


def event_failure(error: object) -> UpstreamFailure:
    """The failure in an `error` event or in the `error` of `response.failed`."""
    fields = error if isinstance(error, dict) else {}
    code, message = fields.get("code"), fields.get("message")
    if code in FINAL_QUOTA_CODES:
        kind = "upstream_quota"
    elif code == "rate_limit_exceeded":
        kind = "upstream_rate_limited"
    else:
        kind = "upstream_failed"
    return UpstreamFailure(kind, _text(code), _text(message))


def _status_failure(error: "openai.APIStatusError") -> UpstreamFailure:
    detail, said = _text(error.code), _text(error.message)
    if isinstance(error.body, dict):
        said = _text(error.body.get("message")) or said
    match error.status_code:
        case 401 | 403:
            code = "upstream_auth"
        case 404:
            code = "model_unavailable"
        case 429:
            final = detail in FINAL_QUOTA_CODES or (detail or "").endswith("_spend_limit_exceeded")
            code = "upstream_quota" if final else "upstream_rate_limited"
        case status if status >= 500:
            code = "upstream_unavailable"
        case _:
            code = "upstream_rejected"
    headers = error.response.headers
    final = headers.get("x-should-retry") == "false"
    return UpstreamFailure(code, detail, said, final=final, retry_after=_retry_after(headers))


def _retry_after(headers: "httpx2.Headers") -> float | None:
    """`retry-after-ms` or `Retry-After` (seconds or a date) as seconds from now."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return max(float(headers[name]) / unit, 0.0)
        except (KeyError, ValueError):
            continue
    try:
        date = parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None  # none given, or one that nobody understands
    return max((date.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
