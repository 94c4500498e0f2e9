"""Asking again: when, how late, and that it is never a second charge."""

import signal
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.folding import assert_snapshots_meet
from tests.money.books import faults
from tests.money.site import entries, reservations, set_limits, set_price
from tests.site import Person, SiteProcess, environment_for
from tests.tab import Fields, Tab, generation_in
from tests.upstream.answers import Answer, failed_answer, text_answer, usage
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence, reply_error


@pytest.fixture
async def tab(site: SiteProcess, person: Person, upstream: Upstream) -> AsyncIterator[Tab]:
    async with Tab(site, person) as tab:
        yield tab
        await tab.stop_all()
        await upstream.aidle()


def retries_of(tab: Tab, generation: str) -> list[Fields]:
    return [event for event in tab.events[generation] if event["type"] == "generation.retrying"]


FAILED = failed_answer(usage=usage(1000, 100))
"""Costs 0.003 USD, and nothing of it is seen."""


def answer(inputs: int, outputs: int) -> list[Fields]:
    return text_answer("All is well.", usage=usage(inputs, outputs))


async def test_what_both_attempts_used_is_charged_once_and_exactly(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    set_limits(site, person, day="1")
    upstream.queue(FAILED, answer(500, 50))
    created = await tab.ask("Twice?")
    finished = await tab.finished(created["generation"])
    assert finished["status"] == "completed"
    assert (finished["usage"]["input_tokens"], finished["usage"]["output_tokens"]) == (1500, 150)
    assert (finished["cost"], finished["estimated"]) == ("0.0045", False)
    [entry] = entries(site, person)
    assert entry.amount == Decimal("0.0045")
    assert (entry.input_tokens, entry.output_tokens) == (1500, 150)
    assert entry.breakdown == {"input": "0.003", "output": "0.0015"}
    [held] = reservations(site, person)
    assert held.state == "settled"
    assert held.amount >= entry.amount
    [retry] = retries_of(tab, created["generation"])
    assert (retry["code"], retry["kind"]) == ("upstream_failed", "failed")
    assert site.in_database(faults) == []
    events = list(tab.events[created["generation"]])
    snapshot = await tab.open(created["conversation"]["id"])
    fresh = created["turn"]["generations"][0]
    assert_snapshots_meet(fresh, events, generation_in(snapshot, created["generation"]))


async def test_usage_that_comes_after_the_error_event_is_charged_too(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    broken = Answer().add("error", code="server_error", message="Oh.", param=None)
    upstream.always([*broken.events, FAILED[-1]])
    created = await tab.ask("Twice in vain?")
    finished = await tab.finished(created["generation"])
    assert (finished["status"], finished["error"]["kind"]) == ("failed", "failed")
    assert len(upstream.requests()) == 2
    assert finished["cost"] == "0.006"
    [entry] = entries(site, person)
    assert (entry.amount, entry.status) == (Decimal("0.006"), "failed")


async def test_another_attempt_that_the_budget_does_not_bear_is_not_made(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    set_limits(site, person, day="0.0035")
    upstream.queue(FAILED)
    created = await tab.ask("Too dear?")
    finished = await tab.finished(created["generation"])
    assert (finished["status"], finished["error"]["code"]) == ("failed", "budget_exceeded")
    assert len(upstream.requests()) == 1
    [entry] = entries(site, person)
    assert entry.amount == Decimal(finished["cost"]) == Decimal("0.003")


async def test_another_attempt_is_as_long_as_the_rest_of_the_budget_bears(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    set_limits(site, person, day="0.008")
    upstream.queue(FAILED, Gate("second"))
    created = await tab.ask("Shorter?")
    second = await upstream.arequest(2)
    first = upstream.request(1)
    assert second.body["max_output_tokens"] <= first.body["max_output_tokens"] - 300
    [held] = reservations(site, person)
    least = Decimal("0.003") + second.body["max_output_tokens"] * Decimal("0.00001")
    assert least <= held.amount <= Decimal("0.008")
    await tab.send("generation.stop", generation=created["generation"])
    finished = await tab.finished(created["generation"])
    assert (finished["status"], finished["cost"]) == ("stopped", "0.003")


@pytest.mark.parametrize(
    ("status", "code", "told", "times"),
    [
        (400, "invalid_prompt", "true", 2),
        (503, "server_is_overloaded", "false", 1),
        (429, "rate_limit_exceeded", "false", 1),
        (429, "insufficient_quota", "true", 1),
    ],
)
async def test_upstreams_word_on_trying_again_goes_before_ours_but_no_money_stays_no_money(
    tab: Tab, upstream: Upstream, status: int, code: str, told: str, times: int
) -> None:
    upstream.always(reply_error(status, code, headers={"x-should-retry": told}))
    created = await tab.ask("Again?")
    finished = await tab.finished(created["generation"])
    assert finished["error"]["retryable"] is (times == 2)
    assert len(upstream.requests()) == times


@pytest.mark.parametrize("header", [("retry-after-ms", "350"), ("retry-after", "0.35")])
async def test_upstreams_time_to_wait_is_waited(
    tab: Tab, upstream: Upstream, header: tuple[str, str]
) -> None:
    name, value = header
    upstream.queue(reply_error(429, "rate_limit_exceeded", headers={name: value}))
    created = await tab.ask("Later?")
    assert (await tab.finished(created["generation"]))["status"] == "completed"
    [retry] = retries_of(tab, created["generation"])
    assert 350 <= retry["delay_ms"] <= 850
    first, second = upstream.requests()
    assert second.at - first.at >= 0.35


async def test_a_wait_that_is_too_long_ends_it_and_is_told_in_words(
    tab: Tab, upstream: Upstream
) -> None:
    upstream.always(reply_error(429, "rate_limit_exceeded", headers={"retry-after": "120"}))
    created = await tab.ask("Much later?")
    finished = await tab.finished(created["generation"])
    assert len(upstream.requests()) == 1
    error = finished["error"]
    assert (error["retryable"], error["retry_after"]) == (True, 120)
    assert error["message"].endswith("is busy. Try again in 2 minutes.")


async def test_who_comes_in_the_waiting_time_is_told_how_long_it_is(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    upstream.always(reply_error(503, headers={"retry-after": "4"}))
    created = await tab.ask("Wait")
    told = await tab.until(created["generation"], "generation.retrying")
    async with Tab(site, person) as other:
        snapshot = await other.open(created["conversation"]["id"])
    retry = generation_in(snapshot, created["generation"])["retry"]
    assert retry == {name: told[name] for name in ("attempt", "code", "kind", "until", "delay_ms")}
    assert (retry["code"], retry["kind"]) == ("upstream_unavailable", "overloaded")


async def test_what_cant_be_reached_is_tried_again_and_said(tab: Tab, upstream: Upstream) -> None:
    with upstream.down():
        created = await tab.ask("Anybody?")
        finished = await tab.finished(created["generation"])
    assert (finished["error"]["code"], finished["error"]["kind"]) == (
        "upstream_unavailable",
        "no_connection",
    )
    assert len(retries_of(tab, created["generation"])) == 1
    after = await tab.ask("And now?", created["conversation"]["id"])
    assert (await tab.finished(after["generation"]))["status"] == "completed"


@pytest.fixture
def mortal_site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    environment = environment_for(upstream, LEASE_SECONDS="2", MAX_OUTPUT_TOKENS="1000")
    process = SiteProcess(database_url, environment)
    with django_db_blocker.unblock():
        set_price(process)
        process.start()
        yield process
        process.kill(signal.SIGTERM)


async def test_who_takes_over_charges_what_the_dead_one_had_spent(
    mortal_site: SiteProcess, upstream: Upstream
) -> None:
    person = mortal_site.person()
    set_limits(mortal_site, person, day="1")
    upstream.queue(FAILED, [*answer(9, 9)[:2], Silence()], answer(500, 50))
    async with Tab(mortal_site, person) as tab:
        created = await tab.ask("Who pays?")
        await tab.until(created["generation"], "response.in_progress", count=2)
        mortal_site.kill(signal.SIGKILL)
    mortal_site.start()
    async with Tab(mortal_site, person) as tab:
        await tab.open(created["conversation"]["id"], {created["generation"]: 0})
        finished = await tab.finished(created["generation"], patience=30)
    assert (finished["status"], finished["cost"]) == ("completed", "0.0045")
    [entry] = entries(mortal_site, person)
    assert entry.amount == Decimal("0.0045")
    [held] = reservations(mortal_site, person)
    assert held.amount >= entry.amount
