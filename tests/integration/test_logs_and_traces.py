"""What a running site logs and traces: who, in which conversation, and never what they wrote."""

import json
import signal
import urllib.error
import urllib.request
from typing import Any

from pytest_django.plugin import DjangoDbBlocker

from chatsite.logcontext import user_hash
from tests.collector import Collector, running_collector
from tests.site import Person, SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import reply_error

PROMPT = "Dear diary, nobody may read this"
ANSWER = "The answer is private as well"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
QUOTING = reply_error(400, "invalid_prompt", f"You said: {PROMPT}")


def logged(site: SiteProcess) -> list[dict[str, Any]]:
    """The lines of the log; what else a site prints is no JSON."""
    return [json.loads(line) for line in site.output if line.startswith("{")]


def get(site: SiteProcess, path: str, **headers: str) -> tuple[int, Any]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(site.url + path, headers=names)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers


async def talk(site: SiteProcess, person: Person, upstream: Upstream) -> list[Any]:
    """An answer and a refusal that quotes the question; the two `turn.created`."""
    upstream.when(PROMPT, text_answer(ANSWER))
    upstream.when("And again", QUOTING)
    async with Tab(site, person) as tab:
        created = await tab.ask(PROMPT)
        assert (await tab.finished(created["generation"]))["status"] == "completed"
        again = await tab.ask("And again", created["conversation"]["id"])
        assert (await tab.finished(again["generation"]))["status"] == "failed"
    return [created, again]


def drop_table(alias: str) -> None:
    from django.db import connections

    with connections[alias].cursor() as cursor:
        cursor.execute("DROP TABLE conversations_eventframe")
        cursor.execute("ALTER TABLE conversations_turn RENAME TO gone")


async def test_a_talk_in_logs_and_traces(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    with running_collector() as collector, django_db_blocker.unblock():
        environment = environment_for(
            upstream,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="60000",  # nothing leaves before the end of the process
            OTEL_SERVICE_NAME="our-chat",
            OTEL_TRACES_SAMPLER="",  # as compose files pass what is not set
        )
        with running_site(database_url, environment) as site:
            person = site.person()
            first, second = await talk(site, person, upstream)
            page = f"/c/{first['conversation']['id']}/?q=secret-query"
            traceparent = f"00-{TRACE}-{PARENT}-01"
            status, headers = get(
                site,
                page,
                Cookie=person.cookie,
                X_Request_ID="from-proxy-1",
                Traceparent=traceparent,
            )
            assert (status, headers["X-Request-ID"]) == (200, "from-proxy-1")
            site.in_database(drop_table)
            status, headers = get(site, page, Cookie=person.cookie, X_Request_ID="not sane;")
            assert status == 500
            assert len(headers["X-Request-ID"]) == 32
            assert collector.spans == []
            site.kill(signal.SIGTERM)
        # The scripted upstream names its requests so.
        refused = "req_" + upstream.requests()[1].response_id.removeprefix("resp_")
        check_lines(site, person, second, headers["X-Request-ID"], refused)
        check_traces(collector, person, first, second, refused)
        shown = "\n".join(site.output).encode() + collector.raw
        for text in (PROMPT, ANSWER, "And again", "secret-query", person.email):
            assert text.encode() not in shown
        assert {r.headers.get("traceparent") for r in upstream.records} == {None}


def check_lines(
    site: SiteProcess, person: Person, turn: Any, request: str, upstream_request: str
) -> None:
    lines = logged(site)
    assert all({"timestamp", "level", "logger", "event"} <= line.keys() for line in lines)
    [refused] = [line for line in lines if "upstream_rejected" in line["event"]]
    assert refused["generation"] == turn["generation"]
    assert refused["conversation"] == turn["conversation"]["id"]
    assert refused["upstream_request"] == upstream_request
    assert refused["user"] == user_hash(person.id)
    [broken] = [line for line in lines if line["logger"] == "django.request"]
    assert (broken["request"], broken["user"]) == (request, user_hash(person.id))
    assert broken["route"] == "/c/<uuid:conversation_id>/"
    assert "OperationalError" in broken["exception"][0]["type"]


def check_traces(
    collector: Collector, person: Person, first: Any, second: Any, upstream_request: str
) -> None:
    assert {span.resource["service.name"] for span in collector.spans} == {"our-chat"}
    page, broken = collector.named("GET /c/<uuid:conversation_id>/")
    assert (page.trace, page.parent) == (TRACE, PARENT)
    assert (page.failed, broken.failed) == (False, True)
    assert page.attributes["http.response.status_code"] == 200
    assert page.attributes["chatsite.user"] == user_hash(person.id)
    assert len(collector.named("socket turn.create")) == 2
    for turn, status in ((first, "completed"), (second, "failed")):
        [run] = [
            span
            for span in collector.named("generation")
            if span.attributes["chatsite.generation"] == turn["generation"]
        ]
        assert run.attributes["chatsite.status"] == status
        assert run.parent == ""
        [call] = [s for s in collector.named("upstream responses") if s.trace == run.trace]
        assert call.parent == run.id
        assert call.attributes["gen_ai.request.model"] == "test-model"
        assert 0 < call.milliseconds <= run.milliseconds
        if status == "failed":
            assert call.failed
            assert call.attributes["chatsite.outcome"] == "prompt_refused"
            assert call.attributes["chatsite.upstream_request"] == upstream_request
        else:
            assert call.attributes["chatsite.outcome"] == "ok"
