"""Walking between versions: the reader's place on the screen and the keyboard's focus are kept."""

from playwright.sync_api import Locator, expect

from tests.browser.chat import Chat
from tests.conftest import BrowserSite
from tests.upstream.answers import text_answer


def long(word: str, count: int) -> str:
    return "\n\n".join(f"{word} {number}." for number in range(count))


def top(thing: Locator) -> float:
    """Where it is on the screen, once the page has come to rest."""
    thing.page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    value = thing.evaluate("node => node.getBoundingClientRect().top")
    assert isinstance(value, int | float)
    return value


def edit_first(chat: Chat, text: str) -> Locator:
    """Asks the first question anew; its place in the page."""
    ask = chat.page.locator(".turn").first.locator(".ask")
    chat.action("Edit message", ask).click()
    field = chat.page.get_by_role("textbox", name="Edit message")
    field.fill(text)
    field.press("Enter")
    return ask


def test_walking_between_questions_keeps_the_switcher_in_its_place(
    chat: Chat, site: BrowserSite
) -> None:
    answers = (long("Red", 40), long("Blue", 40), "Green.")
    site.upstream.queue(*[text_answer(text) for text in answers])
    chat.ask("A colour")
    chat.ask("Another")
    ask = edit_first(chat, "A better colour")
    expect(chat.box).to_be_focused()
    expect(chat.prose).to_have_text("Green.")
    chat.expect_ended()
    count = ask.locator(".switcher-count")
    place = top(count)
    for name, words, other in (
        ("Previous message", "1/2", "Next message"),
        ("Next message", "2/2", "Previous message"),
        ("Previous message", "1/2", "Next message"),
    ):
        chat.action(name, ask).press("Enter")
        expect(count).to_have_text(words)
        expect(ask.get_by_role("button", name=other)).to_be_focused()
        assert abs(top(count) - place) < 2


def test_walking_between_questions_in_the_middle_of_a_long_page(
    chat: Chat, site: BrowserSite
) -> None:
    answers = (long("Red", 40), long("Blue", 40), "Green.")
    site.upstream.queue(*[text_answer(text) for text in answers])
    chat.ask("A colour")
    chat.ask("Another")
    ask = chat.page.locator(".turn").last.locator(".ask")
    chat.action("Edit message", ask).click()
    field = chat.page.get_by_role("textbox", name="Edit message")
    field.fill("A third")
    field.press("Enter")
    expect(chat.prose).to_have_text("Green.")
    chat.expect_ended()
    count = ask.locator(".switcher-count")
    place = top(count)
    for name, words in (("Previous message", "1/2"), ("Next message", "2/2")) * 2:
        chat.action(name, ask).click()
        expect(count).to_have_text(words)
        assert abs(top(count) - place) < 2


def test_walking_between_answers_keeps_the_switcher_in_its_place(
    chat: Chat, site: BrowserSite
) -> None:
    answers = (long("Red", 40), long("Blue", 60), "Fine.")
    site.upstream.queue(*[text_answer(text) for text in answers])
    chat.ask("A colour")
    chat.action("Another answer").press("Enter")
    expect(chat.box).to_be_focused()
    expect(chat.prose).to_contain_text("Blue 59.")
    chat.expect_ended()
    chat.ask("Thanks")
    answer = chat.page.locator(".answer").first
    back = chat.action("Previous answer", answer.locator(".answer-actions"))
    count = answer.locator(".switcher-count")
    place = top(count)
    back.press("Enter")
    expect(count).to_have_text("1/2")
    expect(answer.get_by_role("button", name="Next answer")).to_be_focused()
    assert abs(top(count) - place) < 2
    answer.get_by_role("button", name="Next answer").press("Enter")
    expect(count).to_have_text("2/2")
    assert abs(top(count) - place) < 2
