"""Operators are written to when a circuit opens, when it closes, and when too many calls fail."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connections
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from conversations.models import Circuit, UpstreamAlarm, UpstreamCall
from conversations.upstream.alarms import Letter, claim, duration, is_due
from tests.health.calls import NOON, call, calls, close_circuit, open_circuit, save
from tests.money.engines import *  # noqa: F403
from tests.money.engines import default_database
from tests.money.people import user

OPENED = "model-a is not asked for now: its calls fail"
THREADS = 4


def letters(seconds: float = 0, *, shares: bool = True) -> list[Letter]:
    """What is claimed so long after noon."""
    now = NOON + timedelta(seconds=seconds)
    due = is_due(now, shares)
    found = claim(now, shares)
    assert due or not found
    return found


def subjects(seconds: float = 0) -> list[str]:
    return [letter.subject for letter in letters(seconds)]


def test_one_letter_when_it_opens_and_one_when_it_closes(engine: str) -> None:
    operator = user("Operators")
    user("Operators", is_active=False)
    user("Admins")
    assert letters() == []
    save([call("upstream_unavailable", code="server_error", status=503)])
    calls(failed=2)
    calls(failed=1, model="model-b")
    open_circuit()
    [opened] = letters(1)
    assert (opened.subject, opened.to) == (OPENED, [operator.email])
    assert "model-a (responses) has opened" in opened.body
    assert "1 x upstream_unavailable, HTTP 503, server_error\n" in opened.body
    assert "2 x upstream_unavailable\n" in opened.body
    open_circuit(trips=2, probe="x", probe_until=NOON)
    assert subjects(30) == []  # a probe that fails is no new opening
    close_circuit()
    [closed] = letters(1 + 3 * 60 + 5)
    assert closed.subject == "model-a is asked again, after 3 min 5 s"
    assert "is closed again, after 3 min 5 s" in closed.body
    assert subjects(200) == []
    open_circuit()
    assert subjects(300) == [OPENED]


def test_each_model_and_endpoint_has_its_own(engine: str) -> None:
    open_circuit("a")
    open_circuit("b")
    Circuit.objects.create(endpoint="moderations", model="a", trips=1, open_until=NOON)
    assert len(letters()) == 3
    close_circuit("b")
    assert subjects(5) == ["b is asked again, after 5 s"]


@pytest.mark.parametrize(
    ("ok", "failed", "stopped", "told"),
    [
        (0, 19, 0, []),
        (0, 19, 100, []),  # a call that was stopped says nothing
        (15, 5, 0, []),  # a quarter is not more than a quarter
        (14, 6, 0, ["30 % of the calls to model-a fail"]),
        (740, 250, 0, ["25 % of the calls to model-a fail"]),
        (0, 20, 7, ["100 % of the calls to model-a fail"]),
    ],
)
def test_the_failure_share_must_be_passed_by_enough_calls(
    engine: str, settings: Settings, ok: int, failed: int, stopped: int, told: list[str]
) -> None:
    settings.ALERT_FAILURE_SHARE = 0.25
    calls(ok, failed, stopped)
    calls(failed=30, ended=NOON - timedelta(minutes=10))  # over
    calls(ok=100, model="model-b")
    assert subjects() == told


def test_a_failing_model_is_told_again_when_it_has_been_well_for_ten_minutes(
    engine: str, settings: Settings
) -> None:
    settings.ALERT_FAILURE_SHARE = 0.25
    calls(ok=10, failed=10)
    [letter] = letters()
    assert "10 of 20 calls to model-a (responses) failed in the last 10 minutes" in letter.body
    assert "more than 25 % do" in letter.body
    for minute in range(1, 10):
        assert subjects(minute * 60) == []
    # It was last seen failing at minute 9: it would have been well for long enough at 19.
    calls(ok=10, failed=10, ended=NOON + timedelta(minutes=18))
    assert [subjects(minute * 60) for minute in (18, 27, 28)] == [[], [], []]
    calls(ok=10, failed=10, ended=NOON + timedelta(minutes=37))
    assert subjects(37 * 60) == ["50 % of the calls to model-a fail"]
    assert UpstreamAlarm.objects.count() == 1


def test_shares_are_counted_only_when_they_are_asked_for(engine: str) -> None:
    calls(failed=50)
    assert letters(shares=False) == []
    assert len(letters()) == 1


def test_nobody_to_write_to_is_no_reason_to_write_later(engine: str) -> None:
    open_circuit()
    assert letters()[0].to == []
    user("Operators")
    assert letters(1) == []


@pytest.fixture(params=["sqlite", "postgresql"])
def own_database(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The default database is an empty one of this engine, for several threads."""
    name = "database_url" if request.param == "sqlite" else "money_postgres_url"
    with django_db_blocker.unblock(), default_database(request.getfixturevalue(name)):
        yield
        for model in (Circuit, UpstreamAlarm, UpstreamCall):  # others use the second one too
            model.objects.all().delete()


def at_once(moments: list[datetime]) -> list[str]:
    """Claims at each of the moments in several threads; the subjects that they got."""
    together = threading.Barrier(THREADS)
    found: list[str] = []

    def look() -> None:
        try:
            for now in moments:
                together.wait(20)
                found.extend(letter.subject for letter in claim(now, True))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_many_that_look_at_the_same_moment_one_writes(own_database: None) -> None:
    calls(failed=20)
    for round in range(5):
        now = NOON + timedelta(seconds=round)
        open_circuit()
        told = Counter(at_once([now]))
        assert told == Counter([OPENED] + ["100 % of the calls to model-a fail"] * (round == 0))
        close_circuit()
        assert len(at_once([now])) == 1


def test_while_it_opens_and_closes_letters_never_contradict_the_last(own_database: None) -> None:
    ended = threading.Event()

    def flap() -> None:
        try:
            while not ended.is_set():
                open_circuit()
                close_circuit()
        finally:
            connections.close_all()

    flapping = threading.Thread(target=flap)
    flapping.start()
    try:
        told = at_once([NOON] * 15)
    finally:
        ended.set()
        flapping.join()
    told += at_once([NOON])  # it is closed now
    opened = told.count(OPENED)
    assert opened == len(told) - opened
    assert not UpstreamAlarm.objects.exclude(since=None).exists()


def test_a_duration_has_two_units_at_most() -> None:
    words = {0: "0 s", 59.6: "1 min", 3605: "1 h 5 s", 90_061: "1 d 1 h", 125: "2 min 5 s"}
    assert {s: duration(timedelta(seconds=s)) for s in words} == words
