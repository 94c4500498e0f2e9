"""The spend pages of the admin in a browser: no complaint of the CSP, a chart, no script, looks."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from billing.models import Account, DailySpend, EntryKind, LedgerEntry
from tests.browser.chat import watch
from tests.site import Person, SiteProcess

SPEND = "/admin/billing/ledgerentry/spend/"
LEDGER = "/admin/billing/ledgerentry/"
OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def operator(shared_site: SiteProcess) -> Person:
    """A superuser who spent something: on four days, with two models."""
    person = shared_site.person(staff=True)
    shared_site.in_database(partial(_spend, user=person.id))
    return person


def _spend(alias: str, user: int) -> None:
    account = Account.objects.using(alias).get(user=user)
    now = timezone.now()
    for days in range(4):
        for model, usd in (("browser-a", 3), ("browser-b", 1 + days)):
            posted = now - timedelta(days=days)
            values = {"account": account, "day": posted.date(), "model": model}
            LedgerEntry.objects.using(alias).create(
                **values,
                kind=EntryKind.ROUND,
                posted=posted,
                amount=Decimal(usd),
                generation=uuid.uuid4(),
                status="completed",
            )
            DailySpend.objects.using(alias).create(**values, amount=Decimal(usd), entries=1)


@pytest.fixture
def contexts(browser: Browser, shared_site: SiteProcess, operator: Person) -> Iterator[OpenContext]:
    """`contexts(**options)`: a window in which the operator is signed in."""
    opened = []

    def open_context(**options: object) -> BrowserContext:
        window: BrowserContext = browser.new_context(base_url=shared_site.url, **options)  # type: ignore[arg-type]
        name, _, value = operator.cookie.partition("=")
        window.add_cookies([{"name": name, "value": value, "url": shared_site.url}])
        opened.append(window)
        return window

    yield open_context
    for window in opened:
        window.close()


def quiet_page(window: BrowserContext) -> tuple[Page, list[str]]:
    page = window.new_page()
    # No page of the admin names an icon, so that the browser looks where they used to be.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    return page, watch(page)


def painted(page: Page) -> int:
    """How many colours the chart has."""
    count: int = page.locator(".chart canvas").evaluate(
        """canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const colours = new Map();
          new Uint32Array(data.buffer).forEach(
            (pixel) => colours.set(pixel, (colours.get(pixel) ?? 0) + 1));
          return [...colours.values()].filter((pixels) => pixels > 200).length;
        }"""
    )
    return count


def test_the_chart_is_drawn_under_the_strict_policy_and_follows_the_theme(
    contexts: OpenContext, operator: Person, screenshots: Path | None
) -> None:
    page, complaints = quiet_page(contexts(viewport={"width": 1280, "height": 900}))
    answer = page.goto(f"{SPEND}?account={operator.email}")
    assert answer
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "style-src 'self'" in policy
    expect(page.locator(".chart")).to_be_visible()
    assert painted(page) >= 3  # nothing, and a colour for each model
    before = page.locator(".swatch").first.evaluate("e => getComputedStyle(e).backgroundColor")
    image = page.locator(".chart canvas").evaluate("canvas => canvas.toDataURL()")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(
        "image => document.querySelector('.chart canvas').toDataURL() !== image", arg=image
    )
    after = page.locator(".swatch").first.evaluate("e => getComputedStyle(e).backgroundColor")
    assert before != after
    if screenshots:
        page.screenshot(path=screenshots / "admin-spend.png", full_page=True)
    assert complaints == []


def test_a_click_on_a_bar_leads_to_its_ledger_rows(contexts: OpenContext, operator: Person) -> None:
    page, complaints = quiet_page(contexts(viewport={"width": 1280, "height": 900}))
    page.goto(f"{SPEND}?account={operator.email}&period=today")
    box = page.locator(".chart canvas").bounding_box()
    assert box
    middle = {"x": box["width"] / 2 + 10, "y": box["height"] - 60}
    page.locator(".chart canvas").click(position=middle)  # type: ignore[arg-type]
    page.wait_for_url(f"**{LEDGER}?*model=browser-a*")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    assert complaints == []


def test_the_figures_read_without_javascript(contexts: OpenContext, operator: Person) -> None:
    page, complaints = quiet_page(contexts(java_script_enabled=False))
    page.goto(f"{SPEND}?account={operator.email}")
    expect(page.locator(".tiles").last).to_contain_text("$22.00")
    expect(page.locator(".chart")).to_be_hidden()
    page.locator("summary", has_text="The figures").click()
    expect(page.locator("#spend-table")).to_be_visible()
    expect(page.locator("#spend-table thead th")).to_have_text(
        ["Day", "Together", "browser-a", "browser-b"]
    )
    expect(page.locator("#spend-table tbody tr").last.locator("td")).to_have_text(
        ["$4.00", "$3.00", "$1.00"]
    )
    assert complaints == []


def test_no_page_of_ours_in_the_admin_breaks_the_policy(
    contexts: OpenContext, operator: Person
) -> None:
    page, complaints = quiet_page(contexts(viewport={"width": 1280, "height": 900}))
    page.goto(f"{LEDGER}?q={operator.email}")
    page.goto(f"/admin/billing/account/?q={operator.email}")
    page.locator("#result_list tbody th a").click()
    page.get_by_role("button", name="Add another Budget").click()
    expect(page.locator("tr.dynamic-budgets")).to_have_count(3)
    page.get_by_role("link", name="Ledger", exact=True).click()
    page.locator("#result_list tbody th a").first.click()
    page.get_by_role("link", name="Reverse…").click()
    expect(page.get_by_label("Reason")).to_be_visible()
    for path in (
        "/admin/",
        "/admin/billing/team/add/",
        "/admin/billing/price/add/",
        "/admin/billing/price/",
        "/admin/billing/reservation/",
    ):
        page.goto(path)
    assert complaints == []


def test_a_budget_is_set_on_the_page_of_the_account(
    contexts: OpenContext, operator: Person
) -> None:
    page, complaints = quiet_page(contexts(viewport={"width": 1280, "height": 900}))
    page.goto(f"/admin/billing/account/?q={operator.email}")
    page.locator("#result_list tbody th a").click()
    row = page.locator("#budgets-group tr.has_original").first
    row.locator("input[type=number]").fill("-5")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator("#budgets-group .errorlist")).to_contain_text("greater than or equal to 0")
    row.locator("input[type=number]").fill("12.5")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(row).to_contain_text("of $12.50")
    assert complaints == []


@pytest.mark.parametrize("path", [SPEND, "/admin/billing/account/"])
def test_nothing_is_wider_than_a_phone(contexts: OpenContext, path: str) -> None:
    page, complaints = quiet_page(contexts(viewport={"width": 390, "height": 800}))
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert complaints == []
