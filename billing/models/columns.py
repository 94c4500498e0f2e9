"""Columns and validators that the models of money share."""

import zoneinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

PLACES = 10
MOST_DIGITS = 8
"""Of whole dollars, less one: no amount that fits into 64 bits has more."""
MOST_USD = 1_000_000
"""No limit and no price is higher: what is, was mistyped."""
NOT_NEGATIVE = [MinValueValidator(0), MaxValueValidator(MOST_USD)]


def check_time_zone(name: str) -> None:
    """Refuses what is no name of the IANA time zone database."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(f"There is no time zone {name!r}; write it like Europe/Berlin.")


class UsdField(models.Field):  # type: ignore[type-arg]
    """USD as a Decimal with up to 10 places, kept as a whole number of 10⁻¹⁰ dollars.

    Sums and comparisons in the database are exact then; SQLite would keep decimals as floats.
    """

    description = "Amount in USD"

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def to_python(self, value: Any) -> Decimal | None:
        if value is None or value == "":
            return None
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal("NaN")
        # Longer ones can't be rounded, nor kept in 64 bits.
        if not amount.is_finite() or amount.adjusted() > MOST_DIGITS:
            raise ValidationError(f"{value!r} is no amount; write it like 12.50.")
        if amount != round(amount, PLACES):
            raise ValidationError(f"{value!r} has more than {PLACES} decimal places.")
        return amount

    def from_db_value(self, value: Any, *context: Any) -> Decimal | None:
        return None if value is None else Decimal(value).scaleb(-PLACES)

    def get_prep_value(self, value: Any) -> int | None:
        if hasattr(value, "resolve_expression"):
            return value  # type: ignore[no-any-return]
        amount = self.to_python(value)
        return None if amount is None else int(amount.scaleb(PLACES))

    def value_to_string(self, obj: models.Model) -> str:
        return str(self.value_from_object(obj))

    def formfield(self, **kwargs: Any) -> Any:
        defaults = {"form_class": forms.DecimalField, "max_digits": 20, "decimal_places": PLACES}
        return super().formfield(**{**defaults, **kwargs})
