"""From a question to the ledger, on a running site: held, settled, told, refused."""

import uuid
from decimal import Decimal

from pytest_django.plugin import DjangoDbBlocker

from tests.money.site import MODEL, entries, reservations, set_limits
from tests.money.talk import answer, budgets_until
from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.client import Upstream
from tests.upstream.script import Gate


async def test_what_an_answer_costs_is_held_then_posted_and_told(
    priced_site: SiteProcess, spender: Person, tab: Tab, upstream: Upstream
) -> None:
    upstream.queue([*answer(1000, 100)[:-1], Gate("end"), answer(1000, 100)[-1]])
    hello = await tab.expect("hello")
    [budget] = hello["budgets"]
    assert (budget["period"], budget["limit"], budget["spent"]) == ("day", "1", "0")
    assert hello["models"][0]["prices"] == {"input": "2", "output": "10", "cached_input": "2"}
    created = await tab.ask("How is it?")
    await tab.until(created["generation"], "response.output_text.delta")
    [held] = reservations(priced_site, spender)
    assert held.state == "open"
    assert held.max_output_tokens == 1000
    record = upstream.request(1)
    assert record.body["max_output_tokens"] == 1000
    counted = held.input_tokens * Decimal(2) / 10**6
    assert held.amount == counted + Decimal("0.01")
    budget = await budgets_until(tab, reserved=f"{held.amount.normalize():f}")
    assert budget["spent"] == "0"
    upstream.open("end")
    finished = await tab.finished(created["generation"])
    assert finished["cost"] == "0.003"  # 1000 x 2 / 10**6 + 100 x 10 / 10**6
    budget = await budgets_until(tab, spent="0.003", reserved="0")
    assert budget["remaining"] == "0.997"
    [entry] = entries(priced_site, spender)
    assert entry.amount == Decimal("0.003")
    assert entry.breakdown == {"input": "0.002", "output": "0.001"}
    assert (entry.model, entry.status, entry.estimated) == (MODEL, "completed", False)
    assert [held.state for held in reservations(priced_site, spender)] == ["settled"]


async def test_upstreams_own_count_is_what_is_held(
    priced_site: SiteProcess, spender: Person, tab: Tab, upstream: Upstream
) -> None:
    upstream.queue([Gate("begin"), *answer(10, 10)])
    created = await tab.ask("Some words that are counted")
    await upstream.arequest(1)
    [count] = upstream.requests("/v1/responses/input_tokens")
    assert count.body["model"] == MODEL
    [held] = reservations(priced_site, spender)
    assert not held.input_estimated
    upstream.open("begin")
    await tab.finished(created["generation"])


async def test_what_does_not_fit_is_refused_in_words_and_nothing_is_written(
    priced_site: SiteProcess, spender: Person, tab: Tab, upstream: Upstream
) -> None:
    set_limits(priced_site, spender, day="0.0001")
    turn = {"id": str(uuid.uuid4()), "conversation": None, "text": "Too dear?"}
    error = await tab.refused("turn.create", "budget_exceeded", **turn)
    assert error["period"] == "day"
    assert error["resets_at"].endswith("T00:00:00.000000Z")
    assert "0.0001 USD" in error["message"]
    assert upstream.requests() == []
    assert reservations(priced_site, spender) == []
    set_limits(priced_site, spender, total="0.0001")
    error = await tab.refused("turn.create", "budget_exceeded", **turn)
    assert (error["period"], error["resets_at"]) == ("total", None)
    set_limits(priced_site, spender, day="1")
    created = await tab.ask("Too dear?", id=turn["id"])  # the same turn, once it fits
    assert (await tab.finished(created["generation"]))["status"] == "completed"


async def test_an_answer_is_as_long_as_the_budget_bears(
    priced_site: SiteProcess, spender: Person, tab: Tab, upstream: Upstream
) -> None:
    set_limits(priced_site, spender, day="0.005")
    cut = answer(10, 400)
    cut[-1]["type"] = "response.incomplete"
    cut[-1]["response"]["incomplete_details"] = {"reason": "max_output_tokens"}
    upstream.queue(cut)
    created = await tab.ask("Go on and on")
    finished = await tab.finished(created["generation"])
    assert upstream.request(1).body["max_output_tokens"] < 500
    assert finished["status"] == "incomplete"
    assert finished["error"]["code"] == "budget_exhausted"
    [held] = reservations(priced_site, spender)
    assert held.capped
    assert held.amount <= Decimal("0.005")


async def test_a_limit_that_is_changed_is_told_to_running_tabs_at_once(
    priced_site: SiteProcess, spender: Person, tab: Tab
) -> None:
    await tab.expect("hello")
    set_limits(priced_site, spender, day="5")
    assert (await budgets_until(tab, limit="5"))["remaining"] == "5"


async def test_the_warning_comes_once_to_every_tab(
    priced_site: SiteProcess, spender: Person, tab: Tab, upstream: Upstream
) -> None:
    set_limits(priced_site, spender, day="0.05")
    upstream.queue(answer(15_100, 1000), answer(1, 1))  # 0.0302 + 0.01: 80.4 % of the limit
    async with Tab(priced_site, spender) as other:
        await other.expect("hello")
        created = await tab.ask("First")
        await tab.finished(created["generation"])
        for one in (tab, other):
            warning = await one.expect("budget.warning")
            assert (warning["period"], warning["limit"], warning["spent"]) == (
                "day",
                "0.05",
                "0.0402",
            )
            assert warning["share"] == 0.804
        created = await tab.ask("Second", created["conversation"]["id"])
        await tab.finished(created["generation"])
        await budgets_until(tab, reserved="0", spent="0.040212")
        assert [m["type"] for m in tab.messages].count("budget.warning") == 1


async def test_a_free_model_answers_without_a_limit_in_its_way(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    environment = environment_for(upstream, BUDGET_DEFAULTS="day=0,total=0")
    with django_db_blocker.unblock(), running_site(database_url, environment) as site:
        async with Tab(site, site.person()) as tab:
            created = await tab.ask("Free?")
            finished = await tab.finished(created["generation"])
            assert (finished["status"], finished["cost"]) == ("completed", "0")
