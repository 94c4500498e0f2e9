"""What a person does and sees in a chat tab."""

from playwright.sync_api import ConsoleMessage, Error, Locator, Page, Response, expect


def watch(page: Page) -> list[str]:
    """A list that fills with what the page complains of: errors, CSP violations, failed loads."""
    complaints: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.type}: {message.text}")

    def failed(error: Error) -> None:
        complaints.append(f"exception: {error}")

    def answered(response: Response) -> None:
        if response.status >= 400:
            complaints.append(f"{response.status}: {response.url}")

    page.on("console", console)
    page.on("pageerror", failed)
    page.on("response", answered)
    return complaints


class Chat:
    """One tab of the chat."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.box = page.get_by_label("Message", exact=True)
        self.answers = page.locator(".answer")
        self.answer = self.answers.last
        self.prose = self.answer.locator(".prose").last
        self.bubbles = page.locator(".ask-bubble")
        self.rows = page.locator("#chats .chat-row")
        self.stop_button = page.get_by_role("button", name="Stop the answer")
        self.send_button = page.get_by_role("button", name="Send", exact=True)

    def open(self, path: str) -> None:
        """Loads a page of the chat and waits until it is connected."""
        self.page.goto(path)
        self.expect_connected()

    def reload(self) -> None:
        self.page.reload()
        self.expect_connected()

    def expect_connected(self) -> None:
        expect(self.box).to_be_enabled()
        # The models come with the first message of the socket.
        expect(self.page.locator("#model option")).not_to_have_count(0)

    def send(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")

    def ask(self, text: str) -> None:
        """Sends and waits for the whole answer."""
        before = self.bubbles.count()
        self.send(text)
        expect(self.bubbles).to_have_count(before + 1)
        self.expect_ended()

    def expect_ended(self, status: str = "completed") -> None:
        expect(self.answer).to_have_attribute("data-status", status)
        expect(self.stop_button).to_be_hidden()

    def action(self, name: str, within: Locator | None = None) -> Locator:
        """A button of the last answer (or of what is given), which hovering shows."""
        place = within or self.answer
        place.hover()
        return place.get_by_role("button", name=name, exact=True)

    def menu(self, title: str, item: str) -> None:
        """Chooses from the menu of a conversation in the list."""
        row = self.rows.filter(has_text=title)
        row.hover()
        row.get_by_role("button").click()
        self.page.get_by_role("menuitem", name=item).click()
