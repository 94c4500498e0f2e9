"""The line: lost in mid-answer, lost before sending, no login, reload before the answer."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.chat import Chat
from tests.browser.line import Line
from tests.conftest import BrowserSite
from tests.upstream.answers import text_answer
from tests.upstream.script import Gate


def test_an_answer_goes_on_after_the_line_was_lost(
    connected: Line, chat: Chat, site: BrowserSite
) -> None:
    events = text_answer("One two three four five.")
    site.upstream.queue([*events[:7], Gate("go"), *events[7:]])
    chat.send("Count")
    expect(chat.prose).to_contain_text("One two")
    connected.cut()
    expect(chat.page.locator("#connection")).to_have_text("Reconnecting")
    site.upstream.open("go")
    site.upstream.request(1).wait_closed()
    connected.up = True
    chat.expect_ended()
    expect(chat.prose).to_have_text("One two three four five.")
    expect(chat.page.locator("#connection")).to_have_attribute("data-state", "open")
    cursors = connected.commands("conversation.open")[-1]["cursors"]
    assert isinstance(cursors, dict)
    assert len(cursors) == 1


def test_a_turn_written_without_a_line_is_sent_when_it_is_back(
    connected: Line, chat: Chat, site: BrowserSite
) -> None:
    connected.cut()
    expect(chat.page.locator("#connection")).to_have_text("Reconnecting")
    chat.send("Patience")
    expect(chat.page.get_by_text("Will be sent when the connection is back")).to_be_visible()
    connected.up = True
    chat.expect_ended()
    expect(chat.bubbles).to_have_text(["Patience"])
    assert len(site.upstream.requests()) == 1


def test_a_turn_whose_fate_is_unknown_survives_a_reload_and_is_asked_once(
    connected: Line, chat: Chat, site: BrowserSite
) -> None:
    connected.deaf = True
    chat.send("Only once")
    expect(chat.bubbles).to_have_text(["Only once"])
    connected.deaf = False
    chat.page.reload()
    chat.expect_ended()
    expect(chat.bubbles).to_have_text(["Only once"])
    first, second = connected.commands("turn.create")
    assert first["id"] == second["id"]
    assert len(site.upstream.requests()) == 1


def test_without_a_login_the_tab_leads_to_the_login_and_back(
    connected: Line, chat: Chat, context: BrowserContext
) -> None:
    chat.ask("Hello")
    path = chat.page.url
    context.clear_cookies()
    assert connected.socket
    connected.socket.close(code=4000)
    chat.page.wait_for_url("**/accounts/login/?next=**")
    assert path.rsplit("/c/", 1)[1].strip("/") in chat.page.url


def test_acks_are_rare_grow_and_end_with_the_last_event(connected: Line, chat: Chat) -> None:
    chat.ask("tokens=200 rate=200")
    seqs = [0]
    for _ in range(40):
        seqs = [int(str(ack["seq"])) for ack in connected.commands("ack")]
        if seqs and seqs[-1] == connected.last_seq:
            break
        chat.page.wait_for_timeout(50)  # lets the tab's frames through; there is no event to await
    assert seqs[-1] == connected.last_seq
    assert seqs == sorted(set(seqs))
    assert len(seqs) <= 6


def test_without_a_network_the_page_says_so_and_comes_back(
    page: Page, context: BrowserContext, site: BrowserSite
) -> None:
    chat = Chat(page)
    chat.open("/")
    events = text_answer("One two three four five.")
    site.upstream.queue([*events[:7], Gate("go"), *events[7:]])
    chat.send("Count")
    expect(chat.prose).to_contain_text("One two")
    context.set_offline(True)
    expect(page.locator("#connection")).to_have_text("Offline")
    expect(chat.prose).to_contain_text("One two")
    site.upstream.open("go")
    context.set_offline(False)
    chat.expect_ended()
    expect(chat.prose).to_have_text("One two three four five.")
    expect(page.locator("#connection")).to_have_attribute("data-state", "open")
