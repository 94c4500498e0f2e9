"""Another model answers while the chosen one can't be reached: who speaks, and who is paid."""

import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from conversations.models import Circuit, UpstreamCall
from tests.folding import assert_snapshots_meet
from tests.money.site import entries, reservations, set_limits, set_price
from tests.site import Person, SiteProcess, environment_for
from tests.tab import Tab, generation_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, reply_error

CHAIN = ("first", "second", "third")
ENVIRONMENT = {
    "CHAT_MODELS": ",".join(CHAIN),
    "CHAT_DEFAULT_MODEL": "first",
    "CHAT_FALLBACKS": ",".join(CHAIN),
    "BREAKER_FAILURES": "1",
    "BREAKER_SECONDS": "1000",
    "UPSTREAM_RETRIES": "2",
    "MAX_OUTPUT_TOKENS": "1000",
}


@pytest.fixture
def site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A site where each next model is dearer: 10, 20 and 1000 USD per million tokens."""
    process = SiteProcess(database_url, environment_for(upstream, **ENVIRONMENT))
    with django_db_blocker.unblock():
        for model, price in zip(CHAIN, ("10", "20", "1000"), strict=True):
            set_price(process, price, price, model)
        process.start()
        yield process
        process.kill(signal.SIGTERM)


@pytest.fixture
def person(site: SiteProcess) -> Person:
    person = site.person()
    set_limits(site, person, day="1")
    return person


@pytest.fixture
async def tab(site: SiteProcess, person: Person) -> AsyncIterator[Tab]:
    async with Tab(site, person) as tab:
        yield tab


def shut(site: SiteProcess, *models: str) -> None:
    """Nobody asks these models for a long time; the rest is asked."""

    def write(alias: str) -> None:
        circuits = Circuit.objects.using(alias)
        circuits.all().delete()
        until = timezone.now() + timedelta(minutes=5)
        for model in models:
            circuits.create(endpoint="responses", model=model, era=1, trips=1, open_until=until)

    site.in_database(write)


def calls(site: SiteProcess) -> list[tuple[str, str, str]]:
    return site.in_database(
        lambda alias: [
            (row.model, row.outcome, str(row.generation))
            for row in UpstreamCall.objects.using(alias).order_by("pk")
        ]
    )


async def test_a_turn_goes_to_the_next_model_that_can_be_reached(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    shut(site, "first")
    upstream.queue([Gate("go"), *text_answer("I am the second.")])
    created = await tab.ask("Who speaks?")
    id = created["generation"]
    started = await tab.until(id, "generation.started")
    assert (started["model"], started["instead_of"]) == ("second", "first")
    [held] = reservations(site, person)
    assert held.model == "second"
    upstream.open("go")
    finished = await tab.finished(id)
    assert finished["status"] == "completed"
    assert upstream.requests()[0].body["model"] == "second"
    [entry] = entries(site, person)
    tokens = entry.input_tokens + entry.output_tokens
    assert (entry.model, entry.amount) == ("second", Decimal(20) * tokens / 1_000_000)
    shown = generation_in(await tab.open(created["conversation"]["id"]), id)
    assert (shown["model"], shown["instead_of"]) == ("second", "first")
    assert created["conversation"]["model"] == "first"  # which is asked next


async def test_a_turn_is_refused_when_none_can_be_reached(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    shut(site, *CHAIN)
    id = str(uuid.uuid4())
    new = {"id": id, "conversation": None, "text": "Anybody?"}
    error = await tab.refused("turn.create", "upstream_unavailable", **new)
    assert 200 < error["retry_after"] <= 300
    assert "The model first is not answering right now." in error["message"]
    assert reservations(site, person) == []
    shut(site)
    upstream.queue(text_answer("Here."))
    await tab.finished((await tab.ask("Anybody?", id=id))["generation"])
    # One that stands last in the chain has nobody behind it.
    shut(site, "third")
    new = {"id": str(uuid.uuid4()), "conversation": None, "text": "You?", "model": "third"}
    await tab.refused("turn.create", "upstream_unavailable", **new)


async def test_another_answer_goes_to_the_next_model_too(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    upstream.queue(text_answer("One."), text_answer("Two."))
    created = await tab.ask("Twice")
    await tab.finished(created["generation"])
    shut(site, "first", "second")
    set_limits(site, person, day="100")
    id = str(uuid.uuid4())
    await tab.send("generation.create", id=id, turn=created["turn"]["id"], model="first")
    await tab.expect("turn.created", ref=id)
    assert (await tab.until(id, "generation.started"))["model"] == "third"
    await tab.finished(id)


async def test_a_model_steps_in_for_one_that_fails_before_any_output(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    upstream.queue(reply_error(500), text_answer("I stepped in."))
    created = await tab.ask("Who speaks?")
    id = created["generation"]
    assert (await tab.finished(id))["status"] == "completed"
    changes = [event for event in tab.events[id] if "instead_of" in event]
    assert [(e["type"], e["model"], e["instead_of"]) for e in changes] == [
        ("generation.started", "first", None),
        ("generation.retrying", "second", "first"),
    ]
    assert [record.body["model"] for record in upstream.requests()] == ["first", "second"]
    [entry] = entries(site, person)
    [held] = reservations(site, person)
    assert (entry.model, held.model, held.state) == ("second", "second", "settled")
    snapshot = await tab.open(created["conversation"]["id"], {id: 0})
    shown = generation_in(snapshot, id)
    assert (shown["model"], shown["instead_of"]) == ("second", "first")
    await tab.finished(id)
    assert_snapshots_meet(created["turn"]["generations"][0], tab.events[id], shown)
    site.kill(signal.SIGTERM)  # which writes what it has noted
    assert calls(site) == [("first", "server_error", id), ("second", "ok", id)]


async def test_a_dearer_model_that_the_budget_does_not_bear_ends_it(
    site: SiteProcess, person: Person, tab: Tab, upstream: Upstream
) -> None:
    shut(site, "second")
    set_limits(site, person, day="0.02")
    upstream.queue(reply_error(500))
    finished = await tab.finished((await tab.ask("Too dear?"))["generation"])
    assert (finished["status"], finished["error"]["code"]) == ("failed", "budget_exceeded")
    [held] = reservations(site, person)
    assert (held.model, held.state) == ("first", "released")
    assert entries(site, person) == []
    assert len(upstream.requests()) == 1
