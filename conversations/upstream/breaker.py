"""The circuit breaker as a pure machine: no clock, no database, no I/O.

    closed ──(failures in a row)──► open ──(pause over)──► half-open: one probe
       ▲                             ▲                          │
       └────────── it answers ───────┼──────────────────────────┤
                                     └── it fails: longer ──────┘

All processes share one state (`circuits.py`); each call carries the permit under which it
began, which tells what its result may still change.
"""

from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

IN_A_ROW = timedelta(seconds=60)
"""Failures that lie further apart are not taken for one outage."""
LONGEST_SECONDS = 300.0
"""The longest pause, however often probes have failed."""
MOST_DOUBLINGS = 30


class Verdict(Enum):
    """What a call says of upstream."""

    ALIVE = "alive"
    """It answered, if only to refuse."""
    FAILED = "failed"
    NOTHING = "nothing"
    """The call was stopped, or never got there."""


class State(NamedTuple):
    """A circuit; the fields are the columns of `models.Circuit`. Closed: no `open_until`."""

    failures: int = 0
    failed_at: datetime | None = None
    era: int = 0
    trips: int = 0
    open_until: datetime | None = None
    probe: str = ""
    probe_until: datetime | None = None


CLOSED = State()


class Rules(NamedTuple):
    """After how many failures it opens, and for how many seconds: of the first pause, and of a
    probe's lease (which its process prolongs while it lives)."""

    failures: int
    pause: float
    lease: float


class Permit(NamedTuple):
    """Under which a call began; only one with the current `probe` may move an open circuit."""

    era: int = 0
    probe: str = ""


def wait(state: State, now: datetime) -> float:
    """Seconds until somebody may ask; 0: now. While a probe is out, until it would be given up."""
    ends = [end for end in (state.open_until, state.probe_until) if end is not None]
    return max(0.0, *((end - now).total_seconds() for end in ends)) if ends else 0.0


def admit(state: State, now: datetime, token: str, rules: Rules) -> tuple[State, Permit | None]:
    """What becomes of the circuit when somebody wants to ask, and whether they may.

    `token` names the caller's probe, if it becomes one; no two callers may use the same.
    """
    if state.open_until is None:
        return state, Permit(state.era)
    if wait(state, now) > 0:
        return state, None
    probing = state._replace(probe=token, probe_until=now + timedelta(seconds=rules.lease))
    return probing, Permit(state.era, token)


def prolong(state: State, token: str, now: datetime, rules: Rules) -> State:
    """The prober gives a sign of life; too late if somebody else probes by now."""
    if not token or state.probe != token:
        return state
    return state._replace(probe_until=now + timedelta(seconds=rules.lease))


def report(state: State, permit: Permit, verdict: Verdict, now: datetime, rules: Rules) -> State:
    """What becomes of the circuit when a call is over."""
    if state.open_until is not None:
        mine = permit.probe and permit.probe == state.probe
        return _probed(state, verdict, now, rules) if mine else state
    if permit.era != state.era or verdict is Verdict.NOTHING:
        return state  # it began before the circuit opened: what it met is over
    if verdict is Verdict.ALIVE:
        return state._replace(failures=0, failed_at=None)
    in_a_row = state.failed_at is not None and now - state.failed_at <= IN_A_ROW
    failures = state.failures + 1 if in_a_row else 1
    if failures < rules.failures:
        return state._replace(failures=failures, failed_at=now)
    return _open(State(era=state.era + 1), now, rules)


def reset(state: State) -> State:
    """Closes it by hand; results of calls that run now count no more. A healthy one stays."""
    healthy = State(era=state.era)
    return state if state == healthy else State(era=state.era + 1)


def _probed(state: State, verdict: Verdict, now: datetime, rules: Rules) -> State:
    match verdict:
        case Verdict.ALIVE:
            return State(era=state.era)
        case Verdict.FAILED:
            return _open(state, now, rules)
        case Verdict.NOTHING:
            return state._replace(probe="", probe_until=None)


def _open(state: State, now: datetime, rules: Rules) -> State:
    """Opens it for twice as long as the time before."""
    longest = max(LONGEST_SECONDS, rules.pause)
    pause = min(rules.pause * 2.0 ** min(state.trips, MOST_DOUBLINGS), longest)
    until = now + timedelta(seconds=pause)
    return State(era=state.era, trips=state.trips + 1, open_until=until)
