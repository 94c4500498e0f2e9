"""The price list of genai-prices, as quotes. Imported late: it takes memory and 0.1 s."""

import json
from datetime import datetime
from decimal import Decimal
from functools import cache

from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices, _providers_from_raw

from billing.quotes import Quote, Rates

PROVIDER = "openai"
"""Names are looked up among OpenAI's only, wherever OPENAI_BASE_URL leads: other servers
choose names freely, and a guess at whose price list they mean would be a guess at money."""

PER_1000_CALLS = {
    "web_search_call": "web_searches_kcount",
    "file_search_call": "storage_searches_kcount",
}
"""Type of an output item → name of its price in the list."""


class PriceList:
    """A list that came with the package, or that `manage.py syncprices` fetched."""

    def __init__(self, snapshot: DataSnapshot) -> None:
        self._snapshot = snapshot

    @property
    def models(self) -> set[tuple[str, str]]:
        """Provider and id of every model that is listed."""
        return {(p.id, model.id) for p in self._snapshot.providers for model in p.models}

    def priced(self, at: datetime) -> set[str]:
        """Ids of the PROVIDER's models that have a price."""
        own = [model for provider, model in self.models if provider == PROVIDER]
        return {model for model in own if self.quote(model, at, "default")}

    def quote(self, model: str, at: datetime, service_tier: str) -> Quote | None:
        """The listed prices of a model; None when it is not listed, or not by tokens.

        A tier without prices of its own costs what the default tier costs. "batch" is one here.
        """
        try:
            _, listed = self._snapshot.find_provider_model(model, None, PROVIDER, None)
        except LookupError:
            return None
        prices = _prices(listed, at, service_tier)
        if prices.input_mtok is None or prices.output_mtok is None:
            return None
        tools = {tool: getattr(prices, key) for tool, key in PER_1000_CALLS.items()}
        return Quote(
            model,
            tuple(_rates(prices, start) for start in _starts(prices)),
            {tool: price / 1000 for tool, price in tools.items() if isinstance(price, Decimal)},
        )


@cache
def packaged() -> PriceList:
    """The list that came with the installed genai-prices."""
    return PriceList(get_snapshot())


def parse(text: str) -> PriceList:
    """A list in the JSON that genai-prices publishes.

    The package parses what it fetches, but offers no way to keep it for later: hence its
    inner function.

    Raises:
        ValueError: it is no such list.
    """
    raw = json.loads(text)
    if not isinstance(raw, list):
        raise ValueError("not a list of providers")  # noqa: TRY004  # JSON's errors are these too
    return PriceList(DataSnapshot(_providers_from_raw(raw), from_auto_update=True))


def _prices(listed: ModelInfo, at: datetime, service_tier: str) -> ModelPrice:
    kind = "processing" if service_tier == "batch" else "service_tier"
    return listed.get_prices(at, {kind: service_tier})


_COUNTED = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok")


def _starts(prices: ModelPrice) -> list[int]:
    """The sizes of input from which other prices hold. The list says "more than"."""
    counted = [getattr(prices, key) for key in _COUNTED]
    tiered = [price for price in counted if isinstance(price, TieredPrices)]
    return sorted({0, *(tier.start + 1 for price in tiered for tier in price.tiers)})


def _rates(prices: ModelPrice, input_tokens: int) -> Rates:
    fresh, output, read, write = (_at(getattr(prices, key), input_tokens) for key in _COUNTED)
    assert fresh is not None
    assert output is not None
    return Rates(
        input=fresh,
        output=output,
        cached_input=fresh if read is None else read,
        cache_write=fresh if write is None else write,
        min_input_tokens=input_tokens,
    )


def _at(price: Decimal | TieredPrices | None, input_tokens: int) -> Decimal | None:
    if not isinstance(price, TieredPrices):
        return price
    reached = [tier.price for tier in price.tiers if tier.start < input_tokens]
    return reached[-1] if reached else price.base
