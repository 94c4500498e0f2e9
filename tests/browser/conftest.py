"""The browser: Debian's Chromium, a person who is signed in, and a page that tolerates no error."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from chatsite.bootstrap.services import program
from tests.browser.chat import Chat, watch
from tests.browser.line import Line
from tests.browser.purse import Purse
from tests.conftest import BrowserSite
from tests.services import missing

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=10_000)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The machine's Chromium. Playwright keeps an event loop running in its process, beside which
    no other test can run one: it is gone when the last browser test of this process is.
    """
    chromium = os.environ.get("TEST_CHROMIUM") or program("chromium")
    if not chromium:
        missing("Chromium", "it is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, site: BrowserSite) -> Iterator[BrowserContext]:
    """A browser window of the test's person, signed in."""
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": 1280, "height": 800},
        permissions=["clipboard-read", "clipboard-write"],
    )
    name, _, value = site.cookie.partition("=")
    context.add_cookies([{"name": name, "value": value, "url": site.url}])
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """A tab. Nothing is loaded yet."""
    return context.new_page()


@pytest.fixture
def chat(page: Page) -> Iterator[Chat]:
    """The new chat in a tab; the test fails when the page complained of anything."""
    complaints = watch(page)
    chat = Chat(page)
    chat.open("/")
    yield chat
    assert complaints == []


@pytest.fixture
def line(page: Page) -> Line:
    """The tab's connection, before anything is loaded."""
    return Line(page)


@pytest.fixture
def connected(line: Line, chat: Chat) -> Line:
    """The line of `chat`, which is open."""
    return line


@pytest.fixture
def purse(page: Page) -> Purse:
    """The tab's line, before anything is loaded."""
    return Purse(page)


@pytest.fixture
def paid(purse: Purse, chat: Chat) -> Purse:
    """The line of `chat`, which is open."""
    return purse


@pytest.fixture
def screenshots() -> Path | None:
    """Where pictures are kept: SCREENSHOT_DIR, or None."""
    directory = os.environ.get("SCREENSHOT_DIR")
    if not directory:
        return None
    path = Path(directory)
    path.mkdir(parents=True, exist_ok=True)
    return path
