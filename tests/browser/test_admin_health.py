"""The page "Upstream health" in a browser: a chart under the strict policy, and kept new."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from conversations.models import Circuit, UpstreamCall
from tests.browser.chat import watch
from tests.browser.test_admin_spend import painted
from tests.health.calls import call
from tests.site import SiteProcess

PAGE = "/admin/conversations/circuit/"


def fill(alias: str) -> None:
    now = timezone.now()
    ages = [timedelta(minutes=minute) for minute in range(1, 50)]
    ok = [call("ok", now - age, model="browser-a", first_ms=700) for age in ages]
    odd = {"code": "server_error", "status": 503, "request_id": "req_browser"}
    failed = [call("upstream_unavailable", now - age, model="browser-a", **odd) for age in ages]
    UpstreamCall.objects.using(alias).bulk_create([*ok, *failed])
    Circuit.objects.using(alias).get_or_create(
        endpoint="responses", model="browser-a", trips=1, open_until=now + timedelta(hours=1)
    )


def empty(alias: str) -> None:
    Circuit.objects.using(alias).filter(model="browser-a").delete()
    UpstreamCall.objects.using(alias).filter(model="browser-a").delete()


@pytest.fixture
def page(browser: Browser, shared_site: SiteProcess) -> Iterator[Page]:
    """A tab of an admin, on a phone."""
    person = shared_site.person(staff=True)
    shared_site.in_database(fill)
    viewport = {"width": 390, "height": 800}
    window = browser.new_context(base_url=shared_site.url, viewport=viewport)  # type: ignore[arg-type]
    name, _, value = person.cookie.partition("=")
    window.add_cookies([{"name": name, "value": value, "url": shared_site.url}])
    page = window.new_page()
    # No page of the admin names an icon, so that the browser looks where they used to be.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    complaints = watch(page)
    yield page
    window.close()
    shared_site.in_database(empty)
    assert complaints == []


def test_the_chart_is_drawn_and_nothing_is_wider_than_a_phone(
    page: Page, screenshots: Path | None
) -> None:
    page.goto(PAGE)
    expect(page.locator(".chart")).to_be_visible()
    assert painted(page) >= 4  # nothing, answered, failed, and the line
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    row = page.get_by_role("row", name="browser-a").first
    expect(row).to_contain_text("Open until")
    page.get_by_text("req_browser").first.click()
    assert page.evaluate("getSelection().toString()") == "req_browser"
    if screenshots:
        page.screenshot(path=screenshots / "admin-health.png", full_page=True)


def test_it_loads_again_and_leaves_people_where_they_are(page: Page) -> None:
    page.clock.install()
    page.goto(PAGE)
    page.locator("#figures-summary").press("Enter")
    page.locator("#span-day").focus()
    page.evaluate("window.before = true")
    page.clock.run_for(29_000)
    assert page.evaluate("window.before")
    with page.expect_navigation():
        page.clock.run_for(2_000)
    expect(page.locator("#span-day")).to_be_focused()
    expect(page.locator("#steps")).to_be_visible()
    page.get_by_text("req_browser").first.click()  # marked, to be copied
    page.evaluate("window.before = true")
    page.clock.run_for(60_000)
    assert page.evaluate("window.before")
