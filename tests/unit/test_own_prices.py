"""Prices that operators set, when they take effect, and models without a price."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from pytest_django import DjangoAssertNumQueries, Settings

from billing import pricing
from billing.models import Price
from billing.quotes import Quote
from chatsite import localmodel
from chatsite.checks import check_settings
from tests.prices import input_price, own, quoted, used
from tests.unit.test_settings import check

pytestmark = pytest.mark.django_db


def test_an_own_price_wins_over_the_list() -> None:
    own("gpt-6-luna", "3", "7", cached_input=Decimal("0.5"))
    quote = quoted("gpt-6-luna")
    # 800×3 + 200×0.5 + 500×7 = 2400 + 100 + 3500
    assert quote.cost(used(1000, 500, 200)).amount == Decimal("0.006")
    assert quote.wire() == {"input": "3", "output": "7", "cached_input": "0.5"}
    # The list's long-context prices are gone with its others; writes cost what input costs.
    assert quote.cost(used(300_000, 0, 0, 300_000)).amount == Decimal("0.9")


def test_a_price_changes_at_midnight_to_the_second() -> None:
    midnight = datetime(2026, 12, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    own("gpt-6-luna", "2", "2", effective_from=midnight)
    assert input_price(quoted("gpt-6-luna", midnight - timedelta(seconds=1))) == Decimal("0.1")
    assert input_price(quoted("gpt-6-luna", midnight)) == 2
    assert input_price(quoted("gpt-6-luna", datetime(2026, 11, 30, 23, tzinfo=UTC))) == 2
    own("gpt-6-luna", "4", "4", effective_from=midnight + timedelta(days=1))
    pricing.forget()
    assert input_price(quoted("gpt-6-luna", midnight + timedelta(hours=23))) == 2
    assert input_price(quoted("gpt-6-luna", midnight + timedelta(days=1))) == 4
    # What was answered before midnight is still priced as it was then.
    assert input_price(quoted("gpt-6-luna", midnight - timedelta(seconds=1))) == Decimal("0.1")


def test_a_row_of_the_tier_wins_over_the_row_for_every_tier() -> None:
    own("gpt-6-luna", "2", "2")
    own("gpt-6-luna", "9", "9", service_tier="priority")
    prices = [
        input_price(quoted("gpt-6-luna", service_tier=tier))
        for tier in ("", "default", "flex", "priority")
    ]
    assert prices == [2, 2, 2, 9]


def test_rows_with_a_size_are_the_long_context_prices() -> None:
    own("gpt-6-luna", "2", "2")
    own("gpt-6-luna", "5", "6", min_input_tokens=1000)
    quote = quoted("gpt-6-luna")
    assert quote.cost(used(999, 10)).amount == Decimal("0.002018")  # 999×2 + 10×2
    assert quote.cost(used(1000, 10)).amount == Decimal("0.00506")  # 1000×5 + 10×6


def test_a_long_context_row_alone_leaves_short_requests_to_the_list() -> None:
    own("gpt-6-luna", "5", "6", min_input_tokens=1000)
    own("unlisted", "5", "6", min_input_tokens=1000)
    quote = quoted("gpt-6-luna")
    assert input_price(quote, 999) == Decimal("0.1")
    assert input_price(quote, 1000) == 5
    assert input_price(quote, 300_000) == 5
    assert quoted("unlisted").unpriced


def test_a_dated_snapshot_is_priced_by_the_list() -> None:
    quote = quoted("gpt-6-luna", returned="gpt-6-luna-2026-09-01")
    assert quote.cost(used(1000, 500, 200)).amount == Decimal("0.000332")
    assert input_price(quoted("gpt-6-luna-2026-09-01")) == Decimal("0.1")


def test_an_own_price_of_the_requested_model_holds_for_its_snapshots() -> None:
    own("gpt-6-luna", "3", "7")
    assert input_price(quoted("gpt-6-luna", returned="gpt-6-luna-2026-09-01")) == 3
    own("gpt-6-luna-2026-09-01", "4", "4")
    pricing.forget()
    assert input_price(quoted("gpt-6-luna", returned="gpt-6-luna-2026-09-01")) == 4
    assert input_price(quoted("gpt-6-luna", returned="some/file.gguf")) == 3


def test_a_changed_price_takes_effect_within_seconds() -> None:
    assert input_price(quoted("gpt-6-luna")) == Decimal("0.1")
    changed = time.monotonic()
    own("gpt-6-luna", "3", "7")
    while input_price(quoted("gpt-6-luna")) != 3:
        assert time.monotonic() < changed + pricing.FRESH_SECONDS + 1
        time.sleep(0.05)


def test_quotes_of_a_moment_ask_the_database_once(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    pricing.refresh()
    with django_assert_num_queries(0):
        for _ in range(100):
            quoted("gpt-6-luna")


def test_an_event_loop_uses_what_was_loaded_before() -> None:
    async def in_loop() -> Quote:
        return quoted("gpt-6-luna")

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(in_loop())
    own("gpt-6-luna", "3", "7")
    pricing.refresh()
    assert input_price(asyncio.run(in_loop())) == 3


@pytest.mark.parametrize("model", ["no-such-model", "text-embedding-3-small", "whisper-1"])
def test_a_model_without_token_prices_is_refused_or_marked(model: str, settings: Settings) -> None:
    settings.UNPRICED_MODELS = "refuse"
    assert pricing.quote(model) is None
    assert not pricing.may_be_called(model)
    settings.UNPRICED_MODELS = "free"
    assert pricing.may_be_called(model)
    quote = quoted(model)
    assert quote.unpriced
    assert quote.is_free
    assert quote.cost(used(10**6, 10**6)).amount == 0


def test_a_model_may_be_called_once_it_has_an_own_price(settings: Settings) -> None:
    settings.UNPRICED_MODELS = "refuse"
    own("house-model", "1", "1", effective_from=datetime.now(UTC) + timedelta(days=1))
    assert not pricing.may_be_called("house-model")
    own("house-model", "1", "1")
    pricing.forget()
    assert pricing.may_be_called("house-model")
    assert not quoted("house-model").unpriced


def test_the_start_is_refused_until_an_offered_model_has_a_price(settings: Settings) -> None:
    settings.UNPRICED_MODELS = "refuse"
    settings.CHAT_MODELS = ["gpt-6-luna", "house-model"]
    (error,) = (found for found in check_settings(None) if found.id == "chatsite.E004")
    assert "'house-model'" in error.msg
    own("house-model", "1", "1")
    pricing.forget()
    assert [found for found in check_settings(None) if found.id == "chatsite.E004"] == []


def test_the_embedded_model_passes_the_check_before_there_is_a_database(tmp_path: Path) -> None:
    environment = {
        "OPENAI_BASE_URL": "",
        "UNPRICED_MODELS": "refuse",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'new.sqlite3'}",
    }
    assert check(**environment) == ""
    assert "chatsite.E004" in check(**environment, CHAT_MODELS="house-model")


def test_the_embedded_model_is_free_until_it_is_priced(settings: Settings) -> None:
    settings.LOCAL_MODEL = True
    settings.UNPRICED_MODELS = "refuse"
    quote = quoted(localmodel.MODEL_NAME)
    assert quote.is_free
    assert not quote.unpriced
    own(localmodel.MODEL_NAME, "1", "2")
    pricing.forget()
    # Meters the machine: 1000×1 + 500×2
    assert quoted(localmodel.MODEL_NAME).cost(used(1000, 500)).amount == Decimal("0.002")


def test_the_embedded_model_without_its_row_is_unpriced(settings: Settings) -> None:
    settings.LOCAL_MODEL = True
    Price.objects.all().delete()
    assert quoted(localmodel.MODEL_NAME).unpriced
    settings.UNPRICED_MODELS = "refuse"
    assert pricing.quote(localmodel.MODEL_NAME) is None
