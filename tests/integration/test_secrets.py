"""Secrets are nowhere: not in logs, pages, the admin, sockets, the database or messages."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from chatsite.errorpages import RedactedReporter
from chatsite.redaction import hide
from tests.money.test_permissions import all_pages, url_of
from tests.site import ROOT, Person, SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.answers import flat_error, nested_error, text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Script, reply_error, reply_html

KEY, NEW_KEY = "sk-canary-Jq4vT0pSecretPart", "sk-canary-Wd8nEw0neSecretPart"
ECHO = f"Incorrect API key provided: {KEY[:11]}*********{KEY[-4:]}. You sent {KEY}."
OTHERS = {
    "METRICS_TOKEN": "canary-of-metrics",
    "EMAIL_URL": "smtp://me:canary-of-mail@127.0.0.1:9",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=canary-of-traces",
    # Nobody listens there: it disturbs no chat.
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    "OTEL_BSP_SCHEDULE_DELAY": "100",
}
CANARY = re.compile(r"canary|Jq4v|Wd8n|SecretPart")

FAILURES: dict[str, Script] = {
    "Refused key": reply_error(401, "invalid_api_key", ECHO),
    "Refused request": reply_error(400, "invalid_prompt", ECHO),
    "Refused, and told why": reply_error(422, None, ECHO),
    "Broken": reply_error(500, "server_error", ECHO, headers={"x-should-retry": "false"}),
    "Proxy": reply_html(400, f"<p>{ECHO}</p>"),
    "In the stream": [*text_answer("Well")[:6], flat_error("invalid_api_key", ECHO)],
    "Nested": [nested_error("invalid_api_key", ECHO)],
}


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secrets") / "key"
    path.write_text(KEY + "\n")
    return path


@pytest.fixture(scope="module")
def site(
    empty_database: Path,
    key_file: Path,
    upstream_server: Upstream,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[SiteProcess]:
    """With DEBUG=1, which shows the most."""
    path = key_file.parent / "site.sqlite3"
    path.write_bytes(empty_database.read_bytes())
    environment = environment_for(
        upstream_server,
        DEBUG="1",
        OPENAI_API_KEY_FILE=str(key_file),
        UNPRICED_MODELS="free",
        UPSTREAM_RETRIES="0",
        **OTHERS,
    )
    with (
        django_db_blocker.unblock(),
        running_site(f"sqlite:///{path}", environment) as process,
    ):
        yield process


def page(site: SiteProcess, path: str, person: Person | None = None) -> tuple[int, str]:
    """Status and content, with the headers, of a page."""
    headers = {"Cookie": person.cookie} if person else {}
    request = urllib.request.Request(site.url + path, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, f"{answer.headers}{answer.read().decode(errors='replace')}"
    except urllib.error.HTTPError as error:
        with error:
            return error.code, f"{error.headers}{error.read().decode(errors='replace')}"


def rows(alias: str) -> dict[str, Any]:
    """The first row of each model that the admin shows."""
    return {
        f"{model._meta.app_label}_{model._meta.model_name}": model._default_manager.using(
            alias
        ).first()
        for model in admin.site._registry
    }


def break_a_table(alias: str) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("ALTER TABLE conversations_conversation RENAME TO gone")


async def test_a_new_key_is_used_from_the_next_request_on(
    site: SiteProcess, key_file: Path, upstream: Upstream
) -> None:
    async with Tab(site, site.person()) as tab:
        await tab.finished((await tab.ask("One"))["generation"])
        key_file.with_suffix(".new").write_text(NEW_KEY)
        key_file.with_suffix(".new").replace(key_file)
        await tab.finished((await tab.ask("Two"))["generation"])
        key_file.write_text("")
        an_hour_ago = time.time() - 3600
        os.utime(key_file, (an_hour_ago, an_hour_ago))
        await tab.finished((await tab.ask("Three"))["generation"])
    used = [record.headers["authorization"] for record in upstream.requests()]
    assert used == [f"Bearer {KEY}", f"Bearer {NEW_KEY}", f"Bearer {NEW_KEY}"]
    checks = upstream.requests("/v1/moderations")
    assert {check.headers["authorization"] for check in checks} == {*used}
    said = [line for line in site.output if "stays in use" in line]
    assert len(said) == 1


async def fail_in_every_way(site: SiteProcess, boss: Person, upstream: Upstream) -> tuple[str, str]:
    """The last conversation, and all that the socket was sent."""
    async with Tab(site, boss) as tab:
        for text, script in FAILURES.items():
            upstream.when(text, script)
            created = await tab.ask(text)
            finished = await tab.finished(created["generation"])
            assert finished["status"] in ("failed", "interrupted"), finished
        with upstream.down():
            created = await tab.ask("Anybody there?")
            await tab.finished(created["generation"])
        await tab.open(created["conversation"]["id"])
        return created["conversation"]["id"], json.dumps(tab.messages)


async def test_no_secret_is_anywhere(site: SiteProcess, upstream: Upstream) -> None:
    boss = site.person(staff=True)
    conversation, sent = await fail_in_every_way(site, boss, upstream)
    assert "It said: Incorrect API key" in sent
    shown, chat = [sent], f"/c/{conversation}/"
    paths = ["/", chat, "/healthz", "/readyz", "/metrics", "/usage/", "/no-such-page"]
    paths += [f"/static/js/{file.name}" for file in (ROOT / "static" / "js").glob("*.js")]
    found = site.in_database(rows)
    paths += [url_of(name, found) for name in all_pages() if name != "logout"]
    statuses = {}
    for path in paths:
        statuses[path], text = page(site, path, boss)
        shown.append(text)
    assert statuses["/admin/"] == statuses[chat] == 200
    assert sum(status == 200 for status in statuses.values()) > 40
    shown.append(page(site, "/")[1])
    site.in_database(break_a_table)
    status, broken = page(site, "/", boss)
    assert status == 500
    assert "OperationalError" in broken
    assert "METRICS_TOKEN" in broken  # Django's page for developers, with all settings
    shown.append(broken)
    site.kill(signal.SIGTERM)
    shown += site.output
    files = Path(site.database_url.removeprefix("sqlite:///")).parent.glob("site.sqlite3*")
    shown += [file.read_bytes().decode("latin1") for file in files]
    hits = [
        text[max(at.start() - 200, 0) : at.end()] for text in shown for at in CANARY.finditer(text)
    ]
    assert hits == []
    assert sum('"opentelemetry' in line for line in site.output) == 1  # unreachable, said once


def test_what_checks_print_of_a_variable_is_no_secret(key_file: Path) -> None:
    bad = {
        "DATABASE_URL": "mysql://me:canary-of-data@host/x",
        "REDIS_URL": "rodis://:canary-of-redis@host",
        "EMAIL_URL": "pigeon://me:canary-of-mail@host",
        "OPENAI_BASE_URL": "ftp://me:canary-of-proxy@host/v1",
        "OPENAI_API_KEY": KEY,
        "OPENAI_API_KEY_FILE": str(key_file.with_name("broken")),
    }
    key_file.with_name("broken").write_text(f"{KEY} and more")
    settings = {"SECRET_KEY": "tests-only", "DJANGO_SETTINGS_MODULE": "chatsite.settings"}
    run = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=os.environ | settings | bad,
        capture_output=True,
        text=True,
    )
    assert run.returncode
    for name in bad:
        assert name in run.stderr, name
    assert run.stderr.count("E001") == 4
    assert "E010" in run.stderr
    assert "E011" in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stderr.count("can't be used") == 4
    assert not CANARY.search(run.stdout + run.stderr.replace(str(key_file.parent), ""))


def test_the_page_of_an_exception_shows_no_secret_that_a_variable_holds() -> None:
    local = "canary-in-a-variable <&>"
    hide(local)
    try:
        int(f"{local} {ECHO}")
    except ValueError as error:
        reporter = RedactedReporter(None, type(error), error, error.__traceback__)
        html, text = reporter.get_traceback_html(), reporter.get_traceback_text()
    for shown in (html, text):
        assert "ValueError" in shown
        assert "provided: …" in shown
        assert local not in shown
        assert escape(local) not in shown
    assert "<td>local</td>" in html
