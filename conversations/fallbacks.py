"""Which model answers while the chosen one can't be reached. Everything here asks the database.

`CHAT_FALLBACKS=a,b,c`: for `a` it is `b`, or else `c`; for `b` it is `c`.
"""

import math

from django.conf import settings
from django.db import transaction

from billing import pricing
from conversations import charges
from conversations.models import Generation, Status
from conversations.protocol import Refused
from conversations.upstream import circuits
from conversations.upstream.attempts import RESPONSES


def answering(model: str) -> str:
    """The model to ask when `model` was chosen: itself, or the next that can be reached.

    Raises:
        Refused: `upstream_unavailable` (+ `retry_after`, seconds): none of them can.
    """
    chain = [model, *behind(model)]
    waits = circuits.waits(RESPONSES, chain)
    for candidate in chain:
        if candidate not in waits:
            return candidate
    seconds = math.ceil(min(waits.values()))
    message = f"The model {model} is not answering right now. Try again in {seconds} s."
    raise Refused("upstream_unavailable", message, retry_after=seconds)


def speaker(generation: Generation) -> dict[str, str | None]:
    """Who answers, and instead of whom: fields of `generation.started` and of a change."""
    return {"model": generation.model, "instead_of": generation.instead_of or None}


def behind(model: str) -> list[str]:
    """The models that step in for this one, best first; all of them may be asked."""
    chain: list[str] = settings.CHAT_FALLBACKS
    if model not in chain:
        return []
    offered = settings.CHAT_MODELS or chain
    later = chain[chain.index(model) + 1 :]
    return [name for name in later if name in offered and pricing.may_be_called(name)]


def step_in(generation: Generation) -> Generation | None:
    """Gives a running generation of which nothing was shown to the next model, and holds what
    that one can cost; the generation as it is then, or None when nobody steps in.

    Raises:
        Refused: `budget_exceeded`, `model_unavailable`. Nothing was changed.
    """
    others = behind(generation.model)
    waits = circuits.waits(RESPONSES, others)
    other = next((model for model in others if model not in waits), None)
    if other is None:
        return None
    chosen = generation.instead_of or generation.model
    ours = Generation.objects.filter(
        pk=generation.pk, epoch=generation.epoch, status=Status.RUNNING
    )
    with transaction.atomic():
        if ours.update(model=other, instead_of=chosen) == 0:
            return None  # somebody else has it by now, or it was deleted
        changed = ours.select_related("turn__conversation").get()
        charges.hold(changed)
    return changed
