"""Amounts and shares as people read them."""

from decimal import Decimal

import pytest

from billing.templatetags.usd import percent, usd


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "$0.00"),
        ("12.5", "$12.50"),
        ("1234.5", "$1,234.50"),
        ("0.1", "$0.10"),
        ("0.05", "$0.05"),
        ("0.0134", "$0.013"),
        ("0.0042", "$0.0042"),
        ("0.0000000001", "$0.0000000001"),
        ("-0.5", "-$0.50"),
    ],
)
def test_amounts_are_written_as_in_the_chat(amount: str, text: str) -> None:
    assert usd(Decimal(amount)) == text


def test_only_the_whole_is_a_hundred_percent() -> None:
    shares = ("0", "0.29", "0.999", "1", "1.2", "-1")
    shown = [percent(Decimal(share)) for share in shares]
    assert shown == ["0 %", "29 %", "99 %", "100 %", "100 %", "0 %"]
