"""A question or an answer for which no money is left: what is said, and what can be done."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser.chat import Chat
from tests.browser.purse import Purse, budget, refusal
from tests.conftest import BrowserSite
from tests.upstream.answers import text_answer


def test_a_refused_question_is_kept_and_says_when_it_can_be_asked(paid: Purse, chat: Chat) -> None:
    spent = budget(spent="0.999")
    paid.update(spent)
    paid.refuses = refusal(spent["resets_at"])
    chat.send("What is a monad?")
    card = chat.page.locator(".card")
    expect(card).to_contain_text("Today’s limit is reached")
    expect(card).to_contain_text("You can spend $1.00 a day. The limit starts anew on")
    expect(card.get_by_role("link", name="Your usage")).to_have_attribute("href", "/usage/")
    expect(card.get_by_role("button", name="Try again")).to_be_hidden()
    expect(chat.bubbles).to_have_text(["What is a monad?"])
    chat.reload()
    expect(chat.bubbles).to_have_text(["What is a monad?"])
    card.get_by_role("button", name="Put back into the box").click()
    expect(chat.box).to_have_value("What is a monad?")


def test_a_refused_question_can_be_asked_of_the_cheapest_model(
    paid: Purse, chat: Chat, site: BrowserSite
) -> None:
    site.upstream.queue(text_answer("Cheap."))
    paid.refuses = refusal(budget()["resets_at"])
    chat.send("Hello")
    offer = chat.page.locator(".card").get_by_role("button", name="Use Luna, the cheapest")
    expect(offer).to_be_visible()
    paid.refuses = None
    offer.click()
    chat.expect_ended()
    first, second = paid.turns()
    assert (first["id"], first["model"]) == (second["id"], "test-model")
    assert second["model"] == "other-model"


def test_trying_again_is_offered_once_the_period_is_over(
    paid: Purse, chat: Chat, site: BrowserSite
) -> None:
    site.upstream.queue(text_answer("Here I am."))
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    spent = budget(spent="1.00", resets_at=soon)
    paid.update(spent)
    paid.refuses = refusal(soon)
    chat.send("Hello")
    expect(chat.page.locator(".card")).to_contain_text("Today’s limit is reached")
    paid.refuses = None
    chat.page.locator(".card").get_by_role("button", name="Try again").click()
    chat.expect_ended()


def test_a_total_limit_says_that_it_does_not_start_anew(paid: Purse, chat: Chat) -> None:
    paid.update(budget("total", spent="1.00", resets_at=None))
    paid.refuses = refusal(None, "total")
    chat.send("Hello")
    card = chat.page.locator(".card")
    expect(card).to_contain_text("You can spend $1.00 in total. It does not start anew by itself")
    expect(card.get_by_role("button", name="Try again")).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        ("incomplete", "budget_exhausted", "The answer stopped at your spending limit"),
        ("failed", "budget_exceeded", "Your spending limit is reached"),
    ],
)
def test_an_answer_that_a_limit_ended_says_so(
    paid: Purse, chat: Chat, site: BrowserSite, status: str, code: str, words: str
) -> None:
    site.upstream.queue(text_answer("Half of it"))
    error = {"code": code, "message": "No money was left.", "retryable": False}
    paid.ending = {"status": status, "error": error}
    chat.send("Hello")
    chat.expect_ended(status)
    expect(chat.answer.locator(".card")).to_contain_text(words)
    expect(chat.answer.get_by_role("link", name="Your usage")).to_be_visible()
