"""The page itself: sign-in, keyboard only, limits, looks, no script, no complaint of the CSP."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.chat import Chat, watch
from tests.conftest import BrowserSite
from tests.upstream.answers import text_answer


def test_signing_in_leads_to_the_chat(browser: Browser, site: BrowserSite) -> None:
    page = browser.new_page(base_url=site.url)
    complaints = watch(page)
    page.goto("/")
    page.wait_for_url("**/accounts/login/**")
    page.get_by_label("Email").fill(site.user_email)
    page.get_by_label("Password").fill(site.user_password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="What’s on your mind?")).to_be_visible()
    expect(page.get_by_text(site.user_email)).to_be_visible()
    assert complaints == []
    page.close()


def test_everything_is_done_by_keyboard_alone(chat: Chat, site: BrowserSite) -> None:
    page = chat.page
    site.upstream.queue(text_answer("First."), text_answer("Second."))
    expect(chat.box).to_be_focused()
    page.keyboard.type("One line")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two lines")
    page.keyboard.press("Enter")
    chat.expect_ended()
    expect(chat.bubbles).to_have_text(["One line\ntwo lines"])
    tab_to(page, "Another answer", back=True)
    page.keyboard.press("Enter")
    expect(chat.prose).to_have_text("Second.")
    chat.expect_ended()
    tab_to(page, "Rename or delete “One line two lines”", back=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Rename")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(chat.rows).to_have_count(1)


def tab_to(page: Page, label: str, back: bool = False) -> None:
    """Presses Tab until the control with this label has the focus, and a visible ring."""
    for _ in range(40):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        name = page.evaluate("document.activeElement.getAttribute('aria-label')")
        if name == label:
            style = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert style != "none", f"no visible focus on {label}"
            return
    raise AssertionError(f"Tab never came to {label}")


def test_the_skip_link_leads_to_the_box(chat: Chat) -> None:
    link = chat.page.locator("a, button, input, textarea").first
    expect(link).to_have_text("Skip to the message box")
    link.focus()
    expect(link).to_be_in_viewport()
    link.press("Enter")
    expect(chat.box).to_be_focused()


def test_a_text_over_the_limit_is_refused_in_words_and_kept(chat: Chat, site: BrowserSite) -> None:
    chat.box.fill("x" * 100_001)
    chat.box.press("Enter")
    expect(chat.page.locator("[data-role=note]")).to_contain_text("100,000")
    expect(chat.box).to_have_value("x" * 100_001)
    assert site.upstream.requests() == []


def test_the_box_grows_with_its_text_but_never_over_the_page(chat: Chat) -> None:
    low = chat.box.bounding_box()
    chat.box.fill("line\n" * 4)
    higher = chat.box.bounding_box()
    chat.box.fill("line\n" * 200)
    highest = chat.box.bounding_box()
    assert low
    assert higher
    assert highest
    assert low["height"] < higher["height"] < highest["height"] <= 0.4 * 800


def test_the_chosen_theme_holds_over_a_reload(chat: Chat) -> None:
    page = chat.page
    page.locator(".account-button").click()
    page.get_by_role("radio", name="Dark").check()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    chat.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_history_reads_without_scripts(chat: Chat, browser: Browser, site: BrowserSite) -> None:
    site.upstream.queue(text_answer("Plain **words**."))
    chat.ask("Readable?")
    context = browser.new_context(base_url=site.url, java_script_enabled=False)
    context.add_cookies(chat.page.context.cookies())  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(chat.page.url)
    expect(page.get_by_text("Readable?", exact=True).last).to_be_visible()
    expect(page.locator(".prose strong")).to_have_text("words")
    expect(page.locator("#message")).to_be_disabled()
    expect(page.get_by_text("writing needs it")).to_be_visible()
    context.close()


def test_copying_an_answer_copies_its_markdown(chat: Chat, site: BrowserSite) -> None:
    site.upstream.queue(text_answer("Some **bold** words."))
    chat.ask("Copy me")
    chat.action("Copy answer").click()
    expect(chat.page.locator("#announcer")).to_have_text("Copied")
    assert chat.page.evaluate("navigator.clipboard.readText()") == "Some **bold** words."


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_at_any_width(
    chat: Chat, width: int, scheme: str, screenshots: Path | None
) -> None:
    page = chat.page
    page.set_viewport_size({"width": width, "height": 844 if width < 500 else 800})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    long = "A question with a long first line, which is the title too: sample=markdown"
    questions = {"empty": "", "answer": long, "reasoned": "sample=reasoning"}
    for name, text in questions.items():
        if text:
            chat.ask(text)
        # The page hides what sticks out, so the boxes are asked, not its scroll width.
        edges = page.evaluate(
            """() => [...document.querySelectorAll("main, header, form, .prose > *")]
                .map((box) => [box.getBoundingClientRect().right, box.className])"""
        )
        assert max(edges)[0] <= width, f"{name}: {max(edges)}"
        if screenshots:
            path = screenshots / f"{name}-{width}-{scheme}.png"
            page.screenshot(path=path, animations="disabled")
