"""Answers with a given usage, and what a tab is told of its budgets."""

from tests.tab import Fields, Tab
from tests.upstream.answers import text_answer
from tests.upstream.script import event


def answer(inputs: int, outputs: int, text: str = "All is well.", **more: object) -> list[Fields]:
    """A whole answer whose usage is as given."""
    events = text_answer(text)
    details = {"input_tokens_details": {"cached_tokens": more.pop("cached", 0)}}
    total = {"input_tokens": inputs, "output_tokens": outputs, "total_tokens": inputs + outputs}
    events[-1]["response"]["usage"] = {**total, **details, "output_tokens_details": {}}
    return events


def comes(text: str) -> Fields:
    """One more piece of text."""
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return event("response.output_text.delta", **place, delta=text)


async def budgets_until(tab: Tab, **wanted: str) -> Fields:
    """The first budget of the next `budget.updated` in which these figures stand."""
    while True:
        message = await tab.expect("budget.updated")
        [budget] = message["budgets"]
        if wanted.items() <= budget.items():
            return dict(budget)
