"""The figures of upstream health equal what plain Python says of the same calls."""

from collections import Counter
from datetime import timedelta
from typing import Any

from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversations.models import UpstreamCall
from conversations.upstream import health
from conversations.upstream.health import Span, Times
from tests.health.calls import NOON, call, calls, open_circuit, save
from tests.money.engines import *  # noqa: F403

HOUR = Span(NOON, timedelta(minutes=5), 12)
OUTCOMES = ["ok", "ok", "ok", "stopped", "upstream_unavailable", "upstream_rate_limited"]
CALLS = st.lists(
    st.builds(
        lambda outcome, seconds, **columns: call(
            outcome, NOON - timedelta(seconds=seconds), **columns
        ),
        st.sampled_from(OUTCOMES),
        st.sampled_from([0, 1, 299, 300, 301, 1234, 3599, 3600, 3601, 9000]),
        endpoint=st.sampled_from(["responses", "moderations"]),
        model=st.sampled_from(["a", "b"]),
        code=st.sampled_from(["", "server_error"]),
        first_ms=st.none() | st.integers(0, 30),
        total_ms=st.integers(0, 30),
    ),
    max_size=60,
)
EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def nearest_rank(values: list[int], percent: int) -> int | None:
    """The smallest that at least `percent` of the values do not exceed."""
    for value in sorted(values):
        if sum(other <= value for other in values) * 100 >= percent * len(values):
            return value
    return None


def both(values: list[int]) -> Times:
    return Times(nearest_rank(values, 50), nearest_rank(values, 95))


def inside(some: list[UpstreamCall]) -> list[UpstreamCall]:
    return [one for one in some if NOON - timedelta(hours=1) < one.ended <= NOON]


@EXAMPLES
@given(some=CALLS)
def test_figures_of_each_model_are_those_of_its_calls(
    engine: str, some: list[UpstreamCall]
) -> None:
    with transaction.atomic():
        save(some)
        found = health.models(HOUR)
        errors = health.last_errors(HOUR)
        transaction.set_rollback(True)
    keys = sorted({(one.endpoint, one.model) for one in inside(some)})
    assert [(model.endpoint, model.model) for model in found] == keys
    for model in found:
        mine = [
            one
            for one in inside(some)
            if (one.endpoint, one.model) == (model.endpoint, model.model)
        ]
        ok = [one for one in mine if one.outcome == "ok"]
        stopped = [one for one in mine if one.outcome == "stopped"]
        kinds = Counter((o.outcome, o.code) for o in mine if o.outcome not in ("ok", "stopped"))
        assert (model.requests, model.ok, model.stopped) == (len(mine), len(ok), len(stopped))
        assert {(f.outcome, f.code): f.count for f in model.failures} == kinds
        over = len(mine) - len(stopped)
        assert model.success == (len(ok) / over if over else None)
        assert model.first == both([o.first_ms for o in mine if o.first_ms is not None])
        assert model.total == both([o.total_ms for o in ok])
    failed = [one for one in inside(some) if one.outcome not in ("ok", "stopped")]
    newest = sorted((one.ended for one in failed), reverse=True)[:20]
    assert [one.ended for one in errors] == newest


@EXAMPLES
@given(some=CALLS)
def test_each_call_is_in_one_step_of_the_chart(engine: str, some: list[UpstreamCall]) -> None:
    with transaction.atomic():
        save(some)
        found = health.steps(HOUR)
        transaction.set_rollback(True)
    assert [step.start for step in found] == [
        NOON - timedelta(hours=1) + timedelta(minutes=5 * number) for number in range(12)
    ]
    for step in found:
        end = step.start + timedelta(minutes=5)
        mine = [one for one in some if step.start < one.ended <= end]
        counted: dict[str, int] = {"ok": step.ok, "stopped": step.stopped, "failed": step.failed}
        kinds = Counter(o.outcome if o.outcome in counted else "failed" for o in mine)
        assert +Counter(counted) == kinds
        firsts = [one.first_ms for one in mine if one.first_ms is not None]
        assert step.first_median == nearest_rank(firsts, 50)


def test_a_model_that_is_not_asked_is_shown_as_long_as_its_circuit_is_open(engine: str) -> None:
    circuit = open_circuit("silent")
    open_circuit("closed", open_until=None, trips=0, failures=3)
    [model] = health.models(HOUR)
    assert (model.model, model.circuit, model.requests) == ("silent", circuit, 0)
    assert (model.success, model.first, model.total) == (None, Times(), Times())
    calls(ok=1, model="closed")
    known: dict[str, Any] = {model.model: model.circuit for model in health.models(HOUR)}
    assert known["closed"].failures == 3


def test_the_queries_are_few_whatever_there_is(engine: str, django_assert_num_queries: Any) -> None:
    for name in "abcdefgh":
        calls(ok=3, failed=2, stopped=1, model=name, first_ms=5)
        open_circuit(name)
    with django_assert_num_queries(7):
        assert len(health.models(HOUR)) == 8
        health.steps(HOUR)
        health.last_errors(HOUR)
