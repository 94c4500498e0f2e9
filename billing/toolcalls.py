"""Calls of upstream's own tools, such as a web search: counting them, and their prices."""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError

from billing.models.columns import MOST_USD


def tool_calls_in(items: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How many calls of each type are among a response's output items.

    Calls of the site's own functions are among them; they have no price. Of web searches only
    the searches cost: opening a page that one has found does not.
    """
    return Counter(
        str(item["type"])
        for item in items
        if str(item.get("type", "")).endswith("_call") and not _only_looks(item)
    )


def _only_looks(item: Mapping[str, Any]) -> bool:
    action = item.get("action")
    if item["type"] != "web_search_call" or not isinstance(action, Mapping):
        return False
    return bool(action.get("type", "search") != "search")


def tool_prices(column: object) -> dict[str, Decimal]:
    """`Price.tool_calls`: type of an output item → USD per call.

    Raises:
        ValueError: it is no such object.
    """
    if not isinstance(column, dict):
        raise ValueError("not an object")  # noqa: TRY004  # one kind of error for the caller
    return {str(tool): _price(tool, value) for tool, value in column.items()}


def check_tool_prices(column: object) -> None:
    """Validator of `Price.tool_calls`."""
    try:
        tool_prices(column)
    except ValueError as error:
        raise ValidationError(f'{error}; write it like {{"web_search_call": "0.01"}}.') from error


def _price(tool: object, value: object) -> Decimal:
    try:
        price = Decimal(str(value))
    except InvalidOperation:
        price = Decimal("NaN")
    if not (price.is_finite() and 0 <= price <= MOST_USD):
        raise ValueError(f"{value!r} is no price for {tool!r}")
    return price
