"""The warning near a limit: once per budget, period and limit, to everybody concerned."""

import logging
import signal
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core.mail import EmailMessage
from django.db import transaction
from pytest_django import Settings
from pytest_django.plugin import DjangoDbBlocker

from billing import alerts, reservations
from billing.models import Account, Alert, Budget, Team
from billing.quotes import Quote, Rates
from chatsite.bootstrap.services import free_port
from tests.money.crowd import ALONE, Crowd, Task
from tests.money.engines import *  # noqa: F403
from tests.money.mailserver import running_mail_server
from tests.money.people import account, spend, user
from tests.money.site import entries, set_limits, set_price
from tests.site import SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.client import Upstream

pytestmark = ALONE

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def limited(limit: str = "1", period: str = "day", **columns: bool) -> Account:
    """Somebody new with one budget."""
    spender = account()
    Budget.objects.create(account=spender, period=period, limit=Decimal(limit), **columns)
    return spender


def warn(spender: Account) -> list[Decimal]:
    """Sends what is due; the limits it was due for."""
    warnings = alerts.due(spender)
    alerts.send(spender, warnings)
    return [warning.budget.limit for warning in warnings]


def addresses(mailoutbox: list[EmailMessage]) -> list[str]:
    """Whom the mails went to, one address each."""
    return sorted(address for mail in mailoutbox for address in mail.to)


def email(spender: Account) -> str:
    assert spender.user
    return str(spender.user.email)


def test_of_a_crowd_that_finds_a_limit_near_one_warns(bare_site: SiteProcess) -> None:
    person = bare_site.person()
    asking: list[Task] = [("ask", person.id)]
    warning: list[Task] = [("warn", person.id)] * 100
    with Crowd(bare_site.database_url) as crowd:
        set_limits(bare_site, person, day="0.005")
        [generation] = crowd.at_once(asking)
        assert sum(crowd.at_once(warning)) == 0  # all is held, nothing is spent
        crowd.at_once([("settle", generation)])  # 0.00402: 80.4 %
        assert sum(crowd.at_once(warning)) == 1

        def raise_limit(alias: str) -> None:
            budget = Budget.objects.using(alias).get(account__user=person.id)
            budget.limit = Decimal("0.00502")
            budget.save(using=alias)

        bare_site.in_database(raise_limit)  # 80.08 %
        assert sum(crowd.at_once(warning)) == 1
    noted = bare_site.in_database(lambda alias: Alert.objects.using(alias).count())
    assert noted == 2


def test_a_warning_goes_to_the_person_and_the_operators(
    engine: str, mailoutbox: list[EmailMessage]
) -> None:
    operator, away = user("Operators"), user("Operators", is_active=False)
    user().groups.add(Group.objects.create(name="Moderators"))
    account()
    spender = limited("2")
    spend(spender, "1.7")
    assert warn(spender) == [2]
    assert addresses(mailoutbox) == sorted([email(spender), operator.email])
    assert away.email not in addresses(mailoutbox)
    mail = mailoutbox[0]
    assert mail.subject == "85 % of the Day budget is used"
    assert "has spent 1.7000 of 2.0000 USD" in mail.body
    assert "questions are refused until then" in mail.body


def test_an_operator_gets_one_mail_about_themself(
    engine: str, mailoutbox: list[EmailMessage]
) -> None:
    operator = user("Operators")
    spender = Account.objects.get(user=operator)
    spender.budgets.exclude(period="day").delete()
    spend(spender, "0.9")
    warn(spender)
    assert addresses(mailoutbox) == [operator.email]


def test_a_team_s_warning_goes_to_all_of_the_team_once(
    engine: str, mailoutbox: list[EmailMessage]
) -> None:
    team = Team.objects.create(name="Research")
    Budget.objects.create(team=team, period="month", limit=Decimal(1))
    members = [account(team=team) for _ in range(3)]
    account()
    for member in members:
        spend(member, "0.3")
    assert [warn(member) for member in members] == [[1], [], []]
    assert addresses(mailoutbox) == sorted(map(email, members))
    assert "The team Research has spent 0.9000 of 1.0000 USD" in mailoutbox[0].body


@pytest.mark.parametrize(
    ("spent", "share", "warned"),
    [
        ("0.7999999999", 0.8, False),
        ("0.8", 0.8, True),
        ("1.5", 0.8, True),
        ("0.9999999999", 1.0, False),
        ("0.1", 0.1, True),  # as a float, 0.1 is more than 0.1
    ],
)
def test_the_share_is_reached_to_the_last_place(
    engine: str, settings: Settings, spent: str, share: float, warned: bool
) -> None:
    settings.BUDGET_WARN_AT = share
    spender = limited("1")
    spend(spender, spent)
    assert bool(alerts.due(spender)) is warned


def test_each_limit_and_each_period_warns_once(engine: str) -> None:
    with time_machine.travel(NOON, tick=False) as clock:
        spender = limited("1", "day")
        budget = spender.budgets.get()
        Budget.objects.create(account=spender, period="total", limit=Decimal("1.5"))
        spend(spender, "0.9")
        assert [warn(spender), warn(spender)] == [[1], []]
        for limit, due in (("1.1", ["1.1"]), ("9", []), ("1.1", []), ("1", [])):
            budget.limit = Decimal(limit)
            budget.save()
            assert warn(spender) == [Decimal(one) for one in due], limit
        clock.move_to(NOON.replace(day=22))
        assert warn(spender) == []
        spend(spender, "0.85")  # 0.85 of 1 today, 1.75 of 1.5 in all
        assert [warn(spender), warn(spender)] == [[1, Decimal("1.5")], []]
        spend(spender, "0.15")
        assert warn(spender) == []
    assert Alert.objects.count() == 4


def test_a_warning_is_not_sent_again_after_a_reversal(engine: str) -> None:
    from billing import ledger

    spender = limited("1")
    entry = spend(spender, "0.9")
    assert warn(spender) == [1]
    ledger.reverse(entry, "asked twice", "mara")
    spend(spender, "0.85")
    assert warn(spender) == []


def test_a_soft_budget_warns_and_refuses_nothing(
    engine: str, mailoutbox: list[EmailMessage]
) -> None:
    quote = Quote("model-a", (Rates(Decimal(2), Decimal(10), Decimal(2), Decimal(2)),))
    spender = limited("0.001", soft=True)
    spend(spender, "5")
    assert warn(spender) == [Decimal("0.001")]
    assert "only warns" in mailoutbox[0].body
    with transaction.atomic():
        held = reservations.reserve(spender, uuid.uuid4(), quote, 1000, 1000)
    assert (held.max_output_tokens, held.capped) == (1000, False)
    Budget.objects.update(soft=False)
    with pytest.raises(reservations.BudgetExceeded), transaction.atomic():
        reservations.reserve(spender, uuid.uuid4(), quote, 1000, 1000)


def test_who_can_not_be_written_to_keeps_no_mail_from_the_others(
    engine: str, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    spender = limited()
    assert spender.user
    operators = [user("Operators") for _ in range(3)]
    names = ["anna@example.com", "a@b@c", "zoe@example.com"]
    for person, name in zip([spender.user, *operators], ["mara@example.com", *names], strict=True):
        person.email = name
        person.save()
    spend(spender, "0.9")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with running_mail_server("mara@example.com") as server:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        assert warn(spender) == [1]
        assert server.received == ["anna@example.com", "zoe@example.com"]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert "a@b@c could not be sent" in errors[0]
    assert "mara@example.com could not be sent" in errors[1]
    assert warn(spender) == []


@pytest.fixture
def site(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> Iterator[SiteProcess]:
    """A site whose mail server is away."""
    mail = f"smtp://127.0.0.1:{free_port()}"
    environment = environment_for(upstream, MAX_OUTPUT_TOKENS="1000", EMAIL_URL=mail)
    with django_db_blocker.unblock():
        set_price(SiteProcess(database_url, {}))
        with running_site(database_url, environment) as process:
            yield process
            process.kill(signal.SIGTERM)


async def test_a_mail_server_that_is_away_loses_nothing(site: SiteProcess) -> None:
    person = site.person()
    set_limits(site, person, day="0.0104")
    async with Tab(site, person) as tab, Tab(site, person) as other:
        created = await tab.ask("tokens=900 rate=0")
        finished = await tab.finished(created["generation"])
        assert finished["status"] == "completed"
        # 3 words and signs come in at 2, 900 tokens go out at 10 USD per million.
        for one in (tab, other):
            warning = await one.expect("budget.warning")
            assert warning["spent"] == finished["cost"]
            assert (warning["period"], warning["limit"]) == ("day", "0.0104")
            assert 0.86 < warning["share"] < 0.88
        await tab.send("ping", id="alive")
        await tab.expect("pong", id="alive")
        refused = {"id": str(uuid.uuid4()), "conversation": None, "text": "x " * 3000}
        await tab.refused("turn.create", "budget_exceeded", **refused)
    [entry] = entries(site, person)
    assert str(entry.amount.normalize()) == finished["cost"]
    site.kill(signal.SIGTERM)
    assert any("could not be sent" in line for line in site.output)
