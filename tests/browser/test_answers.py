"""Asking and being answered: streaming, Markdown, stop, regenerate, edit, reload, failures."""

from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.conftest import BrowserSite
from tests.upstream.answers import (
    Answer,
    every_event_type,
    pieces,
    reasoning_answer,
    text_answer,
    web_search_answer,
)
from tests.upstream.script import Cut, Event, Gate, Play, Step, reply_error


def gated(text: str, after: int) -> list[Event | Step]:
    """An answer that waits at the gate "go" after so many events of it."""
    events = text_answer(text)
    return [*events[:after], Gate("go"), *events[after:]]


def test_the_first_turn_gets_an_address_a_title_and_an_answer(
    chat: Chat, site: BrowserSite
) -> None:
    site.upstream.queue(text_answer("Hello **you**."))
    chat.ask("Good morning")
    expect(chat.prose.locator("strong")).to_have_text("you")
    assert "/c/" in chat.page.url
    expect(chat.rows).to_have_count(1)
    expect(chat.rows.first).to_contain_text("Good morning")
    expect(chat.page).to_have_title("Good morning · Chatsite")
    expect(chat.box).to_be_focused()
    expect(chat.box).to_have_value("")


def test_markdown_is_drawn_while_it_streams_and_code_is_coloured(
    chat: Chat, site: BrowserSite
) -> None:
    text = "# Title\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n```python\nx = 'y'  # why\n```\n\nEnd."
    site.upstream.queue(gated(text, 4 + len(pieces("# Title\n\n| a"))))
    chat.send("Table, please")
    expect(chat.prose.locator("h1")).to_have_text("Title")
    expect(chat.stop_button).to_be_visible()
    site.upstream.open("go")
    chat.expect_ended()
    expect(chat.prose.locator(".table-scroll td").first).to_have_text("1")
    expect(chat.prose.locator(".hljs-string")).to_have_text("'y'")
    expect(chat.prose.locator("p").last).to_have_text("End.")


def test_a_reload_in_mid_answer_shows_what_was_there_and_goes_on(
    chat: Chat, site: BrowserSite
) -> None:
    site.upstream.queue(gated("One two three four five.", 7))
    chat.send("Count")
    expect(chat.prose).to_contain_text("One two")
    chat.reload()
    expect(chat.prose).to_contain_text("One two")
    expect(chat.answer).to_have_attribute("data-status", "running")
    site.upstream.open("go")
    chat.expect_ended()
    expect(chat.prose).to_have_text("One two three four five.")
    expect(chat.answers).to_have_count(1)


def test_stop_ends_the_answer_keeps_its_text_and_hangs_up(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue(gated("One two three four five.", 7))
    chat.send("Count")
    expect(chat.prose).to_contain_text("One")
    chat.stop_button.click()
    chat.expect_ended("stopped")
    assert site.upstream.request(1).wait_closed(1).ended == "client"
    expect(chat.prose).to_contain_text("One")
    expect(chat.answer.locator(".card-title")).to_have_text("Stopped")
    expect(chat.box).to_be_focused()


def test_regenerate_gives_another_answer_and_the_switcher_leads_back(
    chat: Chat, site: BrowserSite
) -> None:
    site.upstream.queue(text_answer("First."), text_answer("Second."))
    chat.ask("Say something")
    chat.action("Another answer").click()
    expect(chat.prose).to_have_text("Second.")
    chat.expect_ended()
    count = chat.answer.locator(".switcher-count")
    expect(count).to_have_text("2/2")
    chat.action("Previous answer").click()
    expect(chat.prose).to_have_text("First.")
    expect(count).to_have_text("1/2")
    expect(chat.answers).to_have_count(1)


def test_an_edited_turn_is_a_second_version_of_it(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue(*[text_answer(text) for text in ("Red.", "Blue.", "Green.")])
    chat.ask("A colour")
    chat.ask("Another")
    turn = chat.page.locator(".turn").first
    chat.action("Edit message", turn.locator(".ask")).click()
    field = chat.page.get_by_role("textbox", name="Edit message")
    expect(field).to_be_focused()
    field.fill("A better colour")
    field.press("Enter")
    expect(chat.prose).to_have_text("Green.")
    expect(chat.bubbles).to_have_text(["A better colour"])
    expect(turn.locator(".ask .switcher-count")).to_have_text("2/2")
    chat.action("Previous message", turn.locator(".ask")).click()
    expect(chat.bubbles).to_have_text(["A colour", "Another"])
    expect(chat.prose).to_have_text("Blue.")


def test_escape_leaves_an_edit_without_a_trace(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue(text_answer("Red."))
    chat.ask("A colour")
    chat.action("Edit message", chat.page.locator(".ask")).click()
    chat.page.get_by_role("textbox", name="Edit message").press("Escape")
    expect(chat.bubbles).to_have_text(["A colour"])
    expect(chat.page.get_by_role("button", name="Edit message")).to_be_focused()


def test_a_failure_is_a_calm_card_and_trying_again_helps(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue(reply_error(400, "bad_thing", "No such thing."), text_answer("Now."))
    chat.send("Try")
    chat.expect_ended("failed")
    card = chat.answer.locator(".card")
    expect(card.locator(".card-title")).to_have_text("The model did not accept this request")
    chat.action("Another answer").click()
    expect(chat.prose).to_have_text("Now.")


def test_a_cut_answer_keeps_its_text_and_offers_to_go_on(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue([*text_answer("One two three four.")[:7], Cut()], text_answer(" five."))
    chat.send("Count")
    chat.expect_ended("interrupted")
    expect(chat.prose).to_contain_text("One two")
    chat.answer.get_by_role("button", name="Continue").click()
    expect(chat.prose).to_have_text("five.")
    expect(chat.answers).to_have_count(2)


def test_reasoning_is_a_quiet_line_that_opens(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue(reasoning_answer("Four.", ("**Adding** two and two",)))
    chat.ask("2+2")
    thought = chat.answer.locator("details.reasoning")
    expect(thought.locator("summary")).to_contain_text("Thought")
    expect(thought.get_by_text("Adding")).to_be_hidden()
    thought.locator("summary").click()
    expect(thought.get_by_text("Adding")).to_be_visible()
    expect(chat.prose).to_have_text("Four.")


def test_a_web_search_is_a_step_with_its_words(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue(web_search_answer("weather in Rome", "It is sunny."))
    chat.ask("Weather?")
    expect(chat.answer.locator(".step")).to_contain_text("Searched the web")
    expect(chat.answer.locator(".step")).to_contain_text("weather in Rome")
    expect(chat.prose).to_have_text("It is sunny.")


def test_an_answer_with_every_event_type_is_shown_to_its_end(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue(every_event_type())
    chat.send("Everything")
    chat.expect_ended("incomplete")
    assert chat.answer.locator(".step").count() >= 5
    chat.reload()
    chat.expect_ended("incomplete")
    assert chat.answer.locator(".step").count() >= 5


def test_hostile_markdown_stays_text(chat: Chat, site: BrowserSite) -> None:
    text = (
        "<img src=x onerror=alert(1)> <script>alert(2)</script> "
        "[a](javascript:alert(3)) ![b](https://example.com/b.png)"
    )
    site.upstream.queue(Answer().message(text).finish())
    chat.ask("Attack <b>me</b>")
    expect(chat.prose.locator("img, script, [onerror]")).to_have_count(0)
    expect(chat.prose.locator("a[href^='javascript']")).to_have_count(0)
    expect(chat.bubbles.last).to_have_text("Attack <b>me</b>")


def test_a_reader_who_scrolled_up_stays_where_they_are(chat: Chat, site: BrowserSite) -> None:
    text = "\n\n".join(f"Paragraph {number}." for number in range(80))
    events = text_answer(text)
    site.upstream.queue([*events[:90], Gate("go"), Play(events[90:], rate=400)])
    chat.send("Long")
    expect(chat.prose).to_contain_text("Paragraph 40.")
    to_end = chat.page.get_by_role("button", name="Jump to the latest")
    expect(to_end).to_be_hidden()
    chat.page.locator("#scroller").hover()
    chat.page.mouse.wheel(0, -600)
    expect(to_end).to_be_visible()
    top = scroll_top(chat.page)
    site.upstream.open("go")
    chat.expect_ended()
    assert abs(scroll_top(chat.page) - top) < 2
    to_end.click()
    expect(to_end).to_be_hidden()
    expect(chat.prose.get_by_text("Paragraph 79.")).to_be_in_viewport()


def scroll_top(page: Page) -> float:
    top = page.evaluate("document.getElementById('scroller').scrollTop")
    assert isinstance(top, int | float)
    return top
