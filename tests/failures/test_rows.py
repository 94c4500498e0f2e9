"""Every row of the table on a running site: what is seen, asked again, charged, and after it."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import pytest

from conversations.upstream.kinds import KINDS
from tests.failures.play import Seen, play
from tests.failures.rows import (
    WORDS,
    Row,
    before_output,
    incomplete,
    mid_stream,
    still_right,
)
from tests.site import SiteProcess
from tests.upstream.client import Upstream

BEFORE, MID, INCOMPLETE, RIGHT = before_output(), mid_stream(), incomplete(), still_right()


@pytest.fixture(scope="module")
def seen(site: SiteProcess, upstream_server: Upstream) -> Iterator[dict[str, Seen]]:
    """All rows, played at the same time on one site."""
    upstream_server.reset()
    rows = [*BEFORE, *MID, *INCOMPLETE, *RIGHT]
    yield asyncio.run(play(site, site.person(), upstream_server, rows))
    upstream_server.reset()


def named(row: Row) -> str:
    return row.name


def assert_told(one: Seen) -> None:
    """The person reads the row's own words, and the chat goes on."""
    kind, error = KINDS[one.row.kind], one.finished["error"]
    assert (error["code"], error["kind"]) == (kind.code, kind.name)
    assert error["message"].startswith(kind.message)
    assert error["retryable"] is kind.retry
    assert one.after["status"] == "completed"


@pytest.mark.parametrize("row", BEFORE, ids=named)
def test_before_any_output_it_is_tried_again_if_that_may_help_and_costs_nothing(
    seen: dict[str, Seen], row: Row
) -> None:
    one, kind = seen[row.name], KINDS[row.kind]
    assert_told(one)
    assert one.finished["status"] == "failed"
    assert one.asked == (2 if kind.retry else 1)
    told = [(retry["attempt"], retry["code"], retry["kind"]) for retry in one.retries]
    assert told == ([(2, kind.code, kind.name)] if kind.retry else [])
    assert (one.finished["usage"], one.finished["cost"], one.posted) == (None, "0", [])


@pytest.mark.parametrize("row", MID, ids=named)
def test_in_mid_answer_what_was_shown_is_kept_charged_and_never_asked_again(
    seen: dict[str, Seen], row: Row
) -> None:
    one = seen[row.name]
    assert_told(one)
    assert one.finished["status"] == "interrupted"
    assert WORDS.startswith(one.text) or row.name == "text after its end"
    assert one.text.startswith("Seen")
    assert (one.asked, one.retries) == (1, [])
    [entry] = one.posted
    assert entry.estimated
    assert one.finished["estimated"]
    assert entry.amount == Decimal(one.finished["cost"]) > 0


@pytest.mark.parametrize("row", INCOMPLETE, ids=named)
def test_an_incomplete_answer_says_why_and_costs_what_upstream_says(
    seen: dict[str, Seen], row: Row
) -> None:
    one = seen[row.name]
    assert_told(one)
    assert one.finished["status"] == "incomplete"
    assert one.asked == 1
    [entry] = one.posted
    assert not entry.estimated
    assert entry.amount == Decimal("0.00003")  # 10 × 2 + 1 × 10, a million


@pytest.mark.parametrize("row", RIGHT, ids=named)
def test_a_stream_in_another_order_whose_text_is_right_is_an_answer(
    seen: dict[str, Seen], row: Row
) -> None:
    one = seen[row.name]
    assert (one.finished["status"], one.finished["error"]) == ("completed", None)
    assert one.text == WORDS
