"""The browser: Debian's Chromium, a person who is signed in, and a page that tolerates no error."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.chat import Chat, watch
from tests.browser.line import Line
from tests.browser.purse import Purse
from tests.conftest import BrowserSite

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium where there is one, else what Playwright has installed."""
    args = {**browser_type_launch_args, "args": FLAGS}
    return {**args, "executable_path": CHROMIUM} if CHROMIUM else args


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
