"""`/metrics` of a running site: its values, and who may read it."""

import asyncio
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.figures.scraping import BEARER, TOKEN, asked, scrape, scrape_openmetrics
from tests.money.site import set_price
from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.answers import text_answer, usage
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Pause, reply_error

BAD = "slartibartfast"
KEY = "sk-test-not-to-be-seen"
ANSWER = text_answer("All is well.", usage=usage(input=1000, output=100))


@pytest.fixture(scope="module")
def site(
    empty_database: Path,
    upstream_server: Upstream,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[SiteProcess]:
    """A site that knows a price, a token for scrapers and a checker of texts."""
    path = shutil.copy(empty_database, tmp_path_factory.mktemp("scraped") / "site.sqlite3")
    environment = environment_for(
        upstream_server,
        METRICS_TOKEN=TOKEN,
        MODERATION_CHECKER="openai",
        OPENAI_API_KEY=KEY,
        UNPRICED_MODELS="free",
    )
    with (
        django_db_blocker.unblock(),
        running_site(f"sqlite:///{path}", environment) as process,
    ):
        set_price(process, input="2", output="10")
        yield process


@pytest.fixture
def person(site: SiteProcess) -> Person:
    return site.person()


async def test_an_answer_is_counted_with_its_pace_its_frames_and_its_price(
    site: SiteProcess, person: Person, upstream: Upstream
) -> None:
    before = scrape(site.url)
    upstream.queue([*ANSWER[:5], Gate("look"), Pause(0.2), *ANSWER[5:]])
    async with Tab(site, person) as tab, Tab(site, person):
        id = (await tab.ask("How are things?"))["generation"]
        await tab.until(id, "response.output_text.delta")
        meanwhile = await asyncio.to_thread(scrape, site.url)
        upstream.open("look")
        await tab.finished(id)
        after = await asyncio.to_thread(scrape, site.url)
    assert meanwhile("chatsite_sockets") == 2
    assert meanwhile("chatsite_generations_here") == 1
    assert meanwhile("chatsite_generations_open", status="running") == 1
    assert meanwhile("chatsite_reservations_open") == 1
    assert meanwhile("chatsite_reservations_open_usd") > 0.01
    completed = {"status": "completed"}
    ended = "chatsite_generations_ended_total"
    assert after(ended, **completed) == before(ended, **completed) + 1
    assert after("chatsite_generations_here") == 0
    assert after("chatsite_reservations_open") == after("chatsite_reservations_open_usd") == 0
    spent = after("chatsite_ledger_spend_usd", model="test-model")
    assert spent - before("chatsite_ledger_spend_usd", model="test-model") == pytest.approx(0.003)
    model = {"model": "test-model"}
    assert after("chatsite_tokens_per_second_count", **model) == 1
    # 100 tokens in at least 0.2 s.
    assert 0 < after("chatsite_tokens_per_second_sum", **model) <= 500
    frames = after("chatsite_frame_characters_count") - before("chatsite_frame_characters_count")
    assert frames >= 2
    written = after("chatsite_flush_frames_sum") - before("chatsite_flush_frames_sum")
    assert written == frames
    assert after("chatsite_flush_seconds_count") == after("chatsite_flush_frames_count")
    assert after("chatsite_database_up") == 1
    assert after("chatsite_workers", state="working") == 1


async def test_failures_refusals_and_checks_are_counted_by_kind(
    site: SiteProcess, person: Person, upstream: Upstream
) -> None:
    before = scrape(site.url)
    upstream.flag(BAD)
    upstream.queue(reply_error(400))
    async with Tab(site, person) as tab:
        failed = (await tab.ask("Fine"))["generation"]
        await tab.finished(failed)
        blocked = (await tab.ask(BAD))["generation"]
        assert (await tab.finished(blocked))["status"] == "blocked"
        unknown = {"id": str(uuid.uuid4()), "conversation": None, "text": "?", "model": "nobody"}
        await tab.refused("turn.create", "model_unavailable", **unknown)
        await tab.refused("turn.create", "bad_request")
        after = await asyncio.to_thread(scrape, site.url)

    def more(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    assert more("chatsite_generations_ended_total", status="failed") == 1
    assert more("chatsite_generations_ended_total", status="blocked") == 1
    assert more("chatsite_moderation_checks_total", result="flagged") == 1
    assert more("chatsite_moderation_checks_total", result="clear") == 1
    assert more("chatsite_moderation_seconds_count") == 2
    assert more("chatsite_commands_refused_total", code="model_unavailable") == 1
    assert more("chatsite_commands_refused_total", code="bad_request") == 1


async def test_what_comes_from_the_log_is_counted_as_replayed(
    site: SiteProcess, person: Person, upstream: Upstream
) -> None:
    upstream.queue(ANSWER)
    async with Tab(site, person) as tab:
        created = await tab.ask("Once more")
        await tab.finished(created["generation"])
    before = scrape(site.url)("chatsite_replayed_frames_total")
    async with Tab(site, person) as tab:
        await tab.open(created["conversation"]["id"], {created["generation"]: 0})
        await tab.finished(created["generation"])
    assert scrape(site.url)("chatsite_replayed_frames_total") > before


async def test_both_formats_say_the_same_and_nothing_of_anybody(
    site: SiteProcess, person: Person, upstream: Upstream
) -> None:
    upstream.queue(text_answer("A secret between us."))
    async with Tab(site, person) as tab:
        await tab.finished((await tab.ask("Whisper: walnut"))["generation"])
    figures, strict = scrape(site.url), scrape_openmetrics(site.url)
    ours = {key: value for key, value in figures.samples.items() if key[0].startswith("chatsite_")}
    assert len(ours) > 50
    assert {key: strict.samples[key] for key in ours} == ours
    text = asked(f"{site.url}/metrics", **BEARER).text
    for said in ("secret", "walnut", KEY, TOKEN, person.email, "@", person.cookie):
        assert said not in text
    assert not any(name.endswith("_created") for name, _ in figures.samples)


def test_only_staff_and_the_token_may_read_it(site: SiteProcess, person: Person) -> None:
    url = f"{site.url}/metrics"
    staff = {"Cookie": site.person(staff=True).cookie}
    allowed = [
        staff,
        BEARER,
        BEARER | {"Host": "10.0.0.7:8000"},
        {"Authorization": f"bearer {TOKEN}"},
    ]
    for headers in allowed:
        answer = asked(url, **headers)
        assert answer.status == 200, headers
        assert "chatsite_sockets" in answer.text
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    # A proxy's own password in the header does not stand in the way of a session.
    assert asked(url, Authorization="Basic YTpi", **staff).status == 200
    for headers in ({}, {"Cookie": person.cookie}, {"Authorization": "Basic YTpi"}):
        answer = asked(url, **headers)
        assert answer.status == 403, headers
        assert "chatsite_" not in answer.text
        assert "no-store" in answer.headers["Cache-Control"]
    for token in ("", " ", "nope", TOKEN[:-1], f"{TOKEN}x", "ü"):
        answer = asked(url, Authorization=f"Bearer {token}", **staff)
        assert answer.status == 401, token
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert "chatsite_" not in answer.text


def test_it_is_read_and_nothing_else(site: SiteProcess) -> None:
    head = asked(f"{site.url}/metrics", "HEAD", **BEARER)
    assert (head.status, head.text) == (200, "")
    assert asked(f"{site.url}/metrics", "POST", **BEARER).status == 405
    assert asked(f"{site.url}/healthz", "DELETE").status == 405


def test_without_a_token_set_none_works(shared_site: SiteProcess) -> None:
    url = f"{shared_site.url}/metrics"
    for token in ("", "None", TOKEN):
        assert asked(url, Authorization=f"Bearer {token}").status == 401
    assert asked(url).status == 403
    staff = shared_site.person(staff=True)
    assert asked(url, Cookie=staff.cookie).status == 200
