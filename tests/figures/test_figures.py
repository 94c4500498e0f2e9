"""What the database knows, as it is told to a scrape."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import override_settings
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from billing.models import Account, DailySpend
from conversations import figures, signs
from conversations.models import Circuit, WorkerSign
from tests.figures.scraping import Figures

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_books(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of other tests' databases are none of this one."""
    monkeypatch.setattr(figures, "_books", None)


def read() -> Figures:
    return Figures(figures.read({}))


def spend(days_ago: int, amount: str, model: str = "test-model") -> None:
    """Adds to a day, as a posting does."""
    user, _ = get_user_model().objects.get_or_create(username="payer", email="p@example.com")
    account, _ = Account.objects.get_or_create(user=user)
    day = timezone.now().date() - timedelta(days=days_ago)
    row, _ = DailySpend.objects.get_or_create(day=day, account=account, model=model)
    row.amount += Decimal(amount)
    row.save()


def test_the_spend_is_the_sum_of_all_days_and_grows_with_the_last_ones() -> None:
    for days_ago, amount in ((400, "1.5"), (3, "0.25"), (2, "0.125"), (1, "2"), (0, "4")):
        spend(days_ago, amount)
    spend(3, "8", model="other-model")
    name = "chatsite_ledger_spend_usd"
    assert read()(name, model="test-model") == 7.875
    assert read()(name, model="other-model") == 8
    spend(0, "0.5")
    spend(1, "-1")
    spend(0, "3", model="new-model")
    assert read()(name, model="test-model") == 7.375
    assert read()(name, model="new-model") == 3


def test_a_scrape_costs_five_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    read()  # which closes the books of the days that are over
    with django_assert_num_queries(5):
        read()


def test_a_circuit_is_closed_open_or_being_tried() -> None:
    now = timezone.now()
    minute = timedelta(minutes=1)
    probed = {"probe": "x", "probe_until": now + minute}
    rows: dict[str, dict[str, Any]] = {
        "closed": {},
        "open": {"open_until": now + minute},
        "may be tried": {"open_until": now - minute},
        "tried": {"open_until": now - minute, **probed},
    }
    for model, columns in rows.items():
        Circuit.objects.create(endpoint="responses", model=model, **columns)
    said = {
        labels["model"]: value
        for (name, pairs), value in read().samples.items()
        if name == "chatsite_circuit_state" and (labels := dict(pairs))
    }
    assert said == {"closed": 0, "open": 2, "may be tried": 1, "tried": 1}


@override_settings(REDIS_URL="redis://where-others-look")
def test_only_fresh_signs_count_and_old_ones_go() -> None:
    old = timezone.now() - timedelta(seconds=6)
    WorkerSign.objects.create(name="silent", seen=old)
    WorkerSign.objects.create(name="forgotten", seen=old - signs.KEPT)
    signs.give("one", draining=False)
    signs.give("two", draining=False)
    signs.give("two", draining=True)
    signs.forget()
    assert signs.fresh() == {"one": False, "two": True}
    assert set(WorkerSign.objects.values_list("name", flat=True)) == {"one", "two", "silent"}
    told = Figures(figures.read({"own": False, "one": False}))
    assert told("chatsite_workers", state="working") == 2
    assert told("chatsite_workers", state="draining") == 1


def test_a_worker_that_nobody_looks_for_writes_nothing() -> None:
    signs.give("alone", draining=False)
    assert not WorkerSign.objects.exists()
