"""What a model costs at a moment: the operators' own prices, else those of the price list.

quote(model) → Quote.worst (to reserve) → Quote.cost (to settle)
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from billing.models import Price, PriceTable
from billing.quotes import FREE, Cost, Quote, Rates, money, usd
from billing.toolcalls import tool_calls_in, tool_prices
from billing.usage import TokenUsage
from chatsite import localmodel

if TYPE_CHECKING:
    from billing.pricelist import PriceList

__all__ = [
    "Cost",
    "Quote",
    "cost_of",
    "forget",
    "list_in_use",
    "may_be_called",
    "money",
    "price_of",
    "quote",
    "refresh",
    "tool_calls_in",
    "usd",
]

FRESH_SECONDS = 5
"""How long another process may go on with prices that were changed."""


@dataclass(frozen=True)
class _Known:
    """What the database said about prices when it was last asked."""

    loaded_at: float
    own: dict[str, list[Price]] = field(default_factory=dict)
    fetched: datetime | None = None
    fetched_list: "PriceList | None" = None


_known: _Known | None = None


def quote(
    model: str, *, at: datetime | None = None, service_tier: str = "", returned: str = ""
) -> Quote | None:
    """The prices that hold for a model at a moment (default: now); None when it is unpriced.

    `returned` is the model that upstream says has answered, often a dated snapshot of `model`:
    its prices win if there are any, but an own price of `model` wins over the list.
    With `UNPRICED_MODELS=free` an unpriced model gets a quote of zero that is marked.

    May ask the database. An event loop can't: there it takes what `refresh` loaded.
    """
    known = _current()
    at = at or timezone.now()
    tier = "default" if service_tier in ("", "auto") else service_tier
    names = [name for name in (returned, model) if name]
    listed = next(filter(None, (_listed(known, name, at, tier) for name in names)), None)
    own = next(filter(None, (_in_effect(known.own.get(name, ()), at) for name in names)), [])
    rates = listed.rates if listed else ()
    tools = dict(listed.tool_calls) if listed else {}
    # Rows for every tier first, then those of this tier over them.
    for layer in ([row for row in own if row.service_tier == name] for name in ("", tier)):
        if layer:
            lowest = layer[0].min_input_tokens
            rates = (*(r for r in rates if r.min_input_tokens < lowest), *map(_rates, layer))
            tools |= tool_prices(layer[0].tool_calls)
    if rates and rates[0].min_input_tokens == 0:
        return Quote(model, rates, tools)
    if settings.UNPRICED_MODELS == "free":
        return Quote(model, (FREE,), unpriced=True)
    return None


def may_be_called(model: str) -> bool:
    """Whether a model's cost can be known, or is declared free by `UNPRICED_MODELS`."""
    return settings.UNPRICED_MODELS == "free" or quote(model) is not None


def refresh() -> None:
    """Asks the database for prices, if that was not done just now."""
    _refreshed()


def forget() -> None:
    """Makes the next quote ask the database."""
    global _known
    _known = None


def list_in_use() -> "PriceList":
    """The price list that quotes are made from: the fetched one, else the package's."""
    return _current().fetched_list or _packaged()


def price_of(model: str) -> Rates | None:
    """What a model costs today on a site without own prices; asks no database."""
    if settings.LOCAL_MODEL:
        return FREE if model == localmodel.MODEL_NAME else None
    listed = _packaged().quote(model, timezone.now(), "default")
    return listed.rates[0] if listed else None


def cost_of(model: str, usage: TokenUsage) -> Decimal:
    """USD for one response on a site without own prices; zero for an unpriced model."""
    listed = None
    if not settings.LOCAL_MODEL:
        listed = _packaged().quote(model, timezone.now(), "default")
    return listed.cost(usage).amount if listed else Decimal(0)


def _current() -> _Known:
    known = _known
    return known if known and _in_event_loop() else _refreshed()


def _refreshed() -> _Known:
    # Two threads may load at the same time: either result is right.
    global _known
    known = _known
    if known is None or time.monotonic() >= known.loaded_at + FRESH_SECONDS:
        known = _known = _load(known)
    return known


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _load(before: _Known | None) -> _Known:
    """The list is read again only when another one was fetched: it is long."""
    loaded_at = time.monotonic()
    own = defaultdict(list)
    for row in Price.objects.order_by("effective_from"):
        own[row.model].append(row)
    table = PriceTable.objects.filter(package_version=version("genai-prices"))
    fetched = table.values_list("fetched", flat=True).first()
    if settings.LOCAL_MODEL or fetched is None:
        return _Known(loaded_at, own)
    if before is not None and before.fetched == fetched:
        return _Known(loaded_at, own, fetched, before.fetched_list)
    from billing.pricelist import parse

    return _Known(loaded_at, own, fetched, parse(table.values_list("table", flat=True).get()))


def _listed(known: _Known, model: str, at: datetime, tier: str) -> Quote | None:
    """What the price list says; the embedded model is in none."""
    if settings.LOCAL_MODEL:
        return None
    return (known.fetched_list or _packaged()).quote(model, at, tier)


@cache
def _packaged() -> "PriceList":
    from billing.pricelist import packaged  # not loaded where nothing is priced

    return packaged()


def _in_effect(rows: Sequence[Price], at: datetime) -> list[Price]:
    """The newest row of each tier and size that holds already, by size. Of oldest first."""
    newest = {
        (row.service_tier, row.min_input_tokens): row for row in rows if row.effective_from <= at
    }
    return sorted(newest.values(), key=lambda row: row.min_input_tokens)


def _rates(row: Price) -> Rates:
    return Rates(
        input=row.input,
        output=row.output,
        cached_input=row.input if row.cached_input is None else row.cached_input,
        cache_write=row.input if row.cache_write is None else row.cache_write,
        min_input_tokens=row.min_input_tokens,
    )
