"""The money of the generations that run in this process, for code in its event loop."""

from functools import partial

from billing.models import Reservation
from billing.reservations import BudgetExceeded
from conversations import charges, fallbacks
from conversations.charges import Charge
from conversations.database import DatabaseThread
from conversations.log import GenerationLog
from conversations.models import Generation, Status
from conversations.protocol import Refused
from conversations.round import Outcome, Round
from conversations.upstream.client import Upstream

PATIENCE_SECONDS = 60.0
"""How long the end of a generation waits for a database that is away, as the recorder does."""


class Till:
    """Fits requests into budgets, and says what they cost."""

    def __init__(self, writer: DatabaseThread, reader: DatabaseThread, upstream: Upstream) -> None:
        self._writer = writer
        self._reader = reader
        self._upstream = upstream

    async def fit(self, generation: Generation, round: Round) -> Outcome | None:
        """Lowers `max_output_tokens` of a request to what the budget bears; how the generation
        ends when it does not bear it at all."""
        try:
            held = await self._held(generation, round)
        except BudgetExceeded as error:
            return _refused(charges.refusal(error))
        except Refused as refused:
            return _refused(refused)
        if held and held.capped:
            round.request["max_output_tokens"] = held.max_output_tokens
            round.capped = True
        return None

    async def step_in(self, generation: Generation, log: GenerationLog) -> Outcome | bool:
        """Has another model answer, held for at its own price; whether one can, or how the
        generation ends when the budget does not bear it."""
        try:
            changed = await self._writer.run(fallbacks.step_in, generation)
        except Refused as refused:
            return _refused(refused)
        if changed is None:
            return False
        generation.model, generation.instead_of = changed.model, changed.instead_of
        who = fallbacks.speaker(generation)
        code = "upstream_unavailable"
        log.push_own("generation.retrying", attempt=1, delay_ms=0, code=code, **who)
        await log.flushed()
        return True

    async def _held(self, generation: Generation, round: Round) -> Reservation | None:
        if not await self._reader.run(charges.needs_count, generation):
            return await self._reader.run(charges.held_for, generation)
        counted = await self._upstream.count_input(round.request)
        hold = partial(charges.hold_exactly, spent=round.spent)
        return await self._writer.run(hold, generation, round.request, counted)

    async def charge(self, generation: Generation, outcome: Outcome, round: Round) -> Charge:
        """What a generation cost that ended like this."""
        return await self._reader.patiently(
            PATIENCE_SECONDS,
            charges.charge_of,
            generation,
            outcome.status.value,
            outcome.usage,
            round.items,
            round.response,
            round.spent,
        )

    async def settle_if_deleted(self, generation: Generation, round: Round) -> bool:
        """Whether a generation that can't be written any more was deleted, and not taken over.
        What was spent on it is posted then."""
        charge = await self.charge(generation, round.outcome or round.stopped(), round)
        return await self._writer.patiently(PATIENCE_SECONDS, charges.settle_if_deleted, charge)


def _refused(refused: Refused) -> Outcome:
    error = {"code": refused.code, "message": refused.message, "retryable": False}
    return Outcome(Status.FAILED, {**error, **refused.extra})
