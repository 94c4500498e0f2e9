"""What a person sees who waits for a place, or who asks too often."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pytest_django.plugin import DjangoDbBlocker

from tests.browser.chat import Chat
from tests.conftest import BrowserSite
from tests.site import SiteProcess, environment_for, running_site
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate

ANSWER = text_answer("Here it is.")
A_MINUTE = 4


@pytest.fixture(scope="module")
def narrow(
    upstream_server: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
    empty_database: Path,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[SiteProcess]:
    """A site with one place for each person, and four questions a minute."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("narrow") / "site.sqlite3")
    limits = {"USER_MAX_STREAMS": "1", "USER_TURNS_PER_MINUTE": str(A_MINUTE)}
    environment = environment_for(upstream_server, **limits)
    with django_db_blocker.unblock(), running_site(f"sqlite:///{path}", environment) as process:
        yield process


@pytest.fixture
def site(narrow: SiteProcess, upstream: Upstream) -> Iterator[BrowserSite]:
    """The narrow site with somebody new on it; leaves nothing running."""
    writer = narrow.person()
    yield BrowserSite(narrow.url, writer.email, writer.password, writer.cookie, upstream)
    narrow.stop_all(writer)
    upstream.wait_idle()


def shoot(page: Page, screenshots: Path | None, name: str) -> None:
    """Pictures in both colours and widths, when they are asked for."""
    if screenshots is None:
        return
    for width in (1280, 390):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(400)
            page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png")
    page.set_viewport_size({"width": 1280, "height": 800})


def test_an_answer_that_waits_says_why_and_can_be_stopped(
    chat: Chat, site: BrowserSite, screenshots: Path | None
) -> None:
    site.upstream.always([*ANSWER[:5], Gate("go"), *ANSWER[5:]])
    words = chat.answer.get_by_role("status")
    chat.send("The first question")
    expect(chat.answer).to_have_attribute("data-status", "running")
    for position in ("comes next", "is 2nd in line"):
        chat.page.get_by_role("link", name="New chat").click()
        chat.send("A question that waits")
        expect(words).to_have_text(f"You have 1 answer running; this one {position}")
    expect(chat.answer).to_have_attribute("aria-busy", "false")
    shoot(chat.page, screenshots, "waiting")
    chat.reload()
    expect(words).to_have_text("You have 1 answer running; this one is 2nd in line")
    chat.stop_button.click()
    chat.expect_ended("stopped")
    expect(words).to_be_hidden()
    chat.rows.nth(1).get_by_role("link").click()
    expect(words).to_have_text("You have 1 answer running; this one comes next")
    site.upstream.open("go")
    chat.expect_ended()
    expect(chat.prose).to_have_text("Here it is.")
    expect(words).to_be_hidden()
    assert len(site.upstream.requests()) == 2


def test_too_many_questions_a_minute_are_kept_with_the_time_to_try_again(
    chat: Chat, site: BrowserSite, screenshots: Path | None
) -> None:
    site.upstream.always(ANSWER)
    for number in range(A_MINUTE):
        chat.ask(f"Question {number}")
    chat.send("One more")
    card = chat.page.locator(".card")
    expect(card).to_contain_text("A little too fast")
    expect(card).to_contain_text("You can ask 4 times a minute.")
    expect(card).to_contain_text(re.compile(r"You can try again at \d\d:\d\d:\d\d\."))
    expect(chat.bubbles.last).to_have_text("One more")
    expect(card.get_by_role("button")).to_have_text(["Put back into the box"])
    shoot(chat.page, screenshots, "too-fast")
    chat.page.clock.set_fixed_time(datetime.now(UTC) + timedelta(minutes=1))
    chat.reload()
    expect(card).to_contain_text("You can try again now.")
    expect(card.get_by_role("button")).to_have_text(["Try again", "Put back into the box"])
    card.get_by_role("button", name="Put back into the box").click()
    expect(chat.box).to_have_value("One more")
