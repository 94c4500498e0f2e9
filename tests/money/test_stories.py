"""Money as people meet it: each story is worked out by hand beside it.

Prices, and what can be held for "Hi?", stand in office.py. Sums are in micros, which are
millionths of a dollar.
"""

from decimal import Decimal

from billing.models import Budget, DailySpend, LedgerEntry, Team
from conversations.context import build_request
from conversations.models import Generation
from conversations.round import Round
from conversations.upstream.parsing import typed
from tests.money.engines import *  # noqa: F403
from tests.money.office import *  # noqa: F403
from tests.money.office import BERLIN, Clock, Colleague, answered, posted, small_ones
from tests.upstream.answers import text_answer

NOTHING = Decimal(0)


def test_a_day_at_the_office(clock: Clock) -> None:
    clock.strikes("09:00")
    mara, tom = Colleague(day="0.10"), Colleague(day="0.05")

    # Mara asks the small model. While it writes, the most that it can cost is held.
    first = mara.asks("luna")
    assert (mara.spent, mara.held) == (NOTHING, Decimal("0.010018"))
    # 9 × 2 + 400 × 10 = 4,018 micros
    assert answered(first, 9, 400) == Decimal("0.004018")
    assert (mara.spent, mara.held) == (Decimal("0.004018"), NOTHING)

    clock.strikes("09:30")
    big, small = two_at_once(tom)

    # Mara has money of her own: what Tom holds is no business of hers.
    clock.strikes("11:00")
    # 1,000 tokens in, 600 of them cached: 400 × 2 + 600 × 0.5 + 100 × 10 = 2,100 micros
    assert answered(mara.asks("luna"), 1000, 100, cached=600) == Decimal("0.0021")
    # 9 × 10 + 500 × 40 = 20,090 micros
    assert answered(mara.asks("sol"), 9, 500) == Decimal("0.02009")
    assert mara.spent == Decimal("0.026208")  # 4,018 + 2,100 + 20,090

    # Tom's answers come: 9 × 10 + 100 × 40 = 4,090 micros, and 9 × 2 + 20 × 10 = 218.
    clock.strikes("11:05")
    answered(big, 9, 100)
    answered(small, 9, 20)
    assert (tom.spent, tom.held) == (Decimal("0.004308"), NOTHING)
    assert answered(tom.asks("sol"), 9, 900) == Decimal("0.03609")

    # The day ends with it. What was spent stays on its day, by model.
    clock.strikes("00:00", "2026-11-21")
    assert (mara.spent, tom.spent) == (NOTHING, NOTHING)
    days = DailySpend.objects.order_by("account", "model").values_list("day", "model", "amount")
    assert [(str(day), model, amount) for day, model, amount in days] == [
        ("2026-11-20", "luna", Decimal("0.006118")),  # 4,018 + 2,100
        ("2026-11-20", "sol", Decimal("0.02009")),
        ("2026-11-20", "luna", Decimal("0.000218")),
        ("2026-11-20", "sol", Decimal("0.04018")),  # 4,090 + 36,090
    ]


def two_at_once(tom: Colleague) -> tuple[Generation, Generation]:
    """A big and a small question of Tom's, which together take all that he has."""
    # Tom asks the big one: 0.04009 of his 0.05 are held. The small one would need 0.010018 more,
    # and 0.00991 are left, so its answer may be shorter: (9,910 - 18) ÷ 10 = 989 tokens.
    big = tom.asks("sol")
    assert tom.standing().remaining == Decimal("0.00991")
    small = tom.asks("luna")
    [held] = small_ones(tom.account)
    assert (held.max_output_tokens, held.capped, held.amount) == (989, True, Decimal("0.009908"))
    # 2 micros are left now: not even a short answer fits.
    refusal = tom.is_refused()
    assert refusal.message == (
        "The budget of 0.05 USD for this day is used up. It starts anew at 2026-11-20 23:00 UTC."
    )
    assert refusal.extra == {"period": "day", "resets_at": "2026-11-20T23:00:00.000000Z"}
    return big, small


def test_a_stopped_answer_is_estimated() -> None:
    mara = Colleague(day="1")
    generation = mara.asks("luna", "How long is a piece of string?")
    round = Round(build_request(generation))
    events = text_answer("As long as you like.", deltas=["As long ", "as you ", "like."])
    first = [number for number, one in enumerate(events) if "delta" in one]
    for event in events[: first[1] + 1]:
        round.take(typed(event))  # two of the three parts came, then Mara had read enough

    # Nobody says how many tokens that were. 30 bytes of question count as 10 tokens, 15 bytes
    # of answer, "As long as you ", as 5: 10 × 2 + 5 × 10 = 70 micros.
    outcome = round.stopped()
    assert posted(generation, outcome.status, outcome.usage) == Decimal("0.00007")
    entry = LedgerEntry.objects.get()
    assert (entry.status, entry.estimated) == ("stopped", True)
    assert (entry.input_tokens, entry.output_tokens) == (10, 5)
    day = DailySpend.objects.get()
    assert (day.estimated, day.estimated_amount) == (1, Decimal("0.00007"))
    assert mara.held == 0


def test_an_estimate_is_never_more_than_was_held() -> None:
    # The day's money is for one answer. Mara stops it at its 999th word of 1,000 tokens; 9 bytes
    # each would be estimated at 3 tokens each, but no more than 1,000 can have come.
    mara = Colleague(day="0.010018")
    generation = mara.asks("luna")
    round = Round(build_request(generation))
    for event in text_answer("longword " * 999, deltas=["longword "] * 999):
        if event["type"] == "response.output_text.done":
            break
        round.take(typed(event))
    outcome = round.stopped()
    posted(generation, outcome.status, outcome.usage)
    assert mara.spent <= mara.standing().budget.limit


def test_an_answer_stopped_before_it_began_costs_nothing() -> None:
    mara = Colleague(day="1")
    generation = mara.asks("luna")
    assert mara.held == Decimal("0.010018")
    outcome = Round(build_request(generation)).stopped()
    assert posted(generation, outcome.status, outcome.usage) == 0
    assert (mara.spent, mara.held) == (NOTHING, NOTHING)
    assert not LedgerEntry.objects.exists()


def test_a_team_s_last_dollar(clock: Clock) -> None:
    team = Team.objects.create(name="Research", time_zone=str(BERLIN))
    Budget.objects.create(team=team, period="month", limit=Decimal(1))
    mara, tom, zoe = (Colleague(team, day="5") for _ in range(3))
    clock.strikes("10:00", "2026-11-29")

    spend_all_but_five_cents(mara, tom, zoe)

    # Mara holds 0.04009 of the last 0.05. Of the 0.00991 that are left, Tom's big answer gets
    # (9,910 - 90) ÷ 40 = 245 tokens: 90 + 9,800 = 9,890 micros.
    mine = mara.asks("sol")
    his = tom.asks("sol")
    held = tom.account.reservations.get(state="open")
    assert (held.max_output_tokens, held.amount) == (245, Decimal("0.00989"))

    # Zoe has 5 USD a day of her own, of which she spent 0.00032. The team has 20 micros left.
    refusal = zoe.is_refused("luna")
    assert refusal.extra["period"] == "month"
    assert refusal.extra["resets_at"] == "2026-11-30T23:00:00.000000Z"
    assert zoe.standing("day").remaining == Decimal("4.99968")

    # Mara's answer was short, 9 × 10 + 100 × 40 = 4,090: 36,000 micros are free again for Zoe,
    # who needs no more than 10,018.
    answered(mine, 9, 100)
    assert zoe.standing("month").remaining == Decimal("0.03602")
    hers = zoe.asks("luna")
    answered(hers, 9, 1000)
    answered(his, 9, 245)
    # 950,000 + 4,090 + 10,018 + 9,890
    assert mara.standing("month").spent == Decimal("0.973998")

    # A colleague of another team does not notice any of this, and December begins with a dollar.
    assert Colleague(day="1").asks("sol")
    clock.strikes("00:00", "2026-12-01")
    assert zoe.standing("month").remaining == 1
    assert zoe.asks("sol")


def spend_all_but_five_cents(mara: Colleague, tom: Colleague, zoe: Colleague) -> None:
    # The team has spent 0.95 this month: 24 big answers of 9 × 10 + 987 × 40 = 39,570 micros,
    # and one of 8 × 10 + 6 × 40 = 320: 949,680 + 320 = 950,000.
    for asker in [mara, tom] * 12:
        answered(asker.asks("sol"), 9, 987)
    answered(zoe.asks("sol"), 8, 6)
    assert mara.standing("month").spent == Decimal("0.95")


def test_a_lowered_limit_takes_nothing_back(clock: Clock) -> None:
    mara = Colleague(day="0.10")
    clock.strikes("10:00")
    running = mara.asks("sol")  # holds 0.04009
    Budget.objects.update(limit=Decimal("0.01"))
    assert mara.standing().remaining == Decimal("-0.03009")
    mara.is_refused()
    # What was promised is kept: the answer may be as long as was held for it.
    assert answered(running, 9, 1000) == Decimal("0.04009")
    assert mara.standing().share == Decimal("4.009")
