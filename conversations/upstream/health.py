"""How the model service does: figures over the calls of the last hour or day.

A call that was stopped says nothing about the service: it is a request, but neither a success
nor a failure. Nothing here reads more than the calls of the span: `ended` is indexed.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from conversations.models import Circuit, UpstreamCall

OK, STOPPED = "ok", "stopped"
FAILED = ~Q(outcome__in=[OK, STOPPED])
ERRORS_SHOWN = 20

Calls = QuerySet[UpstreamCall]
Key = tuple[str, str]
"""Endpoint and model."""


@dataclass(frozen=True)
class Span:
    """What is looked at: from `start` to `end`, for the chart in equal steps."""

    end: datetime
    step: timedelta
    steps: int

    @property
    def start(self) -> datetime:
        return self.end - self.step * self.steps

    def calls(self) -> Calls:
        return UpstreamCall.objects.filter(ended__gt=self.start, ended__lte=self.end)


@dataclass(frozen=True)
class Times:
    """Milliseconds; each is the time of a real call (nearest rank). None: there was none."""

    median: int | None = None
    p95: int | None = None


@dataclass(frozen=True)
class Failures:
    """Calls that failed in the same way."""

    outcome: str
    code: str
    count: int


@dataclass
class Model:
    """One model at one endpoint."""

    endpoint: str
    model: str
    circuit: Circuit | None = None
    ok: int = 0
    stopped: int = 0
    failures: list[Failures] = field(default_factory=list)
    first: Times = Times()
    """To the first output, of all calls that had one."""
    total: Times = Times()
    """Of the calls that went well: how soon one is refused says nothing about answers."""

    @property
    def failed(self) -> int:
        return sum(failure.count for failure in self.failures)

    @property
    def requests(self) -> int:
        return self.ok + self.stopped + self.failed

    @property
    def success(self) -> float | None:
        """Share of 0 to 1 of the calls that went to an end; None when none did."""
        ended = self.ok + self.failed
        return self.ok / ended if ended else None


@dataclass
class Step:
    """A bar of the chart: the calls that ended between `start` and the next step's."""

    start: datetime
    ok: int = 0
    failed: int = 0
    stopped: int = 0
    first_median: int | None = None


def models(span: Span) -> list[Model]:
    """Every model that was asked in the span or whose circuit is open, by name."""
    found: dict[Key, Model] = {}

    def of(endpoint: str, model: str) -> Model:
        return found.setdefault((endpoint, model), Model(endpoint, model))

    kinds = span.calls().values_list("endpoint", "model", "outcome", "code")
    for endpoint, model, outcome, code, count in kinds.annotate(Count("pk")).order_by():
        row = of(endpoint, model)
        if outcome == OK:
            row.ok += count
        elif outcome == STOPPED:
            row.stopped += count
        else:
            row.failures.append(Failures(outcome, code, count))
    for circuit in Circuit.objects.all():
        if circuit.open_until or (circuit.endpoint, circuit.model) in found:
            of(circuit.endpoint, circuit.model).circuit = circuit
    key = ["endpoint", "model"]
    firsts = times(span.calls(), "first_ms", key)
    totals = times(span.calls().filter(outcome=OK), "total_ms", key)
    for (endpoint, model), row in found.items():
        row.first = firsts.get((endpoint, model), Times())
        row.total = totals.get((endpoint, model), Times())
        row.failures.sort(key=lambda failure: (-failure.count, failure.outcome, failure.code))
    return [found[key] for key in sorted(found)]


def times(calls: Calls, column: str, by: Sequence[str]) -> dict[tuple[Any, ...], Times]:
    """Median and 95th percentile of a column for each group of calls.

    The nearest rank: the smallest value that at least so many percent of them do not exceed.
    """
    group = [F(name) for name in by]
    ranked = calls.filter(**{f"{column}__isnull": False}).annotate(
        rank=Window(RowNumber(), partition_by=group, order_by=F(column).asc()),
        size=Window(Count("*"), partition_by=group),
    )
    # rank = ⌈size · percent / 100⌉, without a division, which engines round differently.
    ranked = ranked.annotate(
        past_median=F("rank") * 100 - F("size") * 50, past_p95=F("rank") * 100 - F("size") * 95
    )
    is_median = Q(past_median__gte=0, past_median__lt=100)
    is_p95 = Q(past_p95__gte=0, past_p95__lt=100)
    found: dict[tuple[Any, ...], Times] = defaultdict(Times)
    rows = ranked.filter(is_median | is_p95).values_list(*by, column, "past_median", "past_p95")
    for *names, value, past_median, past_p95 in rows:
        key = tuple(names)
        if 0 <= past_median < 100:
            found[key] = replace(found[key], median=value)
        if 0 <= past_p95 < 100:
            found[key] = replace(found[key], p95=value)
    return dict(found)


def steps(span: Span) -> list[Step]:
    """The span in steps, of all models together; steps without a call too."""
    found = [Step(span.start + span.step * number) for number in range(span.steps)]
    calls = span.calls().annotate(
        step=Case(
            *(When(ended__gt=one.start, then=Value(n)) for n, one in _backwards(found)),
            output_field=IntegerField(),
        )
    )
    kinds = calls.values_list("step", "outcome").annotate(Count("pk")).order_by()
    for number, outcome, count in kinds:
        kind = outcome if outcome in (OK, STOPPED) else "failed"
        setattr(found[number], kind, getattr(found[number], kind) + count)
    for (number,), first in times(calls, "first_ms", ["step"]).items():
        found[number].first_median = first.median
    return found


def last_errors(span: Span) -> list[UpstreamCall]:
    """The newest calls of the span that failed, newest first."""
    return list(span.calls().filter(FAILED).order_by("-ended", "-pk")[:ERRORS_SHOWN])


def _backwards(found: list[Step]) -> Iterable[tuple[int, Step]]:
    return reversed(list(enumerate(found)))
