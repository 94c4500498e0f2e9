"""The packaged price list in the JSON in which genai-prices publishes lists."""

import dataclasses
from decimal import Decimal
from typing import Any

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice

Table = list[dict[str, Any]]
"""Providers with their models."""


def published_table() -> Table:
    """A list to change and serve; without the parts that say how to read usage."""
    return [
        {
            field.name: published(getattr(provider, field.name))
            for field in dataclasses.fields(provider)
            if field.name != "extractors" and getattr(provider, field.name) is not None
        }
        for provider in get_snapshot().providers
    ]


def published(value: Any) -> Any:
    """A value of the package's as JSON has it."""
    if isinstance(value, ModelPrice):
        return {key: published(price) for key, price in vars(value).items() if price is not None}
    if dataclasses.is_dataclass(value):
        return {
            field.name.rstrip("_"): published(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) is not None
        }
    if isinstance(value, list):
        return [published(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
