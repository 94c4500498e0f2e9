"""The chat's pages. The server renders the history, so that it reads without JavaScript."""

import uuid
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import aget_object_or_404, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from conversations import protocol, runtime
from conversations.markdown import to_html
from conversations.models import OPEN_STATUSES, Conversation, Generation
from conversations.snapshots import conversation_snapshot, conversation_wire

PAGE = 50
"""Conversations listed at a time."""


@never_cache
@login_required
@require_GET
def chat(request: HttpRequest, conversation_id: uuid.UUID | None = None) -> HttpResponse:
    """An empty chat, or a conversation with its newest branch."""
    mine = Conversation.objects.filter(owner_id=request.user.pk)
    conversation = turns = None
    status = 200
    if conversation_id:
        conversation = mine.filter(pk=conversation_id).first()
        if conversation is None:
            return render(request, "404.html", status=404)
        turns = newest_branch(conversation_snapshot(conversation)["turns"])
    listed = list(mine.order_by("-updated")[: PAGE + 1])
    context = {
        "conversations": listed[:PAGE],
        "more_conversations": len(listed) > PAGE,
        "conversation": conversation,
        "turns": turns or [],
    }
    return render(request, "conversations/chat.html", context, status=status)


@login_required
@require_GET
def conversation_list(request: HttpRequest) -> HttpResponse:
    """The next page of the list: those last used before `before` (ISO 8601), newest first."""
    before = parse_before(request.GET.get("before", ""))
    if before is None:
        return HttpResponseBadRequest("`before` is no moment in ISO 8601, as in `updated`.")
    mine = Conversation.objects.filter(owner_id=request.user.pk, updated__lt=before)
    rows = list(mine.order_by("-updated")[: PAGE + 1])
    wires = [conversation_wire(row) for row in rows[:PAGE]]
    return JsonResponse({"conversations": wires, "more": len(rows) > PAGE})


@require_POST
async def rename(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """Gives a conversation the title in the form field `title`."""
    user = await request.auser()
    title = " ".join(request.POST.get("title", "").split())
    most = Conversation._meta.get_field("title").max_length or 0
    if not title or len(title) > most or "\0" in title:
        return HttpResponseBadRequest(f"The title needs between 1 and {most} characters.")
    conversation = await aget_object_or_404(Conversation, pk=conversation_id, owner_id=user.pk)
    conversation.title = title
    await conversation.asave(update_fields=["title"])
    await tell(user.pk, "conversation.updated", conversation=conversation_wire(conversation))
    return done(request, reverse("conversation", args=[conversation_id]))


@require_POST
async def delete(request: HttpRequest, conversation_id: uuid.UUID) -> HttpResponse:
    """Deletes a conversation with all its turns and answers, running ones too."""
    user = await request.auser()
    conversation = await aget_object_or_404(Conversation, pk=conversation_id, owner_id=user.pk)
    running = Generation.objects.filter(turn__conversation=conversation, status__in=OPEN_STATUSES)
    stopped = [str(pk) async for pk in running.values_list("pk", flat=True)]
    await conversation.adelete()
    workers = (await runtime.current()).broadcast.workers
    for generation in stopped:
        workers({"type": "generation.stop", "generation": generation})
    await tell(user.pk, "conversation.deleted", conversation=str(conversation_id))
    return done(request, reverse("home"))


async def tell(user_id: Any, kind: str, **fields: Any) -> None:
    """A message to every tab of a user."""
    (await runtime.current()).broadcast.user(user_id, protocol.encode(kind, **fields))


def done(request: HttpRequest, url: str) -> HttpResponse:
    """204 for a script, a redirect for a plain form."""
    if request.headers.get("X-Requested-With") == "fetch":
        return HttpResponse(status=204)
    return HttpResponseRedirect(url)


def parse_before(value: str) -> datetime | None:
    """An aware moment, or None when the text is none."""
    try:
        moment = parse_datetime(value)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def newest_branch(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The turns from the start to the newest answer, each with the answer that leads on.

    `turns` are those of a snapshot, oldest first. Each turn of the result has `generation`,
    with its text as `html`.
    """
    owner = {generation["id"]: turn for turn in turns for generation in turn["generations"]}
    path: list[dict[str, Any]] = []
    answers = [generation for turn in turns for generation in turn["generations"]]
    chosen = max(answers, key=lambda answer: answer["created"])["id"] if answers else None
    turn = owner[chosen] if chosen else None
    while turn is not None:
        generation = next(g for g in turn["generations"] if g["id"] == chosen)
        shown = {**generation, "html": to_html(generation["text"])}
        path.append({**turn, "generation": shown})
        chosen = turn["follows"]
        turn = owner[chosen] if chosen else None
    return path[::-1]
