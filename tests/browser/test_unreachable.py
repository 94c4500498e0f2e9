"""What a person sees of a model that can't be reached."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from conversations.models import Circuit, Generation
from tests.browser.chat import Chat
from tests.conftest import BrowserSite
from tests.site import SiteProcess
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream

MODEL = "other-model"


@pytest.fixture
def unreachable(shared_site: SiteProcess) -> Iterator[None]:
    """Nobody asks the other model for a while."""
    until = timezone.now() + timedelta(seconds=100)
    values = {"endpoint": "responses", "model": MODEL, "era": 1, "trips": 1, "open_until": until}
    shared_site.in_database(lambda alias: Circuit.objects.using(alias).create(**values))
    yield
    recover(shared_site)


def recover(site: SiteProcess) -> None:
    site.in_database(lambda alias: Circuit.objects.using(alias).all().delete())


def shoot(chat: Chat, screenshots: Path | None, name: str) -> None:
    """The page in light and dark, wide and narrow."""
    for scheme in ("light", "dark") if screenshots else ():
        for width in (1280, 390):
            chat.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            chat.page.set_viewport_size({"width": width, "height": 800})
            assert screenshots
            path = screenshots / f"{name}-{scheme}-{width}.png"
            chat.page.screenshot(path=path, animations="disabled")


@pytest.mark.usefixtures("unreachable")
def test_a_turn_that_is_refused_keeps_its_text_and_is_sent_again_by_a_key(
    chat: Chat, shared_site: SiteProcess, upstream: Upstream, screenshots: Path | None
) -> None:
    upstream.queue(text_answer("Here I am."))
    chat.page.locator("#model").select_option(MODEL)
    chat.send("A long question that took an hour to write")
    card = chat.page.locator("[data-pending] .card")
    expect(card).to_contain_text("The model can't be reached")
    expect(card).to_contain_text("other-model is not answering right now.")
    expect(card).to_contain_text(re.compile(r"You can try again at \d+:\d+:\d+"))
    expect(chat.bubbles.last).to_have_text("A long question that took an hour to write")
    shoot(chat, screenshots, "refused")
    chat.reload()
    card.get_by_role("button", name="Put back into the box").press("Enter")
    expect(chat.box).to_have_value("A long question that took an hour to write")
    recover(shared_site)
    chat.box.press("Enter")
    chat.expect_ended()
    expect(chat.prose).to_have_text("Here I am.")


def test_an_answer_says_whose_place_its_model_took(
    chat: Chat,
    site: BrowserSite,
    shared_site: SiteProcess,
    upstream: Upstream,
    screenshots: Path | None,
) -> None:
    upstream.queue(text_answer("I stepped in."))
    chat.ask("Who speaks?")
    expect(chat.answer.locator(".stand-in")).to_be_hidden()
    id = chat.answer.get_attribute("data-generation")
    assert id

    def step_in(alias: str) -> None:
        Generation.objects.using(alias).filter(pk=id).update(instead_of=MODEL)

    shared_site.in_database(step_in)
    chat.reload()
    note = chat.answer.locator(".stand-in")
    expect(note).to_have_text("test-model answered, other-model was not reachable")
    shoot(chat, screenshots, "stand-in")
