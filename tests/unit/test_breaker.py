"""The circuit breaker as a machine, driven at random by several callers and a clock."""

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from conversations.upstream import breaker
from conversations.upstream.breaker import CLOSED, Permit, Rules, State, Verdict

RULES = Rules(failures=3, pause=10, lease=5)
START = datetime(2026, 1, 1, tzinfo=UTC)
VERDICTS = st.sampled_from(Verdict)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


class Callers(RuleBasedStateMachine):
    """Calls begin, end, die and stay silent in any order; the clock only goes on."""

    calls: Bundle[Permit] = Bundle("calls")

    @initialize()
    def begin(self) -> None:
        self.now = START
        self.state = CLOSED
        self.tokens = 0
        self.leases: dict[str, datetime] = {}
        self.in_a_row: list[datetime] = []

    @rule(seconds=st.sampled_from([0.001, 1, 4.9, 5, 9.9, 10, 59, 61, 300]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(target=calls)
    def somebody_asks(self) -> Permit:
        before = self.state
        self.tokens += 1
        token = str(self.tokens)
        self.state, permit = breaker.admit(before, self.now, token, RULES)
        if permit is None:
            assert self.state == before
            assert breaker.wait(before, self.now) > 0
            return Permit(-1)  # never to be told of
        if permit.probe:
            assert before.open_until
            assert before.open_until <= self.now, "asked while it was open"
            assert all(end <= self.now for end in self.leases.values()), "two probes at once"
            self.leases = {token: self.now + timedelta(seconds=RULES.lease)}
        else:
            assert self.state == before == before._replace(open_until=None)
        return permit

    @rule(call=consumes(calls), verdict=VERDICTS)
    def a_call_ends(self, call: Permit, verdict: Verdict) -> None:
        before = self.state
        self.state = breaker.report(before, call, verdict, self.now, RULES)
        if before.open_until:
            self.probe_ends(before, call, verdict)
        elif call.era != before.era:
            assert self.state == before, "a call of an earlier outage was heard"
        else:
            self.closed_call_ends(verdict)

    @rule(call=calls, verdict=VERDICTS)
    def a_call_is_told_of_twice(self, call: Permit, verdict: Verdict) -> None:
        self.a_call_ends(call, verdict)

    def probe_ends(self, before: State, call: Permit, verdict: Verdict) -> None:
        if not call.probe or call.probe != before.probe:
            assert self.state == before, "a stale result moved an open circuit"
            return
        self.leases.pop(call.probe, None)
        if verdict is Verdict.ALIVE:
            assert self.state == State(era=before.era)
        elif verdict is Verdict.FAILED:
            pause = (self.state.open_until or self.now) - self.now
            assert self.state.trips == before.trips + 1
            assert pause.total_seconds() == min(10 * 2**before.trips, 300)
        else:
            assert breaker.wait(self.state, self.now) == 0

    def closed_call_ends(self, verdict: Verdict) -> None:
        if verdict is Verdict.ALIVE:
            self.in_a_row = []
        elif verdict is Verdict.FAILED:
            near = self.in_a_row and self.now - self.in_a_row[-1] <= timedelta(seconds=60)
            self.in_a_row = [*(self.in_a_row if near else []), self.now]
        assert bool(self.state.open_until) == (len(self.in_a_row) >= RULES.failures)
        if self.state.open_until:
            self.in_a_row = []
            assert self.state.open_until == self.now + timedelta(seconds=RULES.pause)

    @rule(call=calls)
    def a_prober_gives_a_sign_of_life(self, call: Permit) -> None:
        before = self.state
        self.state = breaker.prolong(before, call.probe, self.now, RULES)
        if call.probe and call.probe == before.probe:
            self.leases[call.probe] = self.now + timedelta(seconds=RULES.lease)
        else:
            assert self.state == before

    @rule(call=consumes(calls))
    def a_process_dies(self, call: Permit) -> None:
        """Nobody ever hears of its call again."""

    @rule()
    def an_operator_resets_it(self) -> None:
        self.state = breaker.reset(self.state)
        assert self.state == State(era=self.state.era)
        self.in_a_row, self.leases = [], {}

    @invariant()
    def it_is_never_stuck(self) -> None:
        later = self.now + timedelta(seconds=breaker.LONGEST_SECONDS)
        assert breaker.admit(self.state, later, "late", RULES)[1] is not None

    @invariant()
    def it_waits_as_long_as_it_says(self) -> None:
        seconds = breaker.wait(self.state, self.now)
        then = self.now + timedelta(seconds=seconds)
        assert breaker.admit(self.state, then, "next", RULES)[1] is not None
        if seconds > 0.001:
            early = then - timedelta(seconds=0.001)
            assert breaker.admit(self.state, early, "early", RULES)[1] is None


TestCallers = Callers.TestCase
TestCallers.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def opened() -> State:
    state = CLOSED
    for second in range(RULES.failures):
        state = breaker.report(state, Permit(), Verdict.FAILED, after(second), RULES)
    return state


def test_so_many_failures_in_a_row_open_it_for_a_while() -> None:
    state = opened()
    assert breaker.wait(state, after(2)) == 10
    assert breaker.admit(state, after(11.9), "early", RULES)[1] is None


def test_a_success_between_failures_begins_the_count_anew() -> None:
    state = CLOSED
    for verdict in (Verdict.FAILED, Verdict.FAILED, Verdict.ALIVE, Verdict.FAILED, Verdict.FAILED):
        state = breaker.report(state, Permit(), verdict, START, RULES)
    assert (state.open_until, state.failures) == (None, 2)


def test_pauses_double_with_each_failed_probe_up_to_five_minutes() -> None:
    state, now, pauses = opened(), after(2), []
    for number in range(8):
        pauses.append(breaker.wait(state, now))
        now += timedelta(seconds=pauses[-1])
        state, permit = breaker.admit(state, now, str(number), RULES)
        assert permit
        state = breaker.report(state, permit, Verdict.FAILED, now, RULES)
    assert pauses == [10, 20, 40, 80, 160, 300, 300, 300]


def test_a_longer_first_pause_than_the_longest_is_kept() -> None:
    rules = Rules(failures=1, pause=1000, lease=5)
    state = breaker.report(CLOSED, Permit(), Verdict.FAILED, START, rules)
    assert breaker.wait(state, START) == 1000
