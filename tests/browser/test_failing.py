"""Upstream fails, and what a person sees of it: a count of seconds, or a card with a way on."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.conftest import BrowserSite
from tests.upstream.answers import text_answer
from tests.upstream.script import Gate, Reply, Reset, reply_error

COUNTING = re.compile(r"^The model is busy\. Trying again in \d+ s$")
LATER = re.compile(r"^The model is busy\. Trying again in 1\d s$")
SIZES = ((1280, 800), (390, 780))


def busy(seconds: str) -> Reply:
    return reply_error(429, "rate_limit_exceeded", headers={"retry-after": seconds})


def pictures(page: Page, name: str, folder: Path | None) -> None:
    """Light and dark, wide and narrow."""
    for width, height in SIZES if folder else ():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=f"{folder}/{name}-{width}-{scheme}.png", animations="disabled")


def test_a_wait_is_counted_down_also_after_a_reload(
    chat: Chat, site: BrowserSite, screenshots: Path | None
) -> None:
    site.upstream.when("Busy", busy("20"))
    chat.send("Busy?")
    words = chat.answer.locator(".waiting-words")
    expect(words).to_have_text(COUNTING)
    expect(chat.page.locator("#announcer")).to_have_text(COUNTING)
    pictures(chat.page, "retrying", screenshots)
    chat.reload()
    expect(words).to_have_text(LATER)
    chat.stop_button.click()
    chat.expect_ended("stopped")
    expect(words).to_be_hidden()


def test_the_wait_is_forgotten_when_the_answer_comes(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue(busy("1.5"), [Gate("answer"), *text_answer("Here I am.")])
    chat.send("Busy?")
    words = chat.answer.locator(".waiting-words")
    expect(words).to_have_text(re.compile("^The model is busy"))
    site.upstream.open("answer")
    expect(chat.prose).to_have_text("Here I am.")
    expect(words).to_be_hidden()
    expect(words).to_have_text("")


def test_a_wait_that_is_too_long_is_told_and_the_person_may_try_again(
    chat: Chat, site: BrowserSite, screenshots: Path | None
) -> None:
    site.upstream.queue(busy("300"), text_answer("Here I am."))
    chat.send("Busy?")
    chat.expect_ended("failed")
    expect(chat.answer.locator(".card-title")).to_have_text("The model is busy")
    expect(chat.answer.locator(".card")).to_contain_text("busy. Try again in 5 minutes.")
    pictures(chat.page, "rate-limited", screenshots)
    chat.answer.get_by_role("button", name="Try again").click()
    chat.expect_ended()
    expect(chat.prose).to_have_text("Here I am.")


def test_what_was_written_before_a_break_is_kept_with_a_way_on(
    chat: Chat, site: BrowserSite, screenshots: Path | None
) -> None:
    begun = text_answer("One, two, three and four, and then comes five.")[:9]
    site.upstream.queue([*begun, Reset()], text_answer("Five."))
    chat.send("Count")
    chat.expect_ended("interrupted")
    expect(chat.prose).to_contain_text("One, two, three")
    expect(chat.answer.locator(".card-title")).to_have_text("The answer was cut off")
    pictures(chat.page, "interrupted", screenshots)
    chat.answer.get_by_role("button", name="Continue").click()
    expect(chat.answers).to_have_count(2)
    chat.expect_ended()
