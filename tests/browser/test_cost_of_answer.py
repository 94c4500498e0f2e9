"""The cost of an answer, by mouse, keyboard and touch."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.chat import Chat
from tests.browser.purse import Purse
from tests.conftest import BrowserSite
from tests.upstream.answers import text_answer

USAGE = {
    "input_tokens": 1234,
    "output_tokens": 56,
    "input_tokens_details": {"cached_tokens": 1000, "cache_write_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}


def by_mouse(button: Locator) -> None:
    button.hover()


def by_keyboard(button: Locator) -> None:
    button.page.keyboard.press("Tab")  # so that the focus counts as the keyboard's
    button.focus()


def by_touch(button: Locator) -> None:
    button.dispatch_event("click", {"pointerType": "touch"})


@pytest.mark.parametrize("reach", [by_mouse, by_keyboard, by_touch])
def test_the_cost_of_an_answer_is_told(
    paid: Purse, chat: Chat, site: BrowserSite, reach: Callable[[Locator], None]
) -> None:
    site.upstream.queue(text_answer("An answer"))
    paid.ending = {"cost": "0.0042", "usage": USAGE, "estimated": True}
    chat.send("Hello")
    chat.expect_ended()
    meta = chat.answer.get_by_role("button", name="Sol · ≈ $0.0042")
    tip = chat.answer.get_by_role("tooltip", include_hidden=True)
    expect(tip).to_be_hidden()
    reach(meta)
    expect(tip).to_be_visible()
    for words in ("≈ $0.0042", "1,234", "of these cached", "1,000", "no usage"):
        expect(tip).to_contain_text(words)
    expect(meta).to_have_accessible_description(
        "Cost ≈ $0.0042 Input tokens ≈ 1,234 of these cached 1,000 Output tokens ≈ 56 "
        "Estimated the model reported no usage"
    )
    chat.page.keyboard.press("Escape")
    if reach is by_keyboard:
        expect(tip).to_be_hidden()
