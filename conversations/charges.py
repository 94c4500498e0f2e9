"""The money of a generation: what is held before upstream is asked, and what it cost.

Between the words of conversations and those of `billing`. Everything here asks the database.
"""

import logging
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.db import transaction

from billing import pricing, reservations
from billing.accounts import account_of
from billing.budgets import Standing, has_limit, standings
from billing.models import Account, LedgerEntry, Reservation
from billing.pricing import Quote, money
from billing.quotes import FREE, Cost, total
from billing.reservations import BudgetExceeded
from billing.usage import TokenUsage, estimate_tokens, total_usage
from conversations.context import MESSAGE_OVERHEAD, build_request, input_text
from conversations.models import OPEN_STATUSES, Generation
from conversations.protocol import Refused
from conversations.round import Spent
from conversations.snapshots import timestamp

logger = logging.getLogger(__name__)

Fields = dict[str, Any]

NOTHING = Decimal(0)
COUNTS = (
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)


class Charge(msgspec.Struct, frozen=True):
    """What a round cost, or with no entry that it cost nothing; settled with its ending."""

    generation: uuid.UUID
    amount: Decimal = Decimal(0)
    entry: Fields | None = None
    """Columns of the ledger entry."""
    usage: TokenUsage | None = None
    """What is charged; an estimate ends where the reservation does."""


def hold(generation: Generation) -> Reservation:
    """Holds what a new generation can cost, in the transaction that writes it, as its last step.

    The input is estimated; the exact count, if upstream gives one, comes when it is asked.

    Raises:
        Refused: `budget_exceeded` (+ `period`, `resets_at`), `model_unavailable`.
    """
    request = build_request(generation)
    tokens = overhead(request) + estimate_tokens(input_text(request))
    try:
        return _reserve(generation, request, tokens, input_estimated=True)
    except BudgetExceeded as error:
        raise refusal(error) from error


def hold_exactly(
    generation: Generation, request: Fields, counted: int | None, spent: Sequence[Spent] = ()
) -> Reservation:
    """Adjusts what is held to upstream's own count of the input; without one, to a count that
    is certainly not too low: no token is shorter than a byte. What failed attempts have spent
    stays held beside it.

    Raises:
        BudgetExceeded: it does not fit. What was held before stays held.
        Refused: as `hold`.
    """
    tokens = counted
    if tokens is None:
        tokens = overhead(request) + len(input_text(request).encode())
    with transaction.atomic():
        used = sum((_cost_of(generation, one).amount for one in spent), Decimal(0))
        return _reserve(generation, request, tokens, input_estimated=counted is None, spent=used)


def needs_count(generation: Generation) -> bool:
    """Whether the exact size of the input matters: it costs something, and there is a limit."""
    quote = quote_of(generation)
    if quote is not None and quote.is_free:
        return False
    account = account_of(generation.turn.conversation.owner_id)
    return has_limit(account)


def held_for(generation: Generation) -> Reservation | None:
    """What is held for a generation that goes on in another process."""
    return Reservation.objects.filter(generation=generation.pk).first()


def charge_of(
    generation: Generation,
    status: str,
    usage: TokenUsage | None,
    items: Iterable[Fields],
    response: Fields,
    spent: Sequence[Spent] = (),
) -> Charge:
    """What a round cost, by what upstream returned, with what attempts before it had spent;
    nothing without `usage`."""
    held = held_for(generation) if usage and usage.estimated else None
    if usage and held and held.amount:  # what is free has no limit that an estimate could pass
        usage = within(usage, held)
    answered = [Spent(generation.model, usage, response)] if usage else []
    costs = [_cost_of(generation, one) for one in spent]
    costs += [_cost_of(generation, one, items) for one in answered]
    if not costs:
        return Charge(generation.pk)
    cost, usage = total(costs), total_usage([one.usage for one in (*spent, *answered)])
    entry = {
        "model": generation.model,
        "service_tier": str(response.get("service_tier") or ""),
        "status": status,
        "saved": cost.saved,
        "breakdown": cost.breakdown,
        "estimated": usage.estimated,
        **{name: getattr(usage, name) for name in COUNTS},
    }
    return Charge(generation.pk, cost.amount, entry, usage)


def _cost_of(generation: Generation, spent: Spent, items: Iterable[Fields] = ()) -> Cost:
    """What one response cost: each at the prices of its own model, size and service tier."""
    told = spent.response
    tier, returned = str(told.get("service_tier") or ""), str(told.get("model") or "")
    at = generation.created
    quote = pricing.quote(spent.model, at=at, service_tier=tier, returned=returned)
    if quote is None:
        logger.error("%s has lost its price; what it cost is unknown", spent.model)
        quote = Quote(spent.model, (FREE,), unpriced=True)
    return quote.cost(spent.usage, pricing.tool_calls_in(items))


def within(estimate: TokenUsage, held: Reservation) -> TokenUsage:
    """An estimate that errs no higher than what was asked for: the limit is a limit."""
    return msgspec.structs.replace(
        estimate,
        input_tokens=min(estimate.input_tokens, held.input_tokens),
        output_tokens=min(estimate.output_tokens, held.max_output_tokens),
    )


def settle(charge: Charge) -> LedgerEntry | None:
    """Posts a charge and frees what was held; in the transaction that writes the ending."""
    if charge.entry is None:
        reservations.release(charge.generation)
        return None
    return reservations.settle(charge.generation, charge.amount, **charge.entry)


def settle_if_deleted(charge: Charge) -> bool:
    """Settles what a generation cost that is not there any more; whether that is so."""
    with transaction.atomic():
        if Generation.objects.filter(pk=charge.generation).exists():
            return False
        settle(charge)
        return True


def forget_reservations(before: datetime) -> int:
    """Frees what is held since before `before` for generations that have ended or are deleted."""
    running = Generation.objects.filter(status__in=OPEN_STATUSES)
    return reservations.expire(running.values("pk"), before)


def quote_of(generation: Generation) -> Quote | None:
    """The prices of the moment at which a generation was asked for; None when it has none."""
    return pricing.quote(generation.model, at=generation.created)


def _reserve(
    generation: Generation,
    request: Fields,
    tokens: int,
    *,
    input_estimated: bool,
    spent: Decimal = NOTHING,
) -> Reservation:
    quote = quote_of(generation)
    if quote is None:
        message = f"There is no price for {generation.model}. Choose another model."
        raise Refused("model_unavailable", message)
    account = account_of(generation.turn.conversation.owner_id)
    most = request.get("max_output_tokens") or 0  # a free model may have no limit
    return reservations.reserve(
        account, generation.pk, quote, tokens, most, input_estimated=input_estimated, spent=spent
    )


def overhead(request: Fields) -> int:
    """Tokens of a request beyond the text of its input."""
    instructions = request.get("instructions") or ""
    return len(request["input"]) * MESSAGE_OVERHEAD + len(instructions.encode())


def refusal(error: BudgetExceeded) -> Refused:
    """What a budget that is used up answers to a command."""
    resets_at = timestamp(error.resets_at) if error.resets_at else None
    return Refused("budget_exceeded", words(error), period=error.period, resets_at=resets_at)


def words(error: BudgetExceeded) -> str:
    """A budget that is used up, in plain words."""
    period = "" if error.period == "total" else f" for this {error.period}"
    text = f"The budget of {money(error.limit)} USD{period} is used up."
    if error.resets_at:
        text += f" It starts anew at {error.resets_at:%Y-%m-%d %H:%M} UTC."
    return text


def budgets_wire(account: Account) -> list[Fields]:
    """`budgets` of `hello` and `budget.updated`."""
    return [standing_wire(standing) for standing in standings(account)]


def standing_wire(standing: Standing) -> Fields:
    """One budget as the browser gets it."""
    budget, end = standing.budget, standing.span.end
    return {
        "period": budget.period,
        "limit": money(budget.limit),
        "spent": money(standing.spent),
        "reserved": money(standing.reserved),
        "remaining": money(max(standing.remaining, Decimal(0))),
        "resets_at": timestamp(end) if end else None,
        "soft": budget.soft,
        "team": budget.team.name if budget.team else None,
    }
