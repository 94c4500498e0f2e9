"""Prices in the admin: forms that refuse, and history that stays."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Price
from tests.money.adminpages import BAD_AMOUNTS
from tests.money.pages import PAGES

pytestmark = PAGES


def price_form(**changed: Any) -> dict[str, Any]:
    begins = changed.pop("begins", timezone.now())
    return {
        "model": "model-a",
        "min_input_tokens": "0",
        "effective_from_0": f"{begins:%Y-%m-%d}",
        "effective_from_1": f"{begins:%H:%M:%S}",
        "input": "1.25",
        "output": "10",
        "tool_calls": "{}",
        "reason": "Agreed",
        **changed,
    }


@pytest.mark.parametrize("field", ["input", "output"])
@pytest.mark.parametrize("amount", BAD_AMOUNTS)
def test_a_price_that_makes_no_sense_is_refused_at_its_field(
    root: Client, field: str, amount: str
) -> None:
    answer = root.post(reverse("admin:billing_price_add"), price_form(**{field: amount}))
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not Price.objects.filter(model="model-a").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reason", ""),
        ("reason", "   "),
        ("tool_calls", '{"web_search_call": "-1"}'),
        ("tool_calls", '{"web_search_call": "NaN"}'),
        ("tool_calls", '{"web_search_call": true}'),
        ("tool_calls", '{"web_search_call": "0.00000000001"}'),
        ("tool_calls", '["0.01"]'),
        ("tool_calls", "{"),
        ("min_input_tokens", "-1"),
    ],
)
def test_other_fields_of_a_price_are_refused_too(root: Client, field: str, value: str) -> None:
    answer = root.post(reverse("admin:billing_price_add"), price_form(**{field: value}))
    assert list(answer.context["adminform"].form.errors) == [field]


def test_a_price_of_the_past_is_history(root: Client) -> None:
    address = reverse("admin:billing_price_add")
    yesterday = timezone.now() - timedelta(days=1)
    answer = root.post(address, price_form(begins=yesterday))
    assert "The past is settled" in answer.content.decode()
    assert root.post(address, price_form()).status_code == 302
    price = Price.objects.get(model="model-a")
    assert (price.input, price.tool_calls) == (Decimal("1.25"), {})
    assert price.changed_by is not None
    change = reverse("admin:billing_price_change", args=[price.pk])
    assert root.post(change, price_form(input="9")).status_code == 403
    delete = reverse("admin:billing_price_delete", args=[price.pk])
    assert root.post(delete, {"post": "yes"}).status_code == 403
    assert Price.objects.get(pk=price.pk).input == Decimal("1.25")


def test_a_price_to_come_may_still_be_changed_and_deleted(root: Client) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    root.post(reverse("admin:billing_price_add"), price_form(begins=tomorrow))
    price = Price.objects.get(model="model-a")
    change = reverse("admin:billing_price_change", args=[price.pk])
    assert root.post(change, price_form(begins=tomorrow, input="9")).status_code == 302
    assert Price.objects.get(pk=price.pk).input == 9
    root.post(reverse("admin:billing_price_delete", args=[price.pk]), {"post": "yes"})
    assert not Price.objects.filter(pk=price.pk).exists()
