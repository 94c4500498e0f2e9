"""Start, regenerate, stop: one transaction each, idempotent on the client's id.

Nothing here announces anything: the caller does, after the commit.
"""

import uuid
from typing import NamedTuple, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, models, transaction
from django.utils import timezone
from msgspec import UNSET

from conversations import charges, fallbacks, pace
from conversations.models import OPEN_STATUSES, Conversation, Generation, Turn
from conversations.protocol import CreateGeneration, CreateTurn, Refused

TITLE_LENGTH = 80
Row = TypeVar("Row", bound=models.Model)


class Started(NamedTuple):
    """What a command has written; `fresh` is false when it had been done before."""

    conversation: Conversation
    turn: Turn
    generation: Generation
    fresh: bool


def start_turn(user: AbstractBaseUser, command: CreateTurn, model: str) -> Started:
    """Writes a turn and its first generation; `model` is the one to ask.

    Raises:
        Refused: `not_found`, `bad_request` (the generation it follows has not ended),
            `budget_exceeded`, `rate_limited`, `model_unavailable`, `upstream_unavailable`.
    """
    try:
        with transaction.atomic():
            return _turn_written_before(user, command.id) or _write_turn(user, command, model)
    except IntegrityError:
        # The same command ran beside this one and was first.
        done = _turn_written_before(user, command.id)
        if done is None:
            raise
        return done


def start_generation(user: AbstractBaseUser, command: CreateGeneration, model: str) -> Started:
    """Writes another answer to a turn (regenerate).

    Raises:
        Refused: `not_found`, `bad_request` (an answer to this turn is still running),
            `budget_exceeded`, `rate_limited`, `model_unavailable`, `upstream_unavailable`.
    """
    try:
        with transaction.atomic():
            return _answer_written_before(user, command) or _write_answer(user, command, model)
    except IntegrityError:
        done = _answer_written_before(user, command)
        if done is None:
            raise
        return done


def written_before(
    user: AbstractBaseUser, command: CreateTurn | CreateGeneration
) -> Started | None:
    """What this command has written already; None if it has not.

    Raises:
        Refused: `not_found`, for a command whose id is somebody else's.
    """
    if isinstance(command, CreateTurn):
        return _turn_written_before(user, command.id)
    return _answer_written_before(user, command)


def conversation_of(
    user: AbstractBaseUser, command: CreateTurn | CreateGeneration
) -> uuid.UUID | None:
    """The conversation that a command is for; None for a new one.

    Raises:
        Refused: `not_found`.
    """
    if isinstance(command, CreateTurn):
        return command.conversation
    return own_turn(user, command.turn).conversation_id


def request_stop(user: AbstractBaseUser, generation_id: uuid.UUID) -> None:
    """Makes a stop durable; whoever runs the generation sees it. No effect after the end.

    Raises:
        Refused: `not_found`.
    """
    generation = own_generation(user, generation_id)
    Generation.objects.filter(pk=generation.pk, status__in=OPEN_STATUSES).update(
        stop_requested=True
    )


def own_conversation(user: AbstractBaseUser, conversation_id: uuid.UUID) -> Conversation:
    """A conversation of this user; `Refused` with `not_found` for any other."""
    return _found(Conversation.objects.filter(owner_id=user.pk, pk=conversation_id), "conversation")


def own_turn(user: AbstractBaseUser, turn_id: uuid.UUID) -> Turn:
    """A turn of this user with its conversation; `Refused` with `not_found` for any other."""
    mine = Turn.objects.select_related("conversation").filter(conversation__owner_id=user.pk)
    return _found(mine.filter(pk=turn_id), "turn")


def own_generation(user: AbstractBaseUser, generation_id: uuid.UUID) -> Generation:
    """A generation of this user; `Refused` with `not_found` for any other."""
    mine = Generation.objects.filter(turn__conversation__owner_id=user.pk, pk=generation_id)
    return _found(mine, "generation")


def title_of(text: str) -> str:
    """The first words of the first turn, cut at a word's end."""
    words = " ".join(text.split())
    if len(words) <= TITLE_LENGTH:
        return words
    return words[: TITLE_LENGTH - 1].rsplit(" ", 1)[0] + "…"


def _turn_written_before(user: AbstractBaseUser, turn_id: uuid.UUID) -> Started | None:
    turn = Turn.objects.select_related("conversation").filter(pk=turn_id).first()
    if turn is None:
        return None
    if turn.conversation.owner_id != user.pk:
        raise Refused("not_found", "There is no such turn of yours.")
    generation = turn.generations.earliest("created", "id")
    return Started(turn.conversation, turn, generation, fresh=False)


def _answer_written_before(user: AbstractBaseUser, command: CreateGeneration) -> Started | None:
    generation = (
        Generation.objects.select_related("turn__conversation").filter(pk=command.id).first()
    )
    if generation is None:
        return None
    turn = generation.turn
    if turn.conversation.owner_id != user.pk or turn.pk != command.turn:
        raise Refused("not_found", "There is no such answer of yours to this turn.")
    return Started(turn.conversation, turn, generation, fresh=False)


def _write_turn(user: AbstractBaseUser, command: CreateTurn, model: str) -> Started:
    now = timezone.now()
    if command.conversation is None:
        if isinstance(command.follows, uuid.UUID):
            raise Refused("bad_request", "A new conversation has nothing to follow.")
        conversation = Conversation.objects.create(
            owner_id=user.pk, title=title_of(command.text), model=model, updated=now
        )
        follows = None
    else:
        conversation = own_conversation(user, command.conversation)
        follows = _followed(conversation, command)
        conversation.model, conversation.updated = model, now
        conversation.save(update_fields=["model", "updated"])
    turn = Turn.objects.create(
        id=command.id, conversation=conversation, follows=follows, text=command.text
    )
    generation = Generation.objects.create(turn=turn, **_asked(model))
    pace.check(charges.hold(generation))
    return Started(conversation, turn, generation, fresh=True)


def _write_answer(user: AbstractBaseUser, command: CreateGeneration, model: str) -> Started:
    turn = own_turn(user, command.turn)
    if turn.generations.filter(status__in=OPEN_STATUSES).exists():
        raise Refused("bad_request", "An answer to this turn is still running; stop it first.")
    conversation = turn.conversation
    conversation.model, conversation.updated = model, timezone.now()
    conversation.save(update_fields=["model", "updated"])
    generation = Generation.objects.create(id=command.id, turn=turn, **_asked(model))
    pace.check(charges.hold(generation))
    return Started(conversation, turn, generation, fresh=True)


def _asked(model: str) -> dict[str, str]:
    """The columns that say who is asked when `model` was chosen."""
    other = fallbacks.answering(model)
    return {"model": other, "instead_of": "" if other == model else model}


def _followed(conversation: Conversation, command: CreateTurn) -> Generation | None:
    """The generation a turn follows: the named one, none, or the newest of the newest turn."""
    if command.follows is None:
        return None
    generations = Generation.objects.filter(turn__conversation=conversation)
    if command.follows is UNSET:
        newest = generations.order_by("-turn__created", "-turn_id", "-created", "-id").first()
    else:
        newest = _found(generations.filter(pk=command.follows), "generation")
    if newest is not None and newest.status in OPEN_STATUSES:
        raise Refused("bad_request", "The answer before is still running; stop it or wait.")
    return newest


def _found(rows: "models.QuerySet[Row]", what: str) -> Row:
    row = rows.first()
    if row is None:
        raise Refused("not_found", f"There is no such {what} of yours.")
    return row
