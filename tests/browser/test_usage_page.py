"""/usage/ in a browser: chart, time zone, without scripts."""

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial

from playwright.sync_api import BrowserContext, expect

from billing.models import Account, DailySpend
from tests.browser.chat import Chat, watch
from tests.conftest import BrowserSite
from tests.site import Person, SiteProcess


def test_the_usage_page_is_reached_from_the_account_menu_and_complains_of_nothing(
    chat: Chat, context: BrowserContext
) -> None:
    chat.page.get_by_role("button", name="@example.com").click()
    chat.page.get_by_role("link", name="Usage and limits").click()
    expect(chat.page.get_by_role("heading", name="Usage", exact=True)).to_be_visible()
    expect(chat.page.get_by_text("$0.00 of $1.00")).to_be_visible()
    chat.page.get_by_label("Days", exact=True).select_option("From … to …")
    expect(chat.page.get_by_label("From", exact=True)).to_be_visible()


def spend(alias: str, person: Person) -> None:
    """Somebody's spend of this month, by two models."""
    account = Account.objects.using(alias).get(user_id=person.id)
    today = datetime.now(UTC).date()
    for model, amount in (("luna", "0.25"), ("sol", "1.50")):
        day = DailySpend(day=today, account=account, model=model, amount=Decimal(amount), entries=1)
        day.save(using=alias, force_insert=True)


def test_the_chart_shows_what_the_table_says(
    chat: Chat, shared_site: SiteProcess, person: Person
) -> None:
    shared_site.in_database(partial(spend, person=person))
    page = chat.page
    page.goto("/usage/")
    expect(page.locator("#chart")).to_be_visible()
    expect(page.locator(".legend li")).to_have_text(["sol", "luna"])
    drawn = "Chart.getChart('chart-canvas').data.datasets.map(({ label, data }) => [label, data])"
    bars = {label: sum(amounts) for label, amounts in page.evaluate(drawn)}
    assert bars == {"sol": 1.5, "luna": 0.25}
    page.get_by_text("The figures as a table").click()
    expect(page.locator("#spend-table tbody td")).to_have_text(["$1.50", "$0.25", "$1.75"])


def test_the_device_s_time_zone_is_offered_and_taken(
    context: BrowserContext, site: BrowserSite
) -> None:
    assert context.browser
    state = context.storage_state()
    berlin = context.browser.new_context(
        base_url=site.url, storage_state=state, timezone_id="Europe/Berlin"
    )
    page = berlin.new_page()
    complaints = watch(page)
    page.goto("/usage/")
    page.get_by_role("button", name="Use Europe/Berlin, as this device").click()
    expect(page.get_by_text("Your days now begin in Europe/Berlin.")).to_be_visible()
    expect(page.get_by_text("You can change it again from")).to_be_visible()
    assert complaints == []
    berlin.close()


def test_the_usage_page_reads_without_scripts(context: BrowserContext, site: BrowserSite) -> None:
    state = context.storage_state()
    assert context.browser
    plain = context.browser.new_context(
        base_url=site.url, java_script_enabled=False, storage_state=state
    )
    page = plain.new_page()
    complaints = watch(page)
    page.goto("/usage/")
    expect(page.get_by_text("$0.00 of $20.00")).to_be_visible()
    expect(page.get_by_label("To", exact=True)).to_be_visible()
    assert complaints == []
    plain.close()
