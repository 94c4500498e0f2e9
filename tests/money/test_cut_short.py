"""What an answer costs that failed, was stopped, was deleted, or outlived its process."""

import signal
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.money.conftest import ENVIRONMENT
from tests.money.site import entries, reservations, set_limits, set_price
from tests.money.talk import answer, budgets_until, comes
from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence, reply_error


async def test_a_failure_before_any_output_costs_nothing(
    priced_site: SiteProcess, spender: Person, tab: Tab, upstream: Upstream
) -> None:
    upstream.always(reply_error(400, "invalid_prompt", "No."))
    created = await tab.ask("Anything")
    finished = await tab.finished(created["generation"])
    assert (finished["status"], finished["cost"]) == ("failed", "0")
    assert entries(priced_site, spender) == []
    assert [held.state for held in reservations(priced_site, spender)] == ["released"]


async def test_a_stopped_answer_is_settled_by_a_marked_estimate(
    priced_site: SiteProcess, spender: Person, tab: Tab, upstream: Upstream
) -> None:
    upstream.queue([*answer(10, 10, "One two three")[:6], Silence()])
    created = await tab.ask("Count")
    await tab.until(created["generation"], "response.output_text.delta")
    await tab.send("generation.stop", generation=created["generation"])
    finished = await tab.finished(created["generation"])
    assert finished["estimated"]
    [entry] = entries(priced_site, spender)
    assert (entry.estimated, entry.status) == (True, "stopped")
    assert entry.amount == Decimal(finished["cost"]) > 0


@pytest.mark.parametrize("rest", [[Silence()], [Gate("deleted"), comes("more"), Silence()]])
async def test_what_was_spent_stays_when_the_chat_is_deleted(
    priced_site: SiteProcess, spender: Person, tab: Tab, upstream: Upstream, rest: list[Any]
) -> None:
    upstream.queue([*answer(10, 10, "One two three")[:6], *rest])
    created = await tab.ask("Count")
    await tab.until(created["generation"], "response.output_text.delta")

    def delete(alias: str) -> None:
        from conversations.models import Conversation

        Conversation.objects.using(alias).filter(pk=created["conversation"]["id"]).delete()

    priced_site.in_database(delete)
    upstream.open("deleted")
    await budgets_until(tab, reserved="0")
    [entry] = entries(priced_site, spender)
    assert entry.estimated
    assert entry.amount > 0


@pytest.fixture
def mortal_site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A priced site of the test's own, to be killed and started again."""
    environment = environment_for(upstream, **ENVIRONMENT, LEASE_SECONDS="2")
    with django_db_blocker.unblock():
        set_price(SiteProcess(database_url, {}))
        with running_site(database_url, environment) as process:
            yield process


async def test_a_finished_answer_is_posted_once_whatever_dies_before_it_is_written_down(
    mortal_site: SiteProcess, upstream: Upstream
) -> None:
    site, person = mortal_site, mortal_site.person()
    set_limits(site, person, day="1")
    upstream.queue([*answer(1000, 100), Gate("never")])
    async with Tab(site, person) as tab:
        created = await tab.ask("Everything?")
        await tab.until(created["generation"], "response.completed")
        site.kill(signal.SIGKILL)
    site.start()
    async with Tab(site, person) as tab:
        await tab.open(created["conversation"]["id"], {created["generation"]: 0})
        finished = await tab.finished(created["generation"])
    assert (finished["status"], finished["cost"]) == ("completed", "0.003")
    [entry] = entries(site, person)
    assert entry.amount == Decimal("0.003")
