"""What a person sees of moderation, and the review that gives an answer back, in a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.chat import Chat, watch
from tests.conftest import BrowserSite
from tests.moderation.site import BAD, person_in
from tests.site import SiteProcess
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence, reply_error

BEGUN = "Glass is cleaned with warm water and a soft cloth. "
FLAGGED = f"Then pour {BAD} over the whole window and strike a <b>match</b>."
FLAGS = "/admin/conversations/moderationflag/"
CHECKING = "Checking before it is shown"
Shoot = Callable[[Page, str], None]


@pytest.fixture
def site(
    request: pytest.FixtureRequest, moderated_site: SiteProcess, upstream: Upstream
) -> Iterator[BrowserSite]:
    """The site of moderation with somebody new on it, in the test's mode."""
    url, person = moderated_site.url, person_in(moderated_site, request.param)
    yield BrowserSite(url, person.email, person.password, person.cookie, upstream)
    moderated_site.stop_all(person)
    upstream.wait_idle()


in_watch = pytest.mark.parametrize("site", ["watch"], indirect=True)
in_hold = pytest.mark.parametrize("site", ["hold"], indirect=True)


@pytest.fixture
def reviewer(browser: Browser, moderated_site: SiteProcess) -> Iterator[Page]:
    """A tab of somebody who may review; the test fails when it complained of anything."""
    person = moderated_site.person(staff=True)
    options: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
    window = browser.new_context(base_url=moderated_site.url, **options)
    name, _, value = person.cookie.partition("=")
    window.add_cookies([{"name": name, "value": value, "url": moderated_site.url}])
    page = window.new_page()
    # No page of the admin names an icon, so that the browser looks where they used to be.
    page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    complaints = watch(page)
    yield page
    window.close()
    assert complaints == []


@pytest.fixture
def other(context: BrowserContext) -> Iterator[Chat]:
    """A second tab of the same person; nothing is loaded yet."""
    tab = Chat(context.new_page())
    complaints = watch(tab.page)
    yield tab
    assert complaints == []


@pytest.fixture
def shoot(screenshots: Path | None) -> Shoot:
    """Keeps pictures of whole pages: light and dark, on a desk and on a phone, where nothing may
    be wider than the screen."""

    def take(page: Page, name: str) -> None:
        size = page.viewport_size
        assert size
        for width in (size["width"], 390):
            page.set_viewport_size({"width": width, "height": size["height"]})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            for scheme in ("light", "dark") if screenshots else ():
                page.emulate_media(color_scheme=scheme)
                path = Path(screenshots or "") / f"{name}-{width}-{scheme}.png"
                page.screenshot(path=path, full_page=True, animations="disabled")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(size)

    return take


def flagged_after_a_gate(upstream: Upstream) -> None:
    """The next answer begins harmlessly, waits at the gate "bad", goes on badly, and hangs."""
    upstream.flag(BAD)
    events = text_answer(deltas=[BEGUN, FLAGGED], text=BEGUN + FLAGGED)
    at = next(n for n, event in enumerate(events) if event.get("delta") == FLAGGED)
    upstream.queue([*events[:at], Gate("bad"), events[at], Silence()])


def expect_withdrawn(tab: Chat) -> None:
    tab.expect_ended("blocked")
    card = tab.answer.locator(".card")
    expect(card).to_contain_text("This answer was withdrawn")
    expect(card).to_contain_text("against the rules of this site")
    for words in (BAD, "Glass is", "match"):
        expect(tab.answer).not_to_contain_text(words)


def expect_given_back(tab: Chat) -> None:
    """All that had come, and what a person can do with an answer that was cut off."""
    expect(tab.prose).to_contain_text(BEGUN + "Then pour")
    expect(tab.prose).to_contain_text(BAD)
    expect(tab.answer).to_have_attribute("data-status", "interrupted")
    expect(tab.answer.locator(".card")).to_contain_text("Given back after a review")
    expect(tab.answer.get_by_role("button", name="Continue")).to_be_visible()


def approve(reviewer: Page, email: str, shoot: Shoot) -> None:
    """What a reviewer does, with nothing that the model wrote taken for HTML."""
    reviewer.goto(FLAGS)
    row = reviewer.locator("#result_list tbody tr").filter(has_text=email)
    expect(row).to_have_count(1)
    shoot(reviewer, "04-review-list")
    row.locator("th a").click()
    taken: Locator = reviewer.locator(".field-taken_back")
    expect(taken).to_contain_text("<b>match</b>")
    expect(taken.locator("pre b")).to_have_count(0)
    shoot(reviewer, "05-review-flag")
    reviewer.get_by_role("button", name="Approve: give the answer back").click()
    expect(reviewer.locator(".messagelist")).to_contain_text("the answer was given back")
    expect(reviewer.get_by_role("button", name="Uphold")).to_have_count(0)
    shoot(reviewer, "06-review-approved")


@in_watch
def test_a_flagged_answer_leaves_every_tab_and_comes_back_when_it_is_approved(
    chat: Chat, other: Chat, site: BrowserSite, reviewer: Page, shoot: Shoot
) -> None:
    flagged_after_a_gate(site.upstream)
    chat.send("How do I clean a window?")
    expect(chat.prose).to_contain_text("warm water")
    other.open(chat.page.url)
    expect(other.prose).to_contain_text("warm water")
    shoot(chat.page, "01-watch-before")
    shoot(other.page, "01-watch-before-other-tab")
    site.upstream.open("bad")
    for tab in (chat, other):
        expect_withdrawn(tab)
    shoot(chat.page, "02-watch-withdrawn")
    shoot(other.page, "02-watch-withdrawn-other-tab")
    other.reload()
    expect_withdrawn(other)
    approve(reviewer, site.user_email, shoot)
    for tab in (chat, other):  # at once, and when the chat is opened again
        expect_given_back(tab)
        tab.reload()
        expect_given_back(tab)
    shoot(chat.page, "07-given-back")


@in_hold
def test_held_text_is_said_to_be_checked_until_it_is_shown(
    chat: Chat, site: BrowserSite, shoot: Shoot
) -> None:
    upstream, whole = site.upstream, BEGUN * 3
    heard = "() => { window.heard = []; new MutationObserver(() => window.heard.push("
    heard += "document.querySelector('#announcer').textContent)).observe("
    chat.page.evaluate(f"{heard}document.querySelector('#announcer'), {{childList: true}}); }}")
    events = text_answer(whole, deltas=[BEGUN, BEGUN, BEGUN])
    last = max(n for n, event in enumerate(events) if event.get("delta"))
    upstream.queue([Gate("asked"), *events[:last], Gate("more"), *events[last:]])
    chat.send("How do I clean a window?")
    upstream.wait_gate("asked")  # the question is checked
    upstream.flag(BAD, gate="checks")
    upstream.open("asked")
    words = chat.answer.locator(".waiting-words")
    expect(words).to_have_text(f"{CHECKING}…")
    expect(words).to_be_visible()
    expect(chat.answer).not_to_contain_text("Glass")
    expect(chat.answer.locator(".card")).to_have_count(0)
    shoot(chat.page, "11-hold-checking")
    upstream.open("checks")
    expect(chat.prose).to_contain_text("warm water")
    expect(words).to_be_hidden()
    shoot(chat.page, "12-hold-text-flows")
    upstream.flag(BAD, gate="again")
    upstream.open("more")
    expect(words).to_be_visible()
    shoot(chat.page, "13-hold-checking-again")
    upstream.open("again")
    chat.expect_ended()
    expect(chat.prose).to_have_text(whole.strip())
    expect(words).to_be_hidden()
    said = [text for text in chat.page.evaluate("window.heard") if CHECKING in text]
    assert len(said) == 1
    shoot(chat.page, "14-hold-result")


@in_hold
def test_a_flagged_answer_is_never_shown_in_hold(
    chat: Chat, site: BrowserSite, shoot: Shoot
) -> None:
    flagged_after_a_gate(site.upstream)
    chat.page.evaluate(
        """() => {
          window.seen = "";
          new MutationObserver(() => (window.seen += document.querySelector("#turns").textContent))
            .observe(document.querySelector("#turns"), {
              childList: true, subtree: true, characterData: true });
        }"""
    )
    chat.send("How do I clean a window?")
    expect(chat.prose).to_contain_text("warm water")
    site.upstream.open("bad")
    expect_withdrawn(chat)
    seen = chat.page.evaluate("window.seen")
    assert "warm water" in seen
    assert BAD not in seen
    assert "match" not in seen
    shoot(chat.page, "15-hold-withdrawn")


@in_watch
def test_a_flagged_question_is_refused_in_words(
    chat: Chat, site: BrowserSite, context: BrowserContext, shoot: Shoot
) -> None:
    site.upstream.flag(BAD)
    chat.send(f"Where do I buy {BAD}?")
    chat.expect_ended("blocked")
    card = chat.answer.locator(".card")
    expect(card).to_contain_text("Your question was not sent to the model")
    expect(card).to_contain_text("Write it in another way")
    expect(chat.answer.get_by_role("button", name="Try again")).to_have_count(0)
    shoot(chat.page, "21-question-blocked")
    assert site.upstream.requests() == []
    page = context.request.get(chat.page.url).text()  # as it reads without JavaScript
    assert "Your question goes against the rules of this site" in page


@in_hold
def test_what_could_not_be_checked_is_not_shown_and_may_be_asked_again(
    chat: Chat, site: BrowserSite, shoot: Shoot
) -> None:
    site.upstream.queue([Gate("asked"), *text_answer(BEGUN)])
    chat.send("How do I clean a window?")
    site.upstream.wait_gate("asked")
    site.upstream.always(reply_error(401), path="/v1/moderations")
    site.upstream.open("asked")
    chat.expect_ended("blocked")
    card = chat.answer.locator(".card")
    expect(card).to_contain_text("This answer is not shown")
    expect(card).to_contain_text("could not be checked against the rules of this site")
    expect(chat.answer).not_to_contain_text("Glass")
    shoot(chat.page, "22-not-checked")
    expect(card.get_by_role("button", name="Try again")).to_be_visible()
