"""Somebody who reads and writes while the line, or the server, goes and comes back."""

from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.chat import Chat
from tests.upstream.answers import text_answer
from tests.upstream.script import Event

DRAFT = "Half a question, and then"
PARAGRAPHS = [f"Paragraph {number}." for number in range(120)]
"""Much more than fits on the screen; two deltas each."""
BEGUN = 100
"""Events of `long_answer` after which `PARAGRAPHS[40]` is shown."""

# What the answer shows may only grow; after each change of the page it is compared.
NOTE_LOSSES = """() => {
    window.losses = [];
    let before = "";
    const compare = () => {
        const prose = [...document.querySelectorAll(".answer:last-of-type .prose")].at(-1);
        const now = prose?.textContent ?? "";
        if (!now.startsWith(before)) window.losses.push([before, now]);
        before = now;
    };
    compare();
    const everything = { subtree: true, childList: true, characterData: true };
    new MutationObserver(compare).observe(document.getElementById("turns"), everything);
}"""

NOTE_CONNECTION = """() => {
    window.connectionStates = [];
    const note = ([{ target }]) => window.connectionStates.push(target.dataset.state);
    new MutationObserver(note).observe(document.getElementById("connection"), { attributes: true });
}"""

PLACE = """() => {
    const { activeElement: box } = document;
    const top = Math.round(document.getElementById("scroller").scrollTop);
    return { id: box.id, value: box.value, from: box.selectionStart, to: box.selectionEnd, top };
}"""


def long_answer() -> list[Event]:
    """The events of an answer of `PARAGRAPHS`."""
    return text_answer("\n\n".join(PARAGRAPHS))


def expect_whole(chat: Chat) -> None:
    """The last answer is `PARAGRAPHS`: nothing lacks, nothing is there twice."""
    expect(chat.prose.locator("p")).to_have_text(PARAGRAPHS)


class Reader:
    """Has scrolled up in an answer that is being written; the caret stands in mid-draft."""

    def __init__(self, chat: Chat) -> None:
        self.page: Page = chat.page
        expect(chat.prose).to_contain_text(PARAGRAPHS[40])
        self.page.evaluate(NOTE_LOSSES)
        chat.box.fill(DRAFT)
        chat.box.evaluate("box => box.setSelectionRange(5, 9)")
        self.page.evaluate("document.getElementById('scroller').scrollBy(0, -500)")
        expect(self.page.get_by_role("button", name="Jump to the latest")).to_be_visible()
        self.before = self.place()
        assert self.before["id"] == "message"

    def place(self) -> dict[str, Any]:
        """Where the focus, the caret and the page are."""
        place: dict[str, Any] = self.page.evaluate(PLACE)
        return place

    def expect_undisturbed(self) -> None:
        """Focus, draft, caret and page are where they were, and no text ever went away."""
        assert self.place() == self.before
        assert self.page.evaluate("window.losses") == []
