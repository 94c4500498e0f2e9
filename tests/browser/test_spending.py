"""A person's day with a limit, in a browser and with the site's own messages."""

import signal
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import expect
from pytest_django.plugin import DjangoDbBlocker

from tests.browser.chat import Chat
from tests.conftest import BrowserSite
from tests.money.site import entries, set_limits, set_price
from tests.site import Person, SiteProcess, environment_for
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream


@pytest.fixture
def paid_site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A million input tokens cost 2 USD, a million output tokens 10; the other model a tenth."""
    process = SiteProcess(database_url, environment_for(upstream, MAX_OUTPUT_TOKENS="1000"))
    with django_db_blocker.unblock():
        set_price(process)
        set_price(process, "0.2", "1", model="other-model")
        process.start()
        yield process
        process.kill(signal.SIGTERM)


@pytest.fixture
def spender(paid_site: SiteProcess) -> Person:
    person = paid_site.person()
    set_limits(paid_site, person, day="0.05")
    return person


@pytest.fixture
def site(paid_site: SiteProcess, spender: Person, upstream: Upstream) -> BrowserSite:
    person = spender
    return BrowserSite(paid_site.url, person.email, person.password, person.cookie, upstream)


def test_the_meter_follows_the_spending_until_the_limit_is_reached(
    chat: Chat,
    site: BrowserSite,
    paid_site: SiteProcess,
    spender: Person,
    screenshots: Path | None,
) -> None:
    dear = text_answer("That was dear.")
    dear[-1]["response"]["usage"] = {"input_tokens": 17_500, "output_tokens": 900}  # 0.044
    site.upstream.queue(dear)
    meter = chat.page.locator("#budget-meter")
    expect(meter).to_contain_text("0")
    chat.ask("What does it cost?")
    expect(meter).to_contain_text("88")
    banner = chat.page.get_by_role("complementary", name="Spending limit")
    expect(banner).to_contain_text("88 %")
    if screenshots:
        chat.page.screenshot(path=screenshots / "spending-warned.png")
    # What is left is too little for the dear model, and enough for a short answer of the other.
    set_limits(paid_site, spender, day="0.0441")
    expect(meter).to_contain_text("99")
    chat.send("And now?")
    card = chat.page.locator(".card").last
    expect(card).to_contain_text("limit is reached")
    if screenshots:
        chat.page.screenshot(path=screenshots / "spending-refused.png")
    card.get_by_role("button", name="Use ").click()  # the cheapest model fits
    expect(chat.answers).to_have_count(2)
    chat.expect_ended()
    [first, second] = entries(paid_site, spender)
    assert first.amount == Decimal("0.044")
    assert (second.model, second.account_id) == ("other-model", first.account_id)
