"""The table of failures: every way in which upstream does not give a whole answer.

A row says what the person reads, what we do about it, and what operators see. `errors.py`
finds the row for an exception or an event. README.md lists the table; a test holds it to this.
"""

from logging import ERROR, INFO, WARNING
from typing import Any, Final

import msgspec

OPERATORS: Final = "Tell the people who run this site."
SOON: Final = " Try again in a moment."
"""What becomes "Try again in 4 s." when upstream said how long it takes."""


class FailureKind(msgspec.Struct, frozen=True):
    """One row.

    `name` is the metric label and `UpstreamCall.outcome`, `code` an error code of PROTOCOL.md.
    `retry`: asking again may help. We do so before the first output, the person may later.
    `counts`: it says that upstream is ill, so that the circuit breaker counts it.
    `quotes`: what upstream said is added to the message.
    """

    name: str
    happens: str
    code: str
    message: str
    retry: bool = False
    counts: bool = False
    level: int = WARNING
    quotes: bool = False


def _unavailable(name: str, happens: str, message: str) -> FailureKind:
    message += SOON
    return FailureKind(name, happens, "upstream_unavailable", message, retry=True, counts=True)


def _rejected(name: str, happens: str, message: str, **more: Any) -> FailureKind:
    return FailureKind(name, happens, "upstream_rejected", message, **{"level": INFO, **more})


def _refused(name: str, happens: str, message: str) -> FailureKind:
    """Only who runs the site can do something about it."""
    return FailureKind(name, happens, "upstream_auth", f"{message} {OPERATORS}", level=ERROR)


def _failed(name: str, happens: str, message: str, level: int = INFO) -> FailureKind:
    """Upstream's own stream says so, and would say so again."""
    return FailureKind(name, happens, "upstream_failed", message, level=level)


def _broken(name: str, happens: str, code: str, message: str) -> FailureKind:
    return FailureKind(name, happens, f"upstream_{code}", message, retry=True, counts=True)


def _cut(name: str, happens: str, code: str, message: str) -> FailureKind:
    """Not a failure of upstream: the answer ends there, `incomplete`."""
    return FailureKind(name, happens, code, message, level=INFO)


UNREADABLE = "The model service sent something that is no answer. Try again."

ROWS: Final = (
    # It answers with an HTTP status.
    _rejected("rejected", "400 and any 4xx not named here",
              "The model service did not accept this request.", quotes=True, level=WARNING),
    _rejected("prompt_refused", "400 `invalid_prompt`",
              "The model service refuses this text. Write it in another way."),
    _rejected("context_too_long", "400 `context_length_exceeded`, `string_above_max_length`",
              "This is more than the model can read at once. Shorten it, or begin a new chat."),
    _rejected("unknown_parameter",
              "400 `unknown_parameter`, `unsupported_parameter`, `unsupported_value`",
              "The model can't work with this site's settings. Choose another model. "
              f"{OPERATORS}", level=ERROR),
    _refused("auth", "401", "The model service refuses this site's key."),
    FailureKind("quota", "402; 429 `insufficient_quota`, `credit_balance_exhausted`, "
                "`…_spend_limit_exceeded`; these codes in the stream", "upstream_quota",
                f"The model service refuses: this site's quota is used up. {OPERATORS}",
                level=ERROR),
    _refused("forbidden", "403",
             "The model service does not allow this to the site's project."),
    _refused("region", "403 `unsupported_country_region_territory`",
             "The model service does not serve the country that this site is in."),
    FailureKind("model_not_found", "404; 400 and 403 `model_not_found`", "model_unavailable",
                "This model is not available. Choose another one.", level=ERROR),
    _rejected("request_timeout", "408",
              "The model service did not get the whole question in time. Try again.",
              retry=True, level=WARNING),
    _rejected("conflict", "409", "The model service was busy with something that this needs. "
              "Try again.", retry=True, level=WARNING),
    _rejected("too_large", "413",
              "This is too large for the model service. Shorten it, or begin a new chat."),
    _rejected("unprocessable", "422", "The model service can't make sense of this request.",
              quotes=True, level=WARNING),
    FailureKind("rate_limited", "429; `rate_limit_exceeded` in the stream",
                "upstream_rate_limited", f"The model service is busy.{SOON}",
                retry=True),
    _unavailable("server_error", "500 and any 5xx not named here",
                 "The model service has a problem."),
    _unavailable("bad_gateway", "502", "The model service can't be reached behind its gateway."),
    _unavailable("overloaded", "503, 529", "The model service has too much to do."),
    _unavailable("gateway_timeout", "504",
                 "The model service did not answer its gateway in time."),
    # It can't be reached.
    _unavailable("no_connection", "connection refused, no route",
                 "The model service can't be reached right now."),
    _unavailable("dns", "its name can't be resolved",
                 "The model service's address can't be found right now."),
    FailureKind("tls", "no TLS, a certificate that is not trusted", "upstream_unavailable",
                f"There is no safe connection to the model service. {OPERATORS}",
                counts=True, level=ERROR),
    _unavailable("connect_timeout",
                 "no connection in `UPSTREAM_CONNECT_SECONDS`, none free in the pool",
                 "The model service takes no connection right now."),
    FailureKind("circuit_open", "it failed so often that it is not asked for a while",
                "upstream_unavailable",
                "The model service has failed several times and is not asked for a moment.",
                retry=True, level=INFO),
    # Its stream breaks.
    _broken("no_first_event", "nothing in `UPSTREAM_FIRST_EVENT_SECONDS`", "stalled",
            "The model service did not begin to answer. Try again."),
    _broken("silence", "nothing more for `UPSTREAM_SILENCE_SECONDS`", "stalled",
            "The model service stopped sending. Try again."),
    FailureKind("too_slow", "not ended after `GENERATION_MAX_SECONDS`", "upstream_stalled",
                "The answer took longer than this site allows. Ask for less at once."),
    _broken("reset", "the connection breaks", "disconnected",
            "The connection to the model service broke off."),
    _broken("silent_end", "the stream ends and nothing said how", "disconnected",
            "The connection to the model service ended too early."),
    FailureKind("response_gone", "a response in background mode is no longer there",
                "upstream_disconnected", "The model service has lost the rest of this answer."),
    _broken("not_a_stream", "200 with a page, JSON or nothing", "invalid", UNREADABLE),
    _broken("broken_event", "an event that is not JSON, or has no type", "invalid", UNREADABLE),
    _broken("endless_event", "an event of more than 32 MiB", "invalid", UNREADABLE),
    _broken("out_of_order", "text that comes after its end, or numbers that run backwards",
            "invalid", UNREADABLE),
    # Its stream says so.
    _broken("failed", "`response.failed` or `error`: `server_error`, `vector_store_timeout`, "
            "a code not named here, none", "failed",
            "The model service gave up on this answer. Try again."),
    _failed("failed_request", "the same with a 4xx number or `invalid_request_error`",
            "The model service did not accept this request.", WARNING),
    _failed("failed_context", "the same with `context_length_exceeded`",
            "This is more than the model can read at once. Shorten it, or begin a new chat."),
    _failed("failed_prompt", "the same with `invalid_prompt`",
            "The model service refuses this text. Write it in another way."),
    _failed("failed_policy", "the same with `bio_policy`, `misalignment_policy_violation`, "
            "`image_content_policy_violation`",
            "This goes against the rules of the model service. Ask something else."),
    _failed("failed_region", "the same with `data_residency_mismatch`",
            f"The model service may not process this in the site's region. {OPERATORS}", ERROR),
    _failed("failed_image", "the same with a code about an image",
            "The model service can't use an image in this chat. Send another one."),
    # The answer ends early.
    _cut("cut_at_limit", "`response.incomplete`: `max_output_tokens`, or no reason",
         "max_output_tokens", "The answer reached the length limit and was cut."),
    _cut("cut_at_budget", "the same, where the limit was what the budget bears",
         "budget_exhausted", "The answer was cut where the budget ends."),
    _cut("cut_by_filter", "`response.incomplete`: `content_filter`",
         "content_filter", "The model service's content filter cut the answer."),
    _cut("cut_early", "`response.incomplete`: `max_messages`, `steered`, a reason not named here",
         "max_output_tokens", "The model service ended this answer early."),
)  # fmt: skip

KINDS: Final = {row.name: row for row in ROWS}


def table() -> str:
    """The table as Markdown, for README.md."""
    lines = [
        "| what happens | kind | error code | what people read | retried | counted |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in ROWS:
        message = f"{row.message} It said: …" if row.quotes else row.message
        retried, counted = "yes" if row.retry else "no", "yes" if row.counts else "no"
        cells = (row.happens, f"`{row.name}`", f"`{row.code}`", message, retried, counted)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
