"""The meter of what is left, its details, and the warning."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.purse import Purse, budget, meter


def test_the_meter_shows_the_tightest_budget_and_moves(paid: Purse, chat: Chat) -> None:
    expect(meter(chat)).to_have_text("25 % of today’s limit used", use_inner_text=False)
    paid.update(budget(spent="0.40"), budget("month", spent="18", limit="20"))
    expect(meter(chat)).to_contain_text("90 %")
    expect(meter(chat)).to_have_attribute("data-tone", "near")
    paid.update()
    expect(meter(chat)).to_be_hidden()


def test_the_meter_s_details_open_by_mouse_and_by_keyboard(paid: Purse, chat: Chat) -> None:
    paid.update(budget(spent="0.40", reserved="0.05"), budget("month", "4", "20", team="Research"))
    details = chat.page.locator("#budget-details")
    meter(chat).click()
    expect(details.locator("li")).to_have_count(2)
    expect(details).to_contain_text("$0.40 of $1.00")
    expect(details).to_contain_text("$0.05 held for answers being written")
    expect(details).to_contain_text("Team Research, this month")
    chat.page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    chat.box.focus()
    for _ in range(2):  # over the model
        chat.page.keyboard.press("Tab")
    expect(meter(chat)).to_be_focused()
    expect(details).to_be_visible()
    chat.page.keyboard.press("Tab")
    expect(details.get_by_role("link", name="Your usage")).to_be_focused()
    chat.page.keyboard.press("Tab")
    expect(details).to_be_hidden()


def test_a_warning_is_shown_until_dismissed_and_leads_to_the_cheapest_model(
    paid: Purse, chat: Chat
) -> None:
    paid.update(budget(spent="0.85"))
    warning = {"period": "day", "limit": "1.00", "spent": "0.85", "share": "0.85"}
    paid.say({"type": "budget.warning", **warning})
    banner = chat.page.get_by_role("complementary", name="Spending limit")
    expect(banner).to_contain_text("85 % of today’s limit is used")
    expect(banner).to_contain_text("It starts anew on")
    offer = chat.page.get_by_role("button", name="Use Luna, the cheapest")
    banner.get_by_role("button", name="Dismiss this warning").click()
    expect(banner).to_be_hidden()
    expect(chat.box).to_be_focused()
    offer.click()
    expect(offer).to_be_hidden()
    expect(chat.page.get_by_label("Model", exact=True)).to_have_value("other-model")
    paid.update(budget(spent="0.90"))
    expect(meter(chat)).to_contain_text("90 %")
    expect(banner).to_be_hidden()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_overflows(paid: Purse, chat: Chat, width: int, screenshots: Path | None) -> None:
    chat.page.set_viewport_size({"width": width, "height": 800})
    paid.update(budget(spent="0.93"), budget("month", "4", "20", team="Research"))
    warning = {"period": "day", "limit": "1.00", "spent": "0.93", "share": "0.93"}
    paid.say({"type": "budget.warning", **warning})
    meter(chat).click()
    expect(chat.page.locator("#budget-details")).to_be_visible()
    wide = "[...document.querySelectorAll('body *')].filter((node) => "
    wide += "node.getBoundingClientRect().right > innerWidth + 1 && node.checkVisibility()).length"
    assert chat.page.evaluate(wide) == 0
    if screenshots:
        chat.page.screenshot(path=screenshots / f"limits-{width}.png")
