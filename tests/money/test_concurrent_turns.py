"""200 turns at the same moment, from 10 processes: exactly as many run as the limit bears.

A turn is held at its worst case. "Why?" is estimated at 2 tokens (4 bytes, 3 to a token), and
the message around it at 8; the longest answer has 1,000. At 2 and 10 USD per million that is
10 × 0.000002 + 1,000 × 0.00001 = 0.01002 USD.
"""

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, closing
from decimal import Decimal

import pytest
from django.db import connection, transaction
from pytest_django.plugin import DjangoDbBlocker

from billing import reservations
from billing.models import Account, Budget, LedgerEntry, Reservation, Team
from billing.quotes import Quote, Rates
from conversations.models import Generation, Turn
from tests.money.crowd import ALONE, MODEL, PROCESSES, Crowd, Observer, Task
from tests.money.engines import *  # noqa: F403
from tests.money.engines import default_database
from tests.money.people import account
from tests.money.site import set_limits, set_price
from tests.services_fixtures import *  # noqa: F403
from tests.site import SiteProcess, environment_for, running_site
from tests.tab import Tab
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Gate

pytestmark = ALONE

TURNS = 200
WORST = Decimal("0.01002")
LIMIT = 10 * WORST
REFUSED = "budget_exceeded"
NOTHING = Decimal(0)


class Rush:
    """A crowd on a site, and what all its rounds were: printed, since people quote it."""

    def __init__(self, site: SiteProcess, crowd: Crowd) -> None:
        self.site = site
        self._crowd = crowd

    def at_once(self, tasks: list[Task]) -> list[str]:
        """The generations that run; the limit held at every look."""
        with Observer(self.site.database_url) as observer:
            results = self._crowd.at_once(tasks)
        counts = Counter(result if result == REFUSED else "other" for result in results)
        spent, held = self.site.in_database(sums)
        assert observer.looks > 5
        assert spent + held <= LIMIT
        assert observer.most <= LIMIT
        over = max(spent + held, observer.most) - LIMIT
        kind = self.site.database_url.partition(":")[0]
        print(
            f"{kind}: {len(tasks)} tasks at once from {PROCESSES} processes, limit {LIMIT} USD: "
            f"{counts[REFUSED]} refused, {spent} spent, {held} held, "
            f"overspend {max(over, Decimal(0)):.6f} USD in {observer.looks} looks"
        )
        return [result for result in results if result != REFUSED]


@pytest.fixture
def rush(bare_site: SiteProcess) -> Iterator[Rush]:
    with Crowd(bare_site.database_url) as crowd:
        yield Rush(bare_site, crowd)


def sums(alias: str) -> tuple[Decimal, Decimal]:
    """All that is spent and all that is held."""
    entries = LedgerEntry.objects.using(alias).values_list("amount", flat=True)
    held = Reservation.objects.using(alias).filter(state="open").values_list("amount", flat=True)
    return sum(entries, Decimal(0)), sum(held, Decimal(0))


def written(alias: str) -> tuple[int, int, int]:
    """How many turns, generations and reservations there are."""
    tables = (Turn, Generation, Reservation)
    return tuple(table.objects.using(alias).count() for table in tables)  # type: ignore[return-value]


def test_of_200_turns_at_once_as_many_run_as_the_limit_bears(rush: Rush) -> None:
    person = rush.site.person()
    set_limits(rush.site, person, day=str(LIMIT))
    asking: list[Task] = [("ask", person.id)] * TURNS

    running = rush.at_once(asking)
    assert len(running) == 10
    assert rush.site.in_database(sums) == (NOTHING, LIMIT)
    assert rush.site.in_database(written) == (10, 10, 10)  # nothing is left of the others

    # Half of them have cost 10 × 0.000002 + 400 × 0.00001 = 0.00402 each, the others nothing.
    kinds = ["settle", "release"] * 5
    results = rush.at_once(list(zip(kinds, running, strict=True)))
    assert Counter(results) == {"0.0040200000": 5, "released": 5}
    assert rush.site.in_database(sums) == (Decimal("0.0201"), NOTHING)

    # Of 0.1002, 0.0801 are left: 7 whole worst cases, and 0.00996 for one shorter answer.
    running = rush.at_once(asking)
    assert len(running) == 8
    assert rush.site.in_database(sums) == (Decimal("0.0201"), Decimal("0.0801"))
    capped = rush.site.in_database(
        lambda alias: list(
            Reservation.objects.using(alias)
            .filter(capped=True, state="open")
            .values_list("max_output_tokens", flat=True)
        )
    )
    assert capped == [994]  # (0.00996 - 0.00002) ÷ 0.00001

    # And again while those are settled and released: how many run is up to chance then.
    ending: list[Task] = list(zip(kinds, running, strict=False))
    mixed: list[Task] = [task for pair in zip(ending, asking[:8], strict=True) for task in pair]
    rush.at_once([*asking[:96], *mixed, *asking[:96]])
    settled = rush.site.in_database(lambda alias: LedgerEntry.objects.using(alias).count())
    assert settled == 5 + 4


def test_a_team_of_20_shares_its_limit_to_the_cent(rush: Rush) -> None:
    people = [rush.site.person() for _ in range(20)]

    def share(alias: str) -> None:
        team = Team.objects.using(alias).create(name="Research")
        Budget(team=team, period="day", limit=LIMIT).save(using=alias)
        Account.objects.using(alias).update(team=team)

    for person in people:
        set_limits(rush.site, person, day="1")
    rush.site.in_database(share)
    running = rush.at_once([("ask", person.id) for person in people for _ in range(10)])
    assert len(running) == 10
    assert rush.site.in_database(sums) == (NOTHING, LIMIT)


def test_who_joins_a_team_at_this_moment_waits_for_the_others_of_it(
    postgres_url: str, django_db_blocker: DjangoDbBlocker
) -> None:
    rates = Rates(Decimal(2), Decimal(10), Decimal(2), Decimal(2))

    def reserve(of: Account) -> None:
        with closing(connection), transaction.atomic():
            reservations.reserve(of, uuid.uuid4(), Quote(MODEL, (rates,)), 10, 1000)

    with (
        django_db_blocker.unblock(),
        default_database(postgres_url),
        ThreadPoolExecutor(1) as beside,
    ):
        team = Team.objects.create(name="Research")
        Budget.objects.create(team=team, period="day", limit=WORST)
        joining, member = account(), account(team=team)
        # Joins between our look at the account and our lock on it.
        Account.objects.filter(pk=joining.pk).update(team=team)
        with transaction.atomic():
            reservations.reserve(joining, uuid.uuid4(), Quote(MODEL, (rates,)), 10, 1000)
            others = beside.submit(reserve, member)
            with pytest.raises(TimeoutError):
                others.result(0.5)
        with pytest.raises(reservations.BudgetExceeded):
            others.result(10)
        assert sums("default") == (NOTHING, WORST)


@pytest.fixture
def two_sites(
    postgres_url: str,
    redis_url: str,
    upstream: Upstream,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[list[SiteProcess]]:
    """Two web processes on one database; input costs next to nothing, so that the exact count
    of it frees less than one short answer costs."""
    environment = environment_for(upstream, REDIS_URL=redis_url, MAX_OUTPUT_TOKENS="1000")
    with django_db_blocker.unblock(), ExitStack() as stack:
        set_price(SiteProcess(postgres_url, {}), input="0.01", output="100")
        sites = [stack.enter_context(running_site(postgres_url, environment)) for _ in range(2)]
        yield sites


@pytest.fixture
async def four_tabs(two_sites: list[SiteProcess]) -> AsyncIterator[list[Tab]]:
    """Two tabs on each site, all of one person with a limit for five answers."""
    person = two_sites[0].person()
    # 10 × 0.00000001 + 1,000 × 0.0001 = 0.1000001
    set_limits(two_sites[0], person, month="0.5000005")
    async with AsyncExitStack() as stack:
        opening = [stack.enter_async_context(Tab(site, person)) for site in two_sites * 2]
        yield [await tab for tab in opening]


async def test_tabs_on_two_web_processes_share_the_limit(
    two_sites: list[SiteProcess], four_tabs: list[Tab], upstream: Upstream
) -> None:
    answer = text_answer("Because.")
    upstream.always([Gate("go"), *answer])
    for tab in four_tabs:
        await tab.expect("hello")
    sent: dict[str | None, Tab] = {}
    for number in range(40):
        turn, tab = (
            {"id": str(uuid.uuid4()), "conversation": None, "text": "Why?"},
            four_tabs[number % 4],
        )
        sent[turn["id"]] = tab
        await tab.send("turn.create", **turn)
    for tab in four_tabs:
        await tab.send("ping", id="all sent")
        await tab.expect("pong", id="all sent")  # commands of a tab are answered in order
    refusals = [m for tab in four_tabs for m in tab.messages if m["type"] == "error"]
    assert {refusal["code"] for refusal in refusals} == {REFUSED}
    assert len(refusals) == 35
    await upstream.agate("go", 5)
    spent, held = two_sites[0].in_database(sums)
    assert spent == 0
    assert Decimal("0.5") < held <= Decimal("0.5000005")
    upstream.open("go")
    for tab in four_tabs:
        own = [m for m in tab.messages if m["type"] == "turn.created" and sent[m["ref"]] is tab]
        for created in own:
            assert (await tab.finished(created["generation"]))["status"] == "completed"
    entries = two_sites[0].in_database(
        lambda alias: list(LedgerEntry.objects.using(alias).values_list("amount", flat=True))
    )
    assert len(entries) == 5
    print(f"two web processes: 40 turns, {len(refusals)} refused, {sum(entries)} USD spent")
