"""A tab's line on which the test speaks of money, so that any amount can be shown."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Locator, Page, WebSocketRoute

from tests.browser.chat import Chat

Message = dict[str, Any]


PRICES = {
    "test-model": {"input": "2", "output": "8", "cached_input": "0.2"},
    "other-model": {"input": "0.1", "output": "0.4", "cached_input": "0.01"},
}


LABELS = {"test-model": "Sol", "other-model": "Luna"}


def budget(period: str = "day", spent: str = "0.25", limit: str = "1.00", **more: Any) -> Message:
    end = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    left = str(float(limit) - float(spent))
    amounts = {"limit": limit, "spent": spent, "reserved": "0", "remaining": left}
    return {"period": period, **amounts, "resets_at": end, **more}


def refusal(resets_at: str | None, period: str = "day") -> Message:
    about = {"period": period, "resets_at": resets_at}
    return {"code": "budget_exceeded", "message": "The budget is used up.", **about}


class Purse:
    """A tab's line on which the test speaks of money.

    `budgets` go with each `hello`, and the models get prices. `refuses`: what `turn.create` is
    answered with; None lets it through. `ending`: changes what `generation.finished` says. What
    the server itself says of budgets is left out.
    """

    def __init__(self, page: Page) -> None:
        self.budgets = [budget()]
        self.refuses: Message | None = None
        self.ending: Message = {}
        self.sent: list[Message] = []
        self.socket: WebSocketRoute | None = None
        page.route_web_socket("**/ws/", self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        self.socket = socket
        server = socket.connect_to_server()
        socket.on_message(lambda text: self._passed(server, str(text)))
        server.on_message(lambda text: self._received(socket, json.loads(text)))

    def _passed(self, server: WebSocketRoute, text: str) -> None:
        command = json.loads(text)
        self.sent.append(command)
        if self.refuses and command["type"] == "turn.create":
            self.say(
                {"type": "error", "ref": command["id"], "command": "turn.create"} | self.refuses
            )
        else:
            server.send(text)

    def _received(self, socket: WebSocketRoute, message: Message) -> None:
        if message["type"] in ("budget.updated", "budget.warning"):
            return
        if message["type"] == "hello":
            for model in message["models"]:
                model |= {"label": LABELS[model["id"]], "prices": PRICES[model["id"]]}
            message["budgets"] = self.budgets
        for event in message.get("events", []):
            if event["type"] == "generation.finished":
                event |= self.ending
        socket.send(json.dumps(message))

    def say(self, message: Message) -> None:
        assert self.socket
        self.socket.send(json.dumps(message))

    def update(self, *budgets: Message) -> None:
        self.say({"type": "budget.updated", "budgets": list(budgets)})

    def turns(self) -> list[Message]:
        return [command for command in self.sent if command["type"] == "turn.create"]


def meter(chat: Chat) -> Locator:
    return chat.page.locator("#budget-meter")
