"""Prices: a list that only grows. What was settled at a price keeps it."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone

from billing.admin.shared import STYLE, USD_FIELDS
from billing.models import Price
from billing.models.columns import MOST_USD, PLACES
from billing.pricing import money

BACK = timedelta(hours=1)
"""A form takes its time: a price may begin so long before it is saved."""


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """Refuses what would rewrite the past, and prices of tools that are none."""

    def clean_effective_from(self) -> Any:
        moment = self.cleaned_data["effective_from"]
        if moment < timezone.now() - BACK:
            raise ValidationError("The past is settled: a price begins now or later.")
        return moment

    def clean_tool_calls(self) -> dict[str, str]:
        """Plain decimal strings, so that no float gets into money."""
        prices = self.cleaned_data["tool_calls"] or {}
        if not isinstance(prices, dict):
            raise ValidationError('Write it like {"web_search_call": "0.01"}.')
        return {name: money(_amount(name, usd)) for name, usd in prices.items()}


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A price that holds, or held, is history; one to come may still be changed or deleted."""

    form = PriceForm
    formfield_overrides = USD_FIELDS
    list_display = [
        "model",
        "service_tier",
        "min_input_tokens",
        "effective_from",
        "input_price",
        "cached_price",
        "output_price",
        "reason",
        "changed_by",
    ]
    list_filter = ["service_tier"]
    list_select_related = ["changed_by"]
    search_fields = ["model", "reason"]
    readonly_fields = ["changed_by", "created"]
    actions = None
    actions_on_top = True

    class Media:
        css = STYLE

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_history(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _is_history(obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.changed_by = request.user
        super().save_model(request, obj, form, change)

    @admin.display(description="Input", ordering="input")
    def input_price(self, price: Price) -> str:
        return money(price.input)

    @admin.display(description="Cached input", ordering="cached_input")
    def cached_price(self, price: Price) -> str:
        return "as input" if price.cached_input is None else money(price.cached_input)

    @admin.display(description="Output", ordering="output")
    def output_price(self, price: Price) -> str:
        return money(price.output)


def _is_history(price: Price | None) -> bool:
    return price is not None and price.effective_from <= timezone.now()


def _amount(name: str, value: Any) -> Decimal:
    """USD per call; refuses what is negative, absurd, no number, or too exact."""
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or isinstance(value, bool) or not 0 <= amount <= MOST_USD:
        raise ValidationError(f"{name}: {value!r} is no price; write it like 0.01.")
    if amount != round(amount, PLACES):
        raise ValidationError(f"{name}: {value!r} has more than {PLACES} decimal places.")
    return amount
