"""Who is next: the order of the line, and that looking at it reads the open rows alone."""

import uuid
from collections import Counter
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from conversations import queue
from conversations.queue import Line, Waiting, arrange

OWNERS = st.sampled_from("ABCDE")
WAITING = st.lists(OWNERS, max_size=40).map(
    lambda owners: [Waiting(uuid.UUID(int=age), owner) for age, owner in enumerate(owners)]
)
RUNNING = st.dictionaries(OWNERS, st.integers(1, 8))
LIMIT = st.integers(1, 12)


def owners_of(line: Line, waiting: list[Waiting]) -> list[Any]:
    """The owners of what may start, in that order."""
    by_id = {one.generation: one.owner for one in waiting}
    return [by_id[id] for id in line.free]


@given(WAITING, RUNNING, LIMIT, LIMIT)
def test_no_limit_is_passed_and_no_place_stays_empty(
    waiting: list[Waiting], running: dict[Any, int], most: int, each: int
) -> None:
    line = arrange(waiting, running, most, each)
    now = Counter(running) + Counter(owners_of(line, waiting))
    assert not line.free or now.total() <= most
    assert all(now[owner] <= each for owner in owners_of(line, waiting))
    if now.total() < most:
        assert all(now[place.owner] >= each for place in line.held)
    ids = [*line.free, *(place.generation for place in line.held)]
    assert sorted(ids) == sorted(one.generation for one in waiting)


@given(WAITING, RUNNING, LIMIT, LIMIT)
def test_whoever_has_fewer_running_always_comes_first_and_of_equals_the_oldest(
    waiting: list[Waiting], running: dict[Any, int], most: int, each: int
) -> None:
    line = arrange(waiting, running, most, each)
    now, left = Counter(running), list(waiting)
    for generation in line.free:  # against the plainest way to say it
        open_to = [one for one in left if now[one.owner] < each]
        best = min(open_to, key=lambda one: (now[one.owner], one.generation))
        assert generation == best.generation
        now[best.owner] += 1
        left.remove(best)


@given(WAITING, RUNNING, LIMIT, LIMIT)
def test_each_is_told_why_it_waits_and_a_place_of_its_own(
    waiting: list[Waiting], running: dict[Any, int], most: int, each: int
) -> None:
    line = arrange(waiting, running, most, each)
    now = Counter(running) + Counter(owners_of(line, waiting))
    lines: dict[Any, list[int]] = {}
    for place in line.held:
        assert place.reason == ("user" if now[place.owner] >= each else "site")
        assert place.running == now[place.owner]
        of = place.owner if place.reason == "user" else None
        lines.setdefault(of, []).append(place.position)
    assert all(places == list(range(1, len(places) + 1)) for places in lines.values())


@given(WAITING, RUNNING, LIMIT)
def test_the_first_of_the_line_is_the_next_to_start(
    waiting: list[Waiting], running: dict[Any, int], each: int
) -> None:
    most = sum(running.values())
    full = arrange(waiting, running, most, each)
    first = [place.generation for place in full.held if place.reason == "site"][:1]
    assert arrange(waiting, running, most + 1, each).free == first


@pytest.mark.django_db
def test_looking_for_work_reads_the_index_of_the_open_ones_alone() -> None:
    plans = []

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """With the parameters beside the statement, as SQLite plans it."""
        rows = execute("EXPLAIN QUERY PLAN " + sql, params, many, context).fetchall()
        plans.append(" ".join(row[3] for row in rows))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        assert not queue.has_work()
        assert queue.claimable() == []
        assert queue.held_places() == []
    assert len(plans) == 4
    for plan in plans:
        assert "conversations_generation USING INDEX generation_open" in plan, plans
