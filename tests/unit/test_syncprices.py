"""`manage.py syncprices` against a local server: what it takes, and what it refuses."""

import dataclasses
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing import pricing
from billing.models import PriceTable
from billing.pricelist import packaged, parse
from billing.usage import TokenUsage
from tests.pricetable import Table, published_table

pytestmark = pytest.mark.django_db


@dataclasses.dataclass
class ListServer:
    """Serves one body at `url`."""

    url: str
    body: bytes = b""
    status: int = 200

    def publish(self, table: Table) -> None:
        self.body = json.dumps(table).encode()


@pytest.fixture
def server() -> Iterator[ListServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()
            self.wfile.write(served.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        served = ListServer(f"http://127.0.0.1:{listening.server_port}/data.json")
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield served
        listening.shutdown()
        thread.join()


@pytest.fixture
def table() -> Table:
    """The packaged list in the JSON in which lists are published."""
    return published_table()


def openai(table: Table) -> list[dict[str, Any]]:
    """OpenAI's models in a table."""
    return next(provider["models"] for provider in table if provider["id"] == "openai")


def model(table: Table, id: str) -> dict[str, Any]:
    return next(listed for listed in openai(table) if listed["id"] == id)


def set_input_price(table: Table, price: float) -> None:
    """Another price for gpt-5-mini's fresh input, which is 0.25 in the packaged list."""
    model(table, "gpt-5-mini")["prices"]["input_mtok"] = price


def sync(server: ListServer, *options: str) -> str:
    said = StringIO()
    call_command("syncprices", "--url", server.url, *options, stdout=said)
    return said.getvalue()


def cost(model: str) -> Decimal:
    """USD of a million input tokens in small requests."""
    quote = pricing.quote(model)
    assert quote is not None
    return quote.cost(TokenUsage(input_tokens=1000)).amount * 1000


def test_the_published_form_is_the_packaged_list(table: Table) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    again = parse(json.dumps(table))
    assert again.models == packaged().models
    assert again.priced(now) == packaged().priced(now)
    for id in again.priced(now):
        for tier in ("default", "flex", "priority", "batch"):
            assert again.quote(id, now, tier) == packaged().quote(id, now, tier)


def test_a_fetched_list_is_used_and_kept(server: ListServer, table: Table) -> None:
    assert cost("gpt-5-mini") == Decimal("0.25")
    set_input_price(table, 0.5)
    server.publish(table)
    said = sync(server)
    assert "gpt-5-mini default input: 0.25 → 0.5" in said
    assert cost("gpt-5-mini") == Decimal("0.5")
    pricing.forget()  # as a process that starts anew
    assert cost("gpt-5-mini") == Decimal("0.5")
    # A second one is compared with the first, and replaces it.
    set_input_price(table, 1)
    server.publish(table)
    assert "gpt-5-mini default input: 0.5 → 1" in sync(server)
    assert cost("gpt-5-mini") == 1
    assert PriceTable.objects.count() == 1


def test_new_models_and_prices_from_a_date_on_are_taken(server: ListServer, table: Table) -> None:
    terra = model(table, "gpt-6.1-terra")
    terra["prices"] = [
        {"prices": terra["prices"]},
        {
            "constraint": {"start_date": date(2027, 1, 1).isoformat()},
            "prices": {"input_mtok": 7, "output_mtok": 7},
        },
    ]
    new = {"id": "gpt-7", "match": {"equals": "gpt-7"}, "prices": terra["prices"][1]["prices"]}
    openai(table).append(new)
    server.publish(table)
    assert "+ gpt-7\n" in sync(server)
    assert cost("gpt-7") == 7
    before, after = (
        pricing.quote("gpt-6.1-terra", at=datetime(year, month, day, tzinfo=UTC))
        for year, month, day in ((2026, 12, 31), (2027, 1, 1))
    )
    assert before is not None
    assert after is not None
    assert [before.rates[0].input, after.rates[0].input] == [Decimal(1), Decimal(7)]


def lose_own(table: Table) -> None:
    del openai(table)[1::8]


def lose_others(table: Table) -> None:
    for provider in table:
        if provider["id"] != "openai":
            del provider["models"][::8]


def lose_prices(table: Table) -> None:
    for listed in openai(table)[1::8]:
        listed["prices"] = {}


@pytest.mark.parametrize("lose", [lose_own, lose_others, lose_prices])
def test_a_list_that_lost_an_eighth_is_refused(
    server: ListServer, table: Table, lose: Callable[[Table], None]
) -> None:
    set_input_price(table, 0.3)
    lose(table)
    server.publish(table)
    with pytest.raises(CommandError, match=r"Of \d+ .*the new list has \d+.*--accept-shrink"):
        sync(server)
    assert cost("gpt-5-mini") == Decimal("0.25")
    sync(server, "--accept-shrink")
    assert cost("gpt-5-mini") == Decimal("0.3")


def test_a_list_that_lost_a_few_is_taken_and_they_are_named(
    server: ListServer, table: Table
) -> None:
    openai(table).remove(model(table, "o1-mini"))
    server.publish(table)
    assert "- o1-mini\n" in sync(server)
    quote = pricing.quote("o1-mini")
    assert quote is not None
    assert quote.unpriced


@pytest.mark.parametrize("price", [2.51, 0.0249, 0])
def test_a_price_that_changed_beyond_a_factor_of_ten_is_refused(
    server: ListServer, table: Table, price: float
) -> None:
    set_input_price(table, price)
    server.publish(table)
    with pytest.raises(CommandError, match=r"gpt-5-mini default input: 0\.25 → .*") as refusal:
        sync(server)
    assert "--accept-changes" in str(refusal.value)
    assert cost("gpt-5-mini") == Decimal("0.25")
    sync(server, "--accept-changes")
    assert cost("gpt-5-mini") == Decimal(str(price))


@pytest.mark.parametrize("price", [2.5, 0.025])
def test_a_price_that_changed_by_a_factor_of_ten_is_taken(
    server: ListServer, table: Table, price: float
) -> None:
    set_input_price(table, price)
    server.publish(table)
    sync(server)
    assert cost("gpt-5-mini") == Decimal(str(price))


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'[{"id": 3}]', b"\xff\xfe", b"[[]]"])
def test_what_is_no_list_is_refused(server: ListServer, body: bytes) -> None:
    server.body = body
    with pytest.raises(CommandError, match=r"is no price list.*stay as they are"):
        sync(server)
    assert not PriceTable.objects.exists()


def test_an_empty_list_is_refused(server: ListServer) -> None:
    server.publish([])
    with pytest.raises(CommandError, match="the new list has 0"):
        sync(server)


def test_a_server_that_is_away_or_refuses_is_named(server: ListServer) -> None:
    server.status = 404
    with pytest.raises(CommandError, match=r"Can't fetch http://127.*404"):
        sync(server)
    server.url = "http://127.0.0.1:9/data.json"
    with pytest.raises(CommandError, match=r"Can't fetch http://127\.0\.0\.1:9/.*refused"):
        sync(server)
    server.url = "no address"
    with pytest.raises(CommandError, match="Can't fetch no address"):
        sync(server)


def test_a_list_that_another_version_fetched_is_not_used(server: ListServer, table: Table) -> None:
    set_input_price(table, 0.3)
    server.publish(table)
    sync(server)
    PriceTable.objects.update(package_version="0.0.1")
    pricing.forget()
    assert cost("gpt-5-mini") == Decimal("0.25")
