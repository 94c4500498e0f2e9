"""One round: what upstream has said of one response, and how that ends. No I/O.

The same object reads a live stream and, after a crash, the events in the log.
"""

from typing import Any

import msgspec

from billing.usage import TokenUsage, estimate_usage, parse_usage
from conversations.context import input_text
from conversations.models import Status
from conversations.upstream.codes import INCOMPLETE_REASONS
from conversations.upstream.errors import UpstreamFailure, event_failure
from conversations.upstream.events import Delta, Failure, Keepalive, Lifecycle, Other, UpstreamEvent
from conversations.upstream.kinds import KINDS

Fields = dict[str, Any]


class Spent(msgspec.Struct, frozen=True):
    """What an attempt used that failed before anything was seen of it, as upstream told it."""

    model: str
    usage: TokenUsage
    response: Fields


class Outcome(msgspec.Struct, frozen=True):
    """How a generation ends; `error` is the wire's, `usage` None when nothing was spent."""

    status: Status
    error: Fields | None = None
    usage: TokenUsage | None = None


def speaks(event: UpstreamEvent) -> bool:
    """Whether an event brings something to see."""
    if isinstance(event, Other):
        return event.type.endswith((".done", "partial_image"))
    return isinstance(event, Delta)


class Round:
    """Takes the events of one upstream response, in order."""

    def __init__(self, request: Fields, spent: tuple[Spent, ...] = ()) -> None:
        self.request = request
        self.spent = spent
        """What attempts before this one used: it is paid for with this one."""
        self._deltas: list[str] = []
        self.accepted = False
        """Upstream has said something: it is paid for."""
        self.spoke = False
        """It said something that people are to see."""
        self.shown = False
        """People have seen some of it: asking again would show it twice."""
        self.outcome: Outcome | None = None
        """Set once upstream has said how it ended."""
        self.failure: UpstreamFailure | None = None
        """Set with it when upstream has said that it failed."""
        self.capped = False
        """The budget allows less than the model's longest answer."""
        self.response: Fields = {}
        """The response object as it last came: which model and service tier answered."""
        self.items: list[Fields] = []
        """Output items that are done."""
        self.response_id = ""
        self.number: int | None = None
        """Upstream's number of the last event taken."""

    def take(self, event: UpstreamEvent) -> None:
        """Notes one event."""
        self.accepted = True
        self.spoke = self.spoke or speaks(event)
        if event.number is not None and not isinstance(event, Keepalive):
            self.number = event.number
        match event:
            case Lifecycle():
                self.response = event.response
                self.response_id = event.response.get("id") or self.response_id
                # After an `error` event `response.failed` may follow, and tell the usage.
                if event.terminal and (self.outcome is None or self.failure):
                    self.outcome = self._ended(event)
            case Failure() if self.outcome is None:
                self.outcome = self._failed(event.fields)
            case Delta():
                self._deltas.append(event.delta)
            case Other() if event.type == "response.output_item.done":
                self.items.append(event.fields.get("item") or {})

    def show(self, event: UpstreamEvent) -> None:
        """Notes that an event is let through to people, at once or after its check."""
        self.shown = self.shown or speaks(event)

    def again(self) -> "Round":
        """The same question, asked anew: only what this one has used is kept."""
        usage = self.outcome.usage if self.outcome else None
        spent = Spent(self.request.get("model", ""), usage, self.response) if usage else None
        after = Round(self.request, (*self.spent, spent) if spent else self.spent)
        after.capped = self.capped
        return after

    def broken_off(self, error: Fields, usage: TokenUsage | None = None) -> Outcome:
        """Failed before anything was seen, else interrupted: what had been shown is kept."""
        if self.shown:
            return Outcome(Status.INTERRUPTED, error, usage or self.estimate())
        return Outcome(Status.FAILED, error, usage)

    def stopped(self, usage: TokenUsage | None = None) -> Outcome:
        """Ended by the person; `usage` as upstream told it when it was cancelled."""
        if usage is None and self.accepted:
            usage = self.estimate()
        return Outcome(Status.STOPPED, usage=usage)

    def estimate(self) -> TokenUsage:
        """What it is taken to have used when upstream does not say."""
        return estimate_usage(input_text(self.request), "".join(self._deltas))

    def _ended(self, event: Lifecycle) -> Outcome:
        response = event.response
        usage = parse_usage(response.get("usage"))
        if event.state == "failed" or self.failure:
            return self._failed(response.get("error"), usage)
        usage = usage or self.estimate()
        if event.state == "incomplete":
            details = response.get("incomplete_details")
            reason = details.get("reason") if isinstance(details, dict) else None
            return Outcome(Status.INCOMPLETE, self._incomplete(reason), usage)
        # Some servers say "completed" of an answer that they cut at the limit.
        limit = self.request.get("max_output_tokens")
        if limit and usage.output_tokens >= limit and not usage.estimated:
            return Outcome(Status.INCOMPLETE, self._incomplete("max_output_tokens"), usage)
        return Outcome(Status.COMPLETED, usage=usage)

    def _failed(self, error: object, usage: TokenUsage | None = None) -> Outcome:
        self.failure = self.failure or event_failure(error)
        return self.broken_off(self.failure.wire(), usage)

    def _incomplete(self, reason: object) -> Fields:
        """The `error` of an answer that upstream itself calls incomplete."""
        name = INCOMPLETE_REASONS.get(str(reason), "cut_early") if reason else "cut_at_limit"
        if name == "cut_at_limit" and self.capped:
            name = "cut_at_budget"
        kind = KINDS[name]
        error: Fields = {"code": kind.code, "message": kind.message, "retryable": kind.retry}
        if reason and reason != kind.code:
            error["detail"] = str(reason)
        return {**error, "kind": name}
