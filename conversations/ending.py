"""The last event of a generation, and what its row says from then on."""

import asyncio
from typing import Any

from django.utils import timezone

from billing.pricing import money
from chatsite import observe
from conversations import metrics
from conversations.charges import Charge
from conversations.log import GenerationLog
from conversations.round import Outcome

Fields = dict[str, Any]

AT_ONCE_SECONDS = 0.1
"""What comes within so short a time was not streamed: it has no speed."""


async def finish(log: GenerationLog, outcome: Outcome, charge: Charge) -> None:
    """Writes the last event, the row's final state and the charge in one transaction."""
    usage = charge.usage
    shared: Fields = {
        "status": outcome.status.value,
        "usage": usage.wire() if usage else None,
        "estimated": bool(usage and usage.estimated),
        "error": outcome.error,
    }
    ending = {**shared, "cost": charge.amount, "ended": timezone.now()}
    log.finish(ending, charge, **shared, cost=money(charge.amount))
    await log.flushed()
    metrics.GENERATIONS_ENDED.labels(shared["status"]).inc()
    _count_speed(log, charge)
    observe.ended(outcome.status.value, outcome.error["code"] if outcome.error else None)


def _count_speed(log: GenerationLog, charge: Charge) -> None:
    """Notes how fast people saw an answer grow, where that is known."""
    usage, began = charge.usage, log.first_text_at
    if usage is None or usage.estimated or began is None:
        return
    seconds = asyncio.get_running_loop().time() - began
    visible = usage.output_tokens - usage.reasoning_tokens
    if visible and seconds >= AT_ONCE_SECONDS:
        metrics.TOKENS_PER_SECOND.labels(log.state["model"]).observe(visible / seconds)
