"""`/healthz` and `/readyz` of a web process, whatever is missing."""

import http.client
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker
from redis import Redis

from chatsite.bootstrap.services import wait_for
from conversations.models import Circuit
from tests.figures.scraping import TOKEN, asked, scrape
from tests.servers import running_redis, running_worker
from tests.services_fixtures import *  # noqa: F403
from tests.services_fixtures import POSTGRES
from tests.site import SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate

FOREIGN = {"Host": "10.1.2.3:8000"}
DEAD = "none is alive"


def ready(url: str) -> tuple[int, dict[str, Any]]:
    """HTTP status and JSON of `/readyz`."""
    answer = asked(f"{url}/readyz", **FOREIGN)
    return answer.status, answer.json


def becomes(url: str, agrees: Callable[[dict[str, Any]], bool]) -> tuple[int, dict[str, Any]]:
    """Asks until the answer agrees."""
    assert wait_for(lambda: agrees(ready(url)[1])), ready(url)
    return ready(url)


def broken(told: dict[str, Any]) -> dict[str, str]:
    """The checks that are not ok."""
    checks = {name: check.get("detail", "") for name, check in told["checks"].items()}
    return {name: why for name, why in checks.items() if why}


def lacks(*names: str) -> Callable[[dict[str, Any]], bool]:
    return lambda told: sorted(broken(told)) == sorted(names)


def is_ok(told: dict[str, Any]) -> bool:
    return bool(told["status"] == "ok")


@contextmanager
def database_away(url: str) -> Iterator[None]:
    """PostgreSQL ends all its connections and takes no new ones."""
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        server.execute(sessions, [name])
        yield
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def test_an_open_breaker_is_told_and_takes_nobody_out(shared_site: SiteProcess) -> None:
    status, told = becomes(shared_site.url, is_ok)
    assert status == 200
    assert {check["status"] for check in told["checks"].values()} == {"ok"}

    def write(alias: str) -> None:
        until = timezone.now() + timedelta(minutes=1)
        rows = Circuit.objects.using(alias)
        rows.create(endpoint="responses", model="asleep-model", open_until=until)

    shared_site.in_database(write)
    try:
        status, told = becomes(shared_site.url, lacks("upstream"))
        assert (status, told["status"]) == (200, "degraded")
        assert told["checks"]["upstream"] == {
            "status": "open",
            "detail": "responses asleep-model",
        }
    finally:
        shared_site.in_database(lambda alias: Circuit.objects.using(alias).all().delete())
    becomes(shared_site.url, is_ok)


def test_whoever_asks_by_address_is_answered_and_nothing_may_keep_it(
    shared_site: SiteProcess,
) -> None:
    for path in ("/healthz", "/readyz"):
        answer = asked(f"{shared_site.url}{path}", **FOREIGN)
        assert answer.status != 400
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in answer.headers
    assert asked(f"{shared_site.url}/", **FOREIGN).status == 400


def test_it_is_not_ready_without_redis_a_database_or_a_worker_and_says_which(
    postgres_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock(), running_redis() as redis:
        environment = environment_for(
            upstream, REDIS_URL=redis.url, GENERATION_WORKERS="external", METRICS_TOKEN=TOKEN
        )
        with running_site(postgres_url, environment) as web:
            assert becomes(web.url, lacks("worker"))[0] == 503
            with running_worker(postgres_url, environment) as worker:
                assert becomes(web.url, is_ok)[0] == 200
                with Redis.from_url(redis.url) as client:
                    # It takes connections and answers none, for longer than anybody here waits.
                    client.client_pause(60_000)
                status, told = becomes(web.url, lacks("channel_layer"))
                assert (status, told["status"]) == (503, "unready")
                redis.kill()
                becomes(web.url, lacks("channel_layer"))
                redis.start()
                assert becomes(web.url, is_ok)[0] == 200
                worker.kill()
            with database_away(postgres_url):
                assert becomes(web.url, lacks("database", "worker"))[0] == 503
                assert asked(f"{web.url}/healthz").status == 200
                figures = scrape(web.url)
                assert ("chatsite_database_up", frozenset()) in figures.samples
                assert figures("chatsite_database_up") == 0
                assert ("chatsite_sockets", frozenset()) in figures.samples
            status, told = becomes(web.url, lambda told: broken(told) == {"worker": DEAD})
            assert status == 503


async def test_who_is_about_to_end_is_alive_but_not_ready(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    answer = text_answer("The end is near.")
    upstream.queue([*answer[:5], Gate("rest"), *answer[5:]])
    environment = environment_for(upstream, DRAIN_SECONDS="60")
    with django_db_blocker.unblock(), running_site(database_url, environment) as site:
        async with Tab(site, site.person()) as tab:
            id = (await tab.ask("Ready?"))["generation"]
            await tab.until(id, "response.output_text.delta")
            # Nobody new comes in from then on: as a balancer would, with a line that it has.
            line = http.client.HTTPConnection(urlsplit(site.url).netloc, timeout=10)
            assert told_on(line, "/healthz")[0] == 200
            os.kill(site.pid, signal.SIGTERM)
            assert wait_for(lambda: any("Finishing 1 answer" in said for said in site.output))
            status, told = told_on(line, "/readyz")
            assert (status, told["checks"]["process"]["status"]) == (503, "failed")
            assert told_on(line, "/healthz")[0] == 200
            line.close()
            upstream.open("rest")
            await tab.finished(id)


def told_on(line: http.client.HTTPConnection, path: str) -> tuple[int, Any]:
    """One request on a connection that stays open."""
    line.request("GET", path)
    answer = line.getresponse()
    return answer.status, json.loads(answer.read())
