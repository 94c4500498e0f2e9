"""Nothing seen is lost while the line goes and comes: the text, the reader's place, the draft."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chat import Chat
from tests.browser.line import Line
from tests.browser.reader import (
    BEGUN,
    DRAFT,
    NOTE_CONNECTION,
    PARAGRAPHS,
    Reader,
    expect_whole,
    long_answer,
)
from tests.conftest import BrowserSite
from tests.upstream.answers import text_answer
from tests.upstream.script import Gate, Play

NINE_SOCKETS = """async () => {
    window.nine = Array.from({ length: 9 }, () => new WebSocket(`ws://${location.host}/ws/`));
    const spoken = (socket) => new Promise((resolve) => { socket.onmessage = resolve; });
    await Promise.all(window.nine.map(spoken));
}"""


@dataclass
class Network:
    """How a test takes the network away and gives it back, and what the page says meanwhile."""

    lose: Callable[[], None]
    restore: Callable[[], None]
    words: str


@pytest.fixture(params=["cut", "offline"])
def network(request: pytest.FixtureRequest, page: Page, context: BrowserContext) -> Network:
    """The line cut and refused; or the whole browser without a network, as it knows itself."""
    if request.param == "offline":
        away, back = (lambda: context.set_offline(True)), (lambda: context.set_offline(False))
        return Network(away, back, "Offline")
    line = Line(page)
    return Network(line.cut, lambda: setattr(line, "up", True), "Reconnecting")


def test_five_seconds_without_a_network_cost_no_text_no_draft_and_no_place(
    network: Network, page: Page, site: BrowserSite
) -> None:
    chat = Chat(page)
    chat.open("/")
    events = long_answer()
    missed = Play(events[BEGUN:200], rate=20)  # five seconds
    site.upstream.queue([*events[:BEGUN], Gate("gone"), missed, Gate("back"), *events[200:]])
    chat.send("Long")
    reader = Reader(chat)
    network.lose()
    expect(page.locator("#connection")).to_have_text(network.words)
    site.upstream.open("gone")
    site.upstream.request(1).wait_sent(200, timeout=10)
    reader.expect_undisturbed()
    network.restore()
    expect(page.locator("#connection")).to_have_attribute("data-state", "open")
    expect(chat.prose).to_contain_text(PARAGRAPHS[90])
    site.upstream.open("back")
    chat.expect_ended()
    expect_whole(chat)
    reader.expect_undisturbed()


def test_tabs_opened_and_reloaded_in_mid_answer_show_the_same_text(
    chat: Chat, context: BrowserContext, site: BrowserSite
) -> None:
    events = long_answer()
    rest = Play(events[BEGUN:], rate=100)
    site.upstream.queue([*events[:BEGUN], Gate("go"), rest])
    chat.send("Long")
    expect(chat.prose).to_contain_text(PARAGRAPHS[40])
    opened = Chat(context.new_page())
    opened.open(chat.page.url)
    site.upstream.open("go")
    chat.reload()
    late = Chat(context.new_page())
    late.open(chat.page.url)
    for tab in (chat, opened, late):
        tab.expect_ended()
        expect_whole(tab)
        expect(tab.answers).to_have_count(1)
    assert len(site.upstream.requests()) == 1


def test_the_list_of_chats_catches_up_after_a_loss_of_the_line(
    connected: Line, chat: Chat, context: BrowserContext
) -> None:
    chat.ask("First")
    chat.page.get_by_role("link", name="New chat").first.click()
    chat.ask("Second")
    connected.cut()
    other = Chat(context.new_page())
    other.open("/")
    other.ask("Third")
    other.menu("First", "Delete")
    other.page.get_by_role("button", name="Delete", exact=True).click()
    expect(other.rows).to_have_count(2)
    connected.up = True
    expect(chat.rows).to_have_count(2)
    expect(chat.rows).to_contain_text(["Third", "Second"])


def test_a_snapshot_that_comes_unasked_disturbs_neither_text_nor_reader(
    connected: Line, chat: Chat, context: BrowserContext, site: BrowserSite
) -> None:
    events = long_answer()
    site.upstream.queue(
        [*events[:BEGUN], Gate("go"), *events[BEGUN:200], Gate("on"), *events[200:]]
    )
    chat.send("Long")
    reader = Reader(chat)
    connected.behind = True
    site.upstream.open("go")
    site.upstream.request(1).wait_sent(200)
    snapshots: list[str] = []

    def note(frame: str | bytes) -> None:
        if "conversation.snapshot" in str(frame):
            snapshots.append(str(frame))

    other = context.new_page()
    other.on("websocket", lambda socket: socket.on("framereceived", note))
    Chat(other).open(chat.page.url)
    expect(other.locator(".prose")).to_contain_text(PARAGRAPHS[90])
    for _ in range(500):  # the server's page has the text before the socket has told it
        if snapshots:
            break
        other.wait_for_timeout(20)
    for _ in range(2):
        connected.say(snapshots[0])
    expect(chat.prose).to_contain_text(PARAGRAPHS[60])
    connected.behind = False
    site.upstream.open("on")
    chat.expect_ended()
    connected.say(snapshots[0])  # and one that is older than what is shown
    expect_whole(chat)
    reader.expect_undisturbed()
    assert connected.connections == 1


def test_a_server_that_restarts_is_found_again_without_a_word(
    connected: Line, chat: Chat, site: BrowserSite
) -> None:
    events = text_answer("One two three four five.")
    site.upstream.queue([*events[:7], Gate("go"), *events[7:]])
    chat.send("Count")
    expect(chat.prose).to_contain_text("One two")
    chat.page.evaluate(NOTE_CONNECTION)
    connected.close(1012)
    site.upstream.open("go")
    chat.expect_ended()
    expect(chat.prose).to_have_text("One two three four five.")
    assert connected.connections == 2
    assert chat.page.evaluate("window.connectionStates") == []


def test_with_too_many_tabs_the_page_says_so_keeps_the_draft_and_connects_later(
    line: Line, page: Page, site: BrowserSite
) -> None:
    page.clock.install()
    line.up, line.refuses_with = False, 4429
    page.goto("/")
    place = page.locator("#connection")
    words = "Too many tabs are open. Close one; this page then connects by itself."
    expect(place).to_have_text(words)
    expect(page.locator("#announcer")).to_have_text(words)
    chat = Chat(page)
    chat.box.fill(DRAFT)
    page.clock.fast_forward(18_000)
    expect(place).to_have_text(words)
    line.up = True
    page.clock.fast_forward(18_000)
    expect(place).to_have_attribute("data-state", "open")
    expect(chat.box).to_have_value(DRAFT)
    chat.box.press("Enter")
    chat.expect_ended()


def test_the_eleventh_tab_of_a_person_waits_until_one_is_closed(
    page: Page, context: BrowserContext, site: BrowserSite
) -> None:
    others = context.new_page()
    others.goto("/")
    Chat(others).expect_connected()  # the first of ten
    others.evaluate(NINE_SOCKETS)
    page.clock.install()
    page.goto("/")
    place = page.locator("#connection")
    expect(place).to_have_attribute("data-state", "too-many-tabs")
    others.evaluate("window.nine[0].close()")
    page.clock.fast_forward(18_000)
    expect(place).to_have_attribute("data-state", "open")
    Chat(page).ask("Hello")
