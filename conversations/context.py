"""A generation's place in the tree → the request to upstream."""

import hashlib
import hmac
import uuid
from typing import Any

import msgspec
from django.conf import settings

from billing import pricing
from billing.usage import estimate_tokens
from conversations.catalog import ModelOptions, options_of
from conversations.models import Generation, Turn

Fields = dict[str, Any]

MESSAGE_OVERHEAD = 8
"""Tokens a message costs beyond its text: role and separators."""
ANSWER_SHARE = 4
"""A quarter of the context is kept for the answer of a model without an output limit."""


class Exchange(msgspec.Struct, frozen=True):
    """A turn on the way to a generation, and the answer that the next turn follows."""

    said: str
    answered: str = ""

    @property
    def tokens(self) -> int:
        texts = [text for text in (self.said, self.answered) if text]
        return sum(estimate_tokens(text) + MESSAGE_OVERHEAD for text in texts)

    def messages(self) -> list[Fields]:
        """The input items. llama.cpp needs `type` on the assistant's, OpenAI accepts it."""
        items = [_message("user", self.said)]
        if self.answered:
            items.append(_message("assistant", self.answered))
        return items


def build_request(generation: Generation) -> Fields:
    """The arguments of `responses.create` for a generation, without `stream`."""
    conversation = generation.turn.conversation
    options = options_of(generation.model)
    exchanges = trim(branch(generation.turn), input_budget(options))
    optional = {
        "instructions": options.instructions,
        "temperature": options.temperature,
        "max_output_tokens": options.max_output_tokens or longest_answer(generation),
        "background": settings.OPENAI_BACKGROUND or None,
        # Held is what this tier costs; "auto" may be a dearer one. Other servers know no tiers.
        "service_tier": "default" if settings.UPSTREAM_IS_OPENAI else None,
    }
    return {
        "model": generation.model,
        "input": [message for exchange in exchanges for message in exchange.messages()],
        # What goes on without us must be stored there.
        "store": settings.OPENAI_BACKGROUND,
        "safety_identifier": safety_identifier(conversation.owner_id),
        "prompt_cache_key": str(conversation.id),
        **{name: value for name, value in optional.items() if value is not None},
    }


def longest_answer(generation: Generation) -> int | None:
    """Output tokens of a model without a limit of its own: what costs money must have one, so
    that it can be held. Servers whose models are free may know better."""
    quote = pricing.quote(generation.model, at=generation.created)
    return None if quote is None or quote.is_free else settings.MAX_OUTPUT_TOKENS


def branch(turn: Turn) -> list[Exchange]:
    """The turns from the start of the conversation to `turn`, oldest first."""
    turns = {row.id: row for row in Turn.objects.filter(conversation_id=turn.conversation_id)}
    answers = Generation.objects.filter(turn__conversation_id=turn.conversation_id)
    texts: dict[uuid.UUID, tuple[uuid.UUID, str]] = {
        id: (turn_id, text) for id, turn_id, text in answers.values_list("id", "turn_id", "text")
    }
    path = [Exchange(turn.text)]
    follows = turn.follows_id
    while follows:
        turn_id, text = texts[follows]
        path.append(Exchange(turns[turn_id].text, text))
        follows = turns[turn_id].follows_id
    return path[::-1]


def input_budget(options: ModelOptions) -> int:
    """Tokens that the input may take."""
    answer = options.max_output_tokens or options.context_tokens // ANSWER_SHARE
    return options.context_tokens - answer - estimate_tokens(options.instructions or "")


def trim(exchanges: list[Exchange], budget: int) -> list[Exchange]:
    """Drops the oldest exchanges until the rest fits; the last one always stays.

    The cut is the same for many turns in a row, so that upstream's prompt cache keeps its
    prefix: half of the budget is freed at a time, counted from the start of the conversation.
    """
    step = max(budget // 2, 1)
    total = sum(exchange.tokens for exchange in exchanges)
    if total <= budget:
        return exchanges
    to_drop = -(-(total - budget) // step) * step
    dropped = 0
    for index, exchange in enumerate(exchanges[:-1]):
        if dropped >= to_drop:
            return exchanges[index:]
        dropped += exchange.tokens
    return exchanges[-1:]


def safety_identifier(user_id: Any) -> str:
    """Who asks, as a stable hash that says nothing to upstream."""
    key = str(settings.SECRET_KEY).encode()
    return hmac.new(key, f"user {user_id}".encode(), hashlib.sha256).hexdigest()


def input_text(request: Fields) -> str:
    """All text of a request's input, for estimates."""
    messages: list[Fields] = request["input"]
    return "\n".join(part["text"] for message in messages for part in message["content"])


def _message(role: str, text: str) -> Fields:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}
