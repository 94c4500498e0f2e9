"""What of a conversation goes to upstream."""

import uuid

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from conversations.catalog import ModelOptions
from conversations.context import Exchange, branch, build_request, input_budget, trim
from conversations.models import Conversation, Generation, Status, Turn

exchanges = st.lists(st.builds(Exchange, st.text(min_size=1, max_size=60), st.text(max_size=60)))


@given(exchanges.filter(bool), st.integers(1, 400))
def test_what_is_kept_is_the_newest_part_and_fits(rows: list[Exchange], budget: int) -> None:
    kept = trim(rows, budget)
    assert kept == rows[len(rows) - len(kept) :]
    assert kept
    assert len(kept) == 1 or sum(row.tokens for row in kept) <= budget


def test_the_cut_stays_where_it_is_for_many_turns() -> None:
    rows = [Exchange(f"question {n:03}", f"answer {n:03}") for n in range(200)]
    starts = [trim(rows[:count], 1000)[0].said for count in range(60, 200)]
    assert len(set(starts)) <= 12, "a prefix cache would miss at every turn"


def test_the_answer_keeps_its_room() -> None:
    assert input_budget(ModelOptions(context_tokens=2048, max_output_tokens=512)) == 1536
    assert input_budget(ModelOptions(context_tokens=4000)) == 3000


@pytest.mark.django_db
def test_only_the_branch_is_sent() -> None:
    user = get_user_model()._default_manager.create(username="a")
    chat = Conversation.objects.create(owner=user, model="m", updated=timezone.now())

    def said(text: str, follows: Generation | None) -> Turn:
        return Turn.objects.create(id=uuid.uuid4(), conversation=chat, text=text, follows=follows)

    def answered(turn: Turn, text: str) -> Generation:
        return Generation.objects.create(
            turn=turn, model="m", text=text, status=Status.COMPLETED, ended=timezone.now()
        )

    first = said("one", None)
    other, chosen = answered(first, "other"), answered(first, "chosen")
    said("on another branch", other)
    failed = answered(said("two", chosen), "")
    last = said("three", failed)
    assert branch(last) == [Exchange("one", "chosen"), Exchange("two", ""), Exchange("three")]

    request = build_request(Generation.objects.create(turn=last, model="m"))
    roles = [message["role"] for message in request["input"]]
    assert roles == ["user", "assistant", "user", "user"]
    assert request["store"] is False
    assert len(request["safety_identifier"]) == 64
    assert str(user.pk) != request["safety_identifier"]
    assert request["prompt_cache_key"] == str(chat.pk)
    assert "max_output_tokens" not in request
