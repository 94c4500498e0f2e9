"""`manage.py rungenerations` as a process: what it tells of itself, and how it ends."""

import json
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from pytest_django.plugin import DjangoDbBlocker

from chatsite.bootstrap import healthcheck
from chatsite.bootstrap.services import wait_for
from tests import nursery
from tests.servers import WorkerWithHealth, running_worker
from tests.services_fixtures import *  # noqa: F403
from tests.services_fixtures import POSTGRES
from tests.site import SiteProcess, environment_for, running_site
from tests.tab import Tab, text_in
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate, Silence

TEXT = " ".join(f"word{n}" for n in range(100))
END_SECONDS = 10.0


@pytest.fixture
def environment(upstream: Upstream, redis_url: str) -> dict[str, str]:
    """Longer to drain than any test waits."""
    return environment_for(
        upstream, REDIS_URL=redis_url, GENERATION_WORKERS="external", DRAIN_SECONDS="60"
    )


@pytest.fixture
def web(
    postgres_url: str, environment: dict[str, str], django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A web process that runs no generations itself."""
    with django_db_blocker.unblock(), running_site(postgres_url, environment) as process:
        yield process


def asked(url: str) -> tuple[int, dict[str, Any]]:
    """HTTP status and the JSON of the answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, json.load(refusal)


def becomes(url: str, status: str) -> dict[str, Any]:
    """Asks until this is the worker's status; the whole answer."""
    assert wait_for(lambda: asked(url)[1]["status"] == status), asked(url)
    return asked(url)[1]


def complaint(environment: dict[str, str], *arguments: str) -> str:
    """What a worker prints that can't start."""
    own = {"SECRET_KEY": "tests-only", "DJANGO_SETTINGS_MODULE": "chatsite.settings"}
    command = ["manage.py", "rungenerations", *arguments]
    code, said = nursery.ran(command, os.environ | own | environment)
    assert code != 0
    assert "Traceback" not in said
    return said


def test_a_worker_is_ready_once_it_reached_its_database(
    postgres_url: str, environment: dict[str, str]
) -> None:
    with running_worker(postgres_url, environment, WorkerWithHealth) as worker:
        told = becomes(f"{worker.url}/readyz", "ok")
        assert (told["running"], told["draining"]) == (0, False)
        assert 0 <= told["beat_age_seconds"] < 5
        assert asked(f"{worker.url}/readyz")[0] == 200
        assert asked(f"{worker.url}/healthz")[0] == 200
        assert healthcheck.main(f"{worker.url}/readyz") == 0
    assert healthcheck.main(f"{worker.url}/readyz") == 1


def test_a_worker_without_its_database_is_alive_but_not_ready(
    postgres_url: str, environment: dict[str, str]
) -> None:
    name = urlsplit(postgres_url).path.removeprefix("/")
    with (
        psycopg.connect(POSTGRES, autocommit=True) as server,
        running_worker(postgres_url, environment, WorkerWithHealth) as worker,
    ):
        becomes(f"{worker.url}/readyz", "ok")
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        server.execute(sessions, [name])
        assert becomes(f"{worker.url}/readyz", "silent")["beat_age_seconds"] >= 5
        assert asked(f"{worker.url}/readyz")[0] == 503
        assert asked(f"{worker.url}/healthz")[0] == 200
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        becomes(f"{worker.url}/readyz", "ok")


async def test_a_worker_told_to_end_finishes_its_answer_and_is_not_ready_meanwhile(
    postgres_url: str, environment: dict[str, str], web: SiteProcess, upstream: Upstream
) -> None:
    answer = text_answer(TEXT)
    upstream.queue([*answer[:30], Gate("rest"), *answer[30:]])
    with running_worker(postgres_url, environment, WorkerWithHealth) as worker:
        async with Tab(web, web.person()) as tab:
            id = (await tab.ask("Count"))["generation"]
            await tab.until(id, "response.output_text.delta")
            worker.send(signal.SIGTERM)
            told = becomes(f"{worker.url}/readyz", "draining")
            assert (told["running"], told["draining"]) == (1, True)
            assert asked(f"{worker.url}/readyz")[0] == 503
            assert asked(f"{worker.url}/healthz")[0] == 200
            assert healthcheck.main(f"{worker.url}/readyz") == 1
            upstream.open("rest")
            assert (await tab.finished(id))["status"] == "completed"
            assert text_in(tab.events[id]) == TEXT
        assert worker.wait(END_SECONDS) == 0


async def test_a_second_signal_ends_a_worker_at_once(
    postgres_url: str, environment: dict[str, str], web: SiteProcess, upstream: Upstream
) -> None:
    upstream.queue([*text_answer(TEXT)[:30], Silence()])
    with running_worker(postgres_url, environment, WorkerWithHealth) as worker:
        async with Tab(web, web.person()) as tab:
            id = (await tab.ask("Count"))["generation"]
            await tab.until(id, "response.output_text.delta")
            worker.send(signal.SIGTERM)
            assert becomes(f"{worker.url}/readyz", "draining")["running"] == 1
            worker.send(signal.SIGTERM)
            assert worker.wait(END_SECONDS) == 0


def test_a_taken_health_port_is_named(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = complaint(environment, "--health-port", port)
    assert f"127.0.0.1:{port}" in said
    assert "--health-port" in said


@pytest.mark.parametrize("port", [["65536"], ["-1"], ["http"], []])
def test_a_health_port_that_is_none_is_refused(
    environment: dict[str, str], port: list[str]
) -> None:
    assert "--health-port" in complaint(environment, "--health-port", *port)


def test_an_unknown_health_host_is_named(environment: dict[str, str]) -> None:
    said = complaint(environment, "--health-port", "0", "--health-host", "not.a.host.invalid")
    assert "not.a.host.invalid" in said
