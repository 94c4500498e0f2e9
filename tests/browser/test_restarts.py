"""The server is killed, drains or is replaced under an open page, which is never reloaded."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocket, expect
from pytest_django.plugin import DjangoDbBlocker

from tests.browser.chat import Chat, watch
from tests.browser.reader import BEGUN, NOTE_CONNECTION, Reader, expect_whole, long_answer
from tests.conftest import BrowserSite
from tests.site import ROOT, SiteProcess, environment_for, running_site
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Head, Silence

EXPECTED = ("WebSocket connection to", "Failed to load resource", "python.min.js", "No colours for")
"""What Chromium itself logs when a server is away, and that a grammar is gone."""


@pytest.fixture
def own_site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A site that takes over quickly and drains patiently."""
    environment = environment_for(upstream, LEASE_SECONDS="2", DRAIN_SECONDS="20")
    with django_db_blocker.unblock(), running_site(database_url, environment) as process:
        yield process


@pytest.fixture
def site(own_site: SiteProcess, upstream: Upstream) -> BrowserSite:
    """The test's own site, for the browser."""
    person = own_site.person()
    return BrowserSite(own_site.url, person.email, person.password, person.cookie, upstream)


@pytest.fixture
def chat(page: Page) -> Iterator[Chat]:
    """The new chat in a tab, which never loads a page again and complains of nothing of its own."""
    complaints = watch(page)
    chat = Chat(page)
    chat.open("/")
    page.evaluate("window.neverReloaded = true")
    yield chat
    assert page.evaluate("window.neverReloaded")
    assert [one for one in complaints if not any(part in one for part in EXPECTED)] == []


def test_a_killed_server_costs_nothing_that_was_seen_and_leaves_ways_on(
    chat: Chat, own_site: SiteProcess, site: BrowserSite
) -> None:
    more = [text_answer("And the rest."), text_answer("Once more.")]
    site.upstream.queue([*long_answer()[:BEGUN], Silence()], *more)
    chat.send("Long")
    reader = Reader(chat)
    own_site.kill()
    expect(chat.page.locator("#connection")).to_have_text("Reconnecting")
    reader.expect_undisturbed()
    own_site.start()
    chat.expect_ended("interrupted")
    expect(chat.page.locator("#connection")).to_have_attribute("data-state", "open")
    reader.expect_undisturbed()
    first = chat.answers.first
    first.get_by_role("button", name="Continue").click()
    expect(chat.prose).to_have_text("And the rest.")
    chat.expect_ended()
    first.get_by_role("button", name="Try again").click()
    expect(chat.prose).to_have_text("Once more.")
    chat.expect_ended()
    expect(chat.box).to_have_value(str(reader.before["value"]))


def test_a_draining_server_ends_its_answer_and_the_page_moves_on_to_the_next_server(
    chat: Chat, own_site: SiteProcess, site: BrowserSite
) -> None:
    events = long_answer()
    site.upstream.queue([*events[:BEGUN], Gate("go"), *events[BEGUN:]])
    chat.send("Long")
    reader = Reader(chat)
    chat.page.evaluate(NOTE_CONNECTION)
    os.kill(own_site.pid, signal.SIGTERM)
    site.upstream.open("go")
    chat.expect_ended()
    expect_whole(chat)
    reader.expect_undisturbed()
    assert chat.page.evaluate("window.connectionStates") == []
    own_site.kill(signal.SIGTERM)  # waits for its end
    own_site.start()
    expect(chat.page.locator("#connection")).to_have_attribute("data-state", "open")
    reader.expect_undisturbed()
    chat.ask("Are you there?")
    assert len(site.upstream.requests()) == 2


def test_a_page_of_an_older_deployment_goes_on_and_code_stays_readable(
    chat: Chat, own_site: SiteProcess, site: BrowserSite, tmp_path: Path
) -> None:
    own_site.kill()
    collect(tmp_path / "old")
    own_site.environment["STATIC_ROOT"] = str(tmp_path / "old")
    own_site.start()
    chat.reload()
    chat.page.evaluate("window.neverReloaded = true")
    chat.ask("Plain")
    own_site.kill(signal.SIGTERM)
    own_site.environment["STATIC_ROOT"] = str(without_scripts(tmp_path))
    own_site.start()
    site.upstream.queue(text_answer("Look:\n\n```python\nx = 'y'\n```\n\nEnd."))
    with chat.page.expect_response("**/python.min.js") as fetched:
        chat.ask("Code")
    assert fetched.value.status == 404
    expect(chat.prose.locator("pre code")).to_have_text("x = 'y'\n")
    expect(chat.prose.locator("p").last).to_have_text("End.")
    expect(chat.answers).to_have_count(2)


def collect(directory: Path) -> None:
    """The static files under names with their hashes, as an installation has them."""
    environment = os.environ | {
        "SECRET_KEY": "tests-only",
        "DJANGO_SETTINGS_MODULE": "chatsite.settings",
        "STATIC_ROOT": str(directory),
    }
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def without_scripts(directory: Path) -> Path:
    """What is collected in "old" without a script or style sheet that the open page knows."""
    new = directory / "new"
    ignored = shutil.ignore_patterns("js", "css", "@highlightjs")
    return Path(shutil.copytree(directory / "old", new, ignore=ignored))


def test_an_answer_whose_worker_died_before_a_word_is_asked_again_and_is_one(
    page: Page, own_site: SiteProcess, site: BrowserSite
) -> None:
    types: dict[int, str] = {}
    page.on("websocket", lambda socket: listen(socket, types))
    chat = Chat(page)
    chat.open("/")
    site.upstream.queue([Head(), Silence()], text_answer("Here I am."))
    chat.send("Anybody?")
    site.upstream.request(1)
    own_site.kill()
    own_site.start()
    expect(chat.prose).to_have_text("Here I am.")
    chat.expect_ended()
    expect(chat.answers).to_have_count(1)
    assert [types[seq] for seq in sorted(types)].count("generation.started") == 2
    assert sorted(types) == list(range(1, len(types) + 1))


def listen(socket: WebSocket, types: dict[int, str]) -> None:
    """Notes each event that a socket of the page gets: its type by its seq."""

    def note(frame: str | bytes) -> None:
        for event in json.loads(frame).get("events", []):
            types[event["seq"]] = event["type"]

    socket.on("framereceived", note)
