"""The letters reach operators by mail: from a running site, and from a mail server that fails."""

import logging
from collections.abc import Iterator
from time import monotonic, sleep

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from conversations.database import DatabaseThread
from conversations.models import Circuit
from conversations.upstream.alarms import Alarms
from tests.health.calls import NOON, open_circuit
from tests.money.engines import default_database
from tests.money.mailserver import MailServer, running_mail_server
from tests.money.people import user
from tests.site import environment_for, running_site
from tests.upstream.client import Upstream


@pytest.fixture
def alarms(
    database_url: str, settings: Settings, django_db_blocker: DjangoDbBlocker
) -> Iterator[Alarms]:
    """Of a process that tries again twice, at once."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with django_db_blocker.unblock(), default_database(database_url):
        yield Alarms(DatabaseThread("writer"), DatabaseThread("reader"), (0.0, 0.0))


def make_open_for(*emails: str) -> None:
    """A circuit opens, and operators have these addresses."""
    open_circuit()
    for email in emails:
        person = user("Operators")
        person.email = email
        person.save()


async def test_only_who_was_not_reached_is_written_to_again(
    alarms: Alarms, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with running_mail_server("lost@example.com") as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        await DatabaseThread("test").run(make_open_for, "anna@example.com", "lost@example.com")
        await alarms.look_for_alarms()
        await alarms.write_alarms()
        assert server.received == ["anna@example.com"]
    missed = [record for record in caplog.records if "could not be sent to lost@" in record.message]
    assert [record.levelno for record in missed] == [logging.WARNING] * 2 + [logging.ERROR]


async def test_a_mail_server_that_is_away_is_given_up_after_some_attempts(
    alarms: Alarms, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with running_mail_server() as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    await DatabaseThread("test").run(make_open_for, "anna@example.com")
    await alarms.look_for_alarms()
    await alarms.write_alarms()
    missed = [record for record in caplog.records if "could not be sent to anna@" in record.message]
    assert [record.levelno for record in missed] == [logging.WARNING] * 2 + [logging.ERROR]


def received(server: MailServer, count: int) -> list[str]:
    """Whom the server took mail for, once that is so many."""
    until = monotonic() + 30
    while len(server.received) < count and monotonic() < until:
        sleep(0.02)
    return server.received


def test_a_running_site_writes_when_a_circuit_opens_and_when_it_closes(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    def join(alias: str, email: str) -> None:
        group = Group.objects.using(alias).get(name="Operators")
        group.user_set.add(group.user_set.model._default_manager.using(alias).get(email=email))
        values = {"endpoint": "responses", "model": "test-model", "trips": 1}
        Circuit.objects.using(alias).create(**values, open_until=NOON)

    def close(alias: str) -> None:
        Circuit.objects.using(alias).update(open_until=None)

    with running_mail_server() as server, django_db_blocker.unblock():
        environment = environment_for(upstream, EMAIL_URL=f"smtp://127.0.0.1:{server.port}")
        with running_site(database_url, environment) as site:
            person = site.person()
            site.in_database(lambda alias: join(alias, person.email))
            assert received(server, 1) == [person.email]
            site.in_database(close)
            assert received(server, 2) == [person.email] * 2
    assert sum(": operators told (1)" in line for line in site.output) == 2
