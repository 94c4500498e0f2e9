"""What a model costs, and what one response cost. The only rounding of money is here."""

from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import msgspec
from django.conf import settings

from billing.usage import TokenUsage

PLACES = Decimal("0.0000000001")
MILLION = 1_000_000


class ModelPrice(msgspec.Struct, frozen=True):
    """USD per 1,000,000 tokens, before long-context tiers."""

    input: Decimal
    output: Decimal
    cached_input: Decimal

    def wire(self) -> dict[str, str]:
        return {name: money(getattr(self, name)) for name in self.__struct_fields__}


def money(amount: Decimal) -> str:
    """A USD amount as the browser gets it: a plain decimal string, "0" for nothing."""
    text = f"{amount.quantize(PLACES, ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@lru_cache(maxsize=1000)
def price_of(model: str) -> ModelPrice | None:
    """The list price of a model today, or None when no price is known.

    The embedded model costs nothing. The table is that of the genai-prices package.
    """
    if settings.LOCAL_MODEL:
        return ModelPrice(Decimal(0), Decimal(0), Decimal(0))

    from genai_prices import Usage, calc_price  # not loaded where nothing is priced

    def per_million(**tokens: int) -> Decimal:
        # Asked in small amounts: a million tokens at once would fall into a long-context tier.
        thousandth = {name: count // 1000 for name, count in tokens.items()}
        return calc_price(Usage(**thousandth), model, provider_id="openai").total_price * 1000

    try:
        return ModelPrice(
            input=per_million(input_tokens=MILLION),
            output=per_million(output_tokens=MILLION),
            cached_input=per_million(input_tokens=MILLION, cache_read_tokens=MILLION),
        )
    except LookupError:
        return None


def may_be_called(model: str) -> bool:
    """Whether a model's cost can be known, or is declared free by `UNPRICED_MODELS`."""
    return settings.UNPRICED_MODELS == "free" or price_of(model) is not None


def cost_of(model: str, usage: TokenUsage) -> Decimal:
    """USD for one response of `model`; zero for an unpriced one (`UNPRICED_MODELS=free`)."""
    if settings.LOCAL_MODEL or price_of(model) is None:
        return Decimal(0)
    from genai_prices import Usage, calc_price

    counted = Usage(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )
    total = calc_price(counted, model, provider_id="openai").total_price
    return total.quantize(PLACES, ROUND_HALF_UP)
