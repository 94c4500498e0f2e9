"""The list of chats: switching, renaming, deleting, back and forth, two tabs, drafts."""

from playwright.sync_api import BrowserContext, expect

from tests.browser.chat import Chat, watch
from tests.conftest import BrowserSite
from tests.upstream.answers import text_answer
from tests.upstream.script import Gate


def test_switching_needs_no_reload_and_back_leads_back(chat: Chat) -> None:
    chat.ask("First chat")
    first = chat.page.url
    chat.page.evaluate("window.stays = true")
    chat.page.get_by_role("link", name="New chat").first.click()
    expect(chat.page.get_by_role("heading", name="What’s on your mind?")).to_be_visible()
    chat.ask("Second chat")
    expect(chat.rows).to_have_count(2)
    chat.rows.filter(has_text="First chat").get_by_role("link").click()
    expect(chat.bubbles).to_have_text(["First chat"])
    assert chat.page.url == first
    chat.page.go_back()
    expect(chat.bubbles).to_have_text(["Second chat"])
    assert chat.page.evaluate("window.stays")


def test_a_chat_is_renamed_in_place_and_stays_so(chat: Chat) -> None:
    chat.ask("Old name")
    chat.menu("Old name", "Rename")
    field = chat.page.get_by_label("Chat title")
    expect(field).to_be_focused()
    field.fill("New name")
    field.press("Enter")
    expect(chat.rows).to_have_text(["New name"])
    expect(chat.page.locator("#title")).to_have_text("New name")
    chat.reload()
    expect(chat.rows).to_have_text(["New name"])


def test_deleting_asks_first_and_leads_to_the_new_chat(chat: Chat) -> None:
    chat.ask("Short life")
    chat.menu("Short life", "Delete")
    dialog = chat.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Short life")
    dialog.get_by_role("button", name="Keep it").click()
    expect(chat.rows).to_have_count(1)
    chat.menu("Short life", "Delete")
    dialog.get_by_role("button", name="Delete").click()
    expect(chat.rows).to_have_count(0)
    expect(chat.page.get_by_role("heading", name="What’s on your mind?")).to_be_visible()
    assert chat.page.url.endswith("/")


def test_two_tabs_show_the_same_answer_as_it_streams(
    chat: Chat, context: BrowserContext, site: BrowserSite
) -> None:
    chat.ask("Opening")
    other = Chat(context.new_page())
    complaints = watch(other.page)
    other.open(chat.page.url)
    events = text_answer("One two three four five.")
    site.upstream.queue([*events[:7], Gate("go"), *events[7:]])
    chat.send("Count")
    expect(other.bubbles).to_have_text(["Opening", "Count"])
    expect(other.prose).to_contain_text("One two")
    expect(other.stop_button).to_be_visible()
    site.upstream.open("go")
    for tab in (chat, other):
        tab.expect_ended()
        expect(tab.prose).to_have_text("One two three four five.")
    assert complaints == []


def test_a_chat_begun_in_one_tab_is_listed_in_the_other(
    chat: Chat, context: BrowserContext
) -> None:
    other = Chat(context.new_page())
    other.open("/")
    chat.ask("Seen elsewhere")
    expect(other.rows).to_have_text(["Seen elsewhere"])
    chat.menu("Seen elsewhere", "Delete")
    chat.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(other.rows).to_have_count(0)


def test_each_chat_keeps_its_draft_over_a_reload(chat: Chat) -> None:
    chat.ask("First chat")
    chat.box.fill("half a thought")
    chat.page.get_by_role("link", name="New chat").first.click()
    expect(chat.box).to_have_value("")
    chat.box.fill("another")
    chat.reload()
    expect(chat.box).to_have_value("another")
    chat.rows.first.get_by_role("link").click()
    expect(chat.box).to_have_value("half a thought")


def test_a_chat_of_nobody_says_so(chat: Chat) -> None:
    answer = chat.page.request.get("/c/00000000-0000-4000-8000-000000000000/")
    assert answer.status == 404
    assert "Nothing here" in answer.text()
