"""The shared circuits in the real table: whoever comes between is not overwritten."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from pytest_django import Settings

from conversations.models import Circuit
from conversations.upstream import breaker, circuits
from conversations.upstream.breaker import CLOSED, Permit, State, Verdict
from tests.money.engines import *  # noqa: F403

KEY = ("responses", "m")
START = datetime(2026, 1, 1, tzinfo=UTC)
Step = Callable[[], object]


@pytest.fixture(autouse=True)
def rules(settings: Settings) -> None:
    settings.BREAKER_FAILURES, settings.BREAKER_SECONDS, settings.LEASE_SECONDS = 3, 10, 5


@contextmanager
def in_the_gap(step: Step | None) -> Iterator[None]:
    """Does `step` between the first look at the table and the write that follows it."""
    waiting = [step] if step else []

    def between(execute: Any, sql: str, *rest: Any) -> Any:
        if waiting and sql.startswith("UPDATE"):
            waiting.pop()()
        return execute(sql, *rest)

    with connection.execute_wrapper(between):
        yield


class SharedTable(RuleBasedStateMachine):
    """Two processes at once are as if one had come after the other."""

    calls: Bundle[Permit] = Bundle("calls")

    def __init__(self) -> None:
        super().__init__()
        Circuit.objects.all().delete()
        self.now = START
        self.model = CLOSED

    @rule(seconds=st.sampled_from([1, 5, 10, 61]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def both(self, first: Step | None, second: Step) -> None:
        """`second` looks, `first` happens, `second` writes."""
        with time_machine.travel(self.now, tick=False), in_the_gap(first):
            second()
        assert circuits.states().get(KEY, CLOSED) == self.model

    def admit(self, granted: list[Permit]) -> Step:
        token = uuid.uuid4().hex

        def step() -> None:
            state, permit = circuits.admit(*KEY, token)
            self.model, expected = breaker.admit(self.model, self.now, token, circuits.rules())
            assert (state, permit) == (self.model, expected)
            granted.extend([permit] if permit else [])

        return step

    def report(self, call: Permit, verdict: Verdict) -> Step:
        def step() -> None:
            told = circuits.report(*KEY, call, verdict)
            rules = circuits.rules()
            self.model = breaker.report(self.model, call, verdict, self.now, rules)
            assert told == self.model

        return step

    @rule(target=calls)
    def two_ask(self) -> Permit:
        granted: list[Permit] = []
        self.both(self.admit(granted), self.admit(granted))
        assert sum(bool(permit.probe) for permit in granted) <= 1
        return granted[0] if granted else Permit(-1)

    @rule(one=consumes(calls), other=calls, verdicts=st.tuples(*[st.sampled_from(Verdict)] * 2))
    def two_end(self, one: Permit, other: Permit, verdicts: tuple[Verdict, Verdict]) -> None:
        self.both(self.report(one, verdicts[0]), self.report(other, verdicts[1]))

    @rule(call=consumes(calls))
    def one_fails_while_another_asks(self, call: Permit) -> None:
        self.both(self.admit([]), self.report(call, Verdict.FAILED))

    @rule(call=calls)
    def an_operator_resets_while_one_fails(self, call: Permit) -> None:
        def reset() -> None:
            circuits.reset(*KEY)
            self.model = breaker.reset(self.model)

        self.both(reset, self.report(call, Verdict.FAILED))


def test_two_processes_at_once_are_as_one_after_the_other(engine: str) -> None:
    options = settings(
        max_examples=40,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_machine(SharedTable, settings=options)


def trip() -> State:
    for _ in range(3):
        state = circuits.report(*KEY, Permit(), Verdict.FAILED)
    assert state.open_until
    return state


@pytest.mark.django_db
def test_a_probe_of_a_killed_process_is_given_up() -> None:
    with time_machine.travel(START, tick=False) as clock:
        trip()
        clock.shift(10)
        assert circuits.admit(*KEY, "killed")[1] == Permit(1, "killed")
        clock.shift(4)
        assert circuits.waits("responses", ["m"]) == {"m": 1}
        assert circuits.admit(*KEY, "second")[1] is None
        clock.shift(1)
        assert circuits.admit(*KEY, "second")[1] == Permit(1, "second")
        assert circuits.report(*KEY, Permit(1, "killed"), Verdict.ALIVE).open_until


@pytest.mark.django_db
def test_a_model_that_never_failed_has_no_row() -> None:
    assert circuits.admit(*KEY, "any") == (CLOSED, Permit())
    circuits.report(*KEY, Permit(), Verdict.ALIVE)
    circuits.reset(*KEY)
    assert not Circuit.objects.exists()


@pytest.mark.django_db
def test_a_reset_closes_it_and_forgets_what_was_under_way() -> None:
    trip()
    circuits.reset(*KEY)
    assert circuits.waits("responses", ["m"]) == {}
    assert circuits.report(*KEY, Permit(0), Verdict.FAILED).failures == 0
    assert circuits.report(*KEY, circuits.admit(*KEY, "x")[1] or Permit(), Verdict.FAILED).failures


@pytest.mark.django_db
def test_each_model_has_a_circuit_of_its_own() -> None:
    trip()
    assert set(circuits.waits("responses", ["m", "n"])) == {"m"}
    assert circuits.waits("moderations", ["m"]) == {}
