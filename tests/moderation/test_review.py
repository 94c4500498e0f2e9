"""The decisions of the review: made once, by whom may, and what is given back."""

from typing import Any

import pytest

from conversations.fold import text_of
from conversations.models import EventFrame, Generation, ModerationFlag, Status
from conversations.moderation.review import (
    CUT,
    MAY_BE_ASKED,
    NotReviewable,
    approve,
    may_ask,
    uphold,
)
from conversations.snapshots import folded
from tests.moderation.flags import ITEMS, WORDS, blocked, flag_of
from tests.money.people import superuser, user

pytestmark = pytest.mark.django_db


def test_an_approved_answer_is_back_as_if_nothing_had_been_found() -> None:
    flag, judge = flag_of(user()), superuser()
    approve(flag, judge)
    generation = Generation.objects.get(pk=flag.generation_id)
    assert (generation.items, generation.text) == (ITEMS, text_of(ITEMS))
    assert generation.text == WORDS
    assert (generation.status, generation.notice, generation.error) == ("completed", "", None)
    flag.refresh_from_db()
    assert (flag.decision, flag.reviewed_by) == ("approved", judge)
    assert flag.reviewed is not None
    # Nothing that is left of the log takes it back again.
    assert not EventFrame.objects.filter(generation=generation).exists()
    assert folded(generation)["text"] == WORDS


def test_an_upheld_answer_stays_withdrawn() -> None:
    flag, judge = flag_of(user()), superuser()
    before = Generation.objects.values().get(pk=flag.generation_id)
    uphold(flag, judge)
    assert Generation.objects.values().get(pk=flag.generation_id) == before
    assert EventFrame.objects.filter(generation=flag.generation_id).exists()
    flag.refresh_from_db()
    assert (flag.decision, flag.reviewed_by) == ("upheld", judge)


def test_an_approved_answer_that_the_flag_had_cut_off_can_be_gone_on_with() -> None:
    begun = [ITEMS[0], {**ITEMS[1], "status": "in_progress"}]
    flag = flag_of(user(), withdrawn=begun)
    approve(flag, superuser())
    generation = Generation.objects.get(pk=flag.generation_id)
    assert (generation.status, generation.text, generation.notice) == ("interrupted", WORDS, "")
    assert generation.error == {"code": "moderation_reviewed", "message": CUT, "retryable": True}


def test_an_approved_question_says_that_it_may_be_asked_and_passes_for_its_owner_alone() -> None:
    person, somebody = user(), user()
    flag = flag_of(person, source=ModerationFlag.Source.QUESTION, withdrawn=[])
    again, others = blocked(person), blocked(somebody)
    assert not may_ask(again)
    approve(flag, superuser())
    generation = Generation.objects.get(pk=flag.generation_id)
    assert (generation.status, generation.text) == ("blocked", "")
    said = {"code": "moderation_reviewed", "message": MAY_BE_ASKED, "retryable": True}
    assert generation.error == said
    assert may_ask(generation)
    assert may_ask(again)
    assert not may_ask(others)
    again.turn.text = "How, in another way?"
    assert not may_ask(again)


@pytest.mark.parametrize("decide", [approve, uphold])
def test_nobody_decides_on_their_own_but_a_superuser(decide: Any) -> None:
    admin = user("Admins")
    flag = flag_of(admin)
    with pytest.raises(NotReviewable, match="Somebody else must decide"):
        decide(flag, admin)
    flag.refresh_from_db()
    assert flag.decision == "open"
    above = superuser()
    decide(flag_of(above), above)


@pytest.mark.parametrize("second", [approve, uphold])
def test_deciding_twice_is_refused_in_words(second: Any) -> None:
    flag, judge = flag_of(user()), superuser()
    stale = ModerationFlag.objects.get(pk=flag.pk)
    uphold(flag, judge)
    with pytest.raises(NotReviewable, match=f"{judge} decided already: Upheld"):
        second(stale, superuser())
    flag.refresh_from_db()
    assert (flag.decision, flag.reviewed_by) == ("upheld", judge)
    assert Generation.objects.get(pk=flag.generation_id).status == Status.BLOCKED


def test_nothing_is_decided_before_the_answer_has_ended() -> None:
    person = user()
    flag = flag_of(person, blocked(person, status=Status.RUNNING, ended=None))
    with pytest.raises(NotReviewable, match="not ended"):
        approve(flag, superuser())
    flag.refresh_from_db()
    assert (flag.decision, flag.reviewed_by) == ("open", None)
