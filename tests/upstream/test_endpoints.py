"""The endpoints beside the stream, directives in the text, and the ready-made answers."""

from __future__ import annotations

import time
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.upstream import answers
from tests.upstream.client import Upstream
from tests.upstream.defaults import Directives, directives_in
from tests.upstream.script import Cut, Gate, reply_error
from tests.upstream.test_upstream import ask, ask_until_broken, text_of


async def test_models_are_listed_as_set(sdk: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.models("alpha", "beta")
    assert [model.id async for model in sdk.models.list()] == ["alpha", "beta"]
    assert (await sdk.models.retrieve("beta")).id == "beta"
    with pytest.raises(openai.NotFoundError):
        await sdk.models.retrieve("gamma")


async def test_a_request_without_stream_gets_the_final_response(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    upstream.queue(answers.text_answer("Short.", usage=answers.usage(7, 3, cached=2)))
    response = await sdk.responses.create(model="m", input="x")
    assert (response.output_text, response.status, response.model) == ("Short.", "completed", "m")
    assert response.usage is not None
    assert response.usage.input_tokens_details.cached_tokens == 2
    assert response.id == (await upstream.arequest()).response_id


async def test_input_tokens_counts_what_an_answer_would_report(sdk: AsyncOpenAI) -> None:
    request: Any = {"model": "m", "input": "one, two", "instructions": "Be kind"}
    counted = await sdk.responses.input_tokens.count(**request)
    response = await sdk.responses.create(**request)
    assert response.usage is not None
    assert counted.input_tokens == response.usage.input_tokens == 5


async def test_moderation_flags_the_given_phrases(sdk: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.flag("bad word", categories=("hate", "violence/graphic"))
    result = await sdk.moderations.create(input=["a Bad Word here", "all fine"])
    flagged, fine = result.results
    assert (flagged.flagged, fine.flagged) == (True, False)
    assert (flagged.categories.hate, flagged.categories.violence_graphic) == (True, True)
    assert flagged.categories.sexual is False
    assert [record.body["input"] for record in upstream.requests("/v1/moderations")] == [
        ["a Bad Word here", "all fine"]
    ]


async def test_moderation_can_be_late_and_can_fail(sdk: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.flag(delay=0.05)
    began = time.monotonic()
    await sdk.moderations.create(input="x")
    assert time.monotonic() - began >= 0.05
    upstream.queue(reply_error(500), path="/v1/moderations")
    with pytest.raises(openai.InternalServerError):
        await sdk.moderations.create(input="x")
    assert (await sdk.moderations.create(input="x")).results[0].flagged is False


async def test_a_background_response_goes_on_after_a_cut_and_is_resumed(
    sdk: AsyncOpenAI, upstream: Upstream
) -> None:
    events = answers.Answer(background=True).message("one two three").finish()
    upstream.queue([*events[:6], Cut(), Gate("rest"), *events[6:]])
    seen = await ask_until_broken(sdk, background=True)
    response_id = seen[0].response.id
    assert (await sdk.responses.retrieve(response_id)).status == "in_progress"
    upstream.open("rest")
    last = seen[-1].sequence_number
    stream = await sdk.responses.retrieve(response_id, stream=True, starting_after=last)
    seen += [event async for event in stream]
    assert [event.sequence_number for event in seen] == list(range(len(events)))
    assert text_of(seen) == "one two three"
    assert (await sdk.responses.retrieve(response_id)).status == "completed"


async def test_a_background_response_can_be_cancelled(sdk: AsyncOpenAI, upstream: Upstream) -> None:
    events = answers.Answer(background=True).message("never seen").finish()
    upstream.queue([*events[:3], Gate("never"), *events[3:]])
    begun = await sdk.responses.create(model="m", input="x", background=True)
    assert begun.status == "queued"
    await upstream.agate("never")
    for _ in range(2):
        assert (await sdk.responses.cancel(begun.id)).status == "cancelled"
    assert upstream.requests(f"/v1/responses/{begun.id}/cancel")[0].method == "POST"
    with pytest.raises(openai.NotFoundError):
        await sdk.responses.cancel("resp_unknown")


async def test_an_unknown_path_is_a_404(sdk: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="Invalid URL"):
        await sdk.files.list()


def test_directives_are_whole_words_and_wrong_ones_are_ignored() -> None:
    assert directives_in("Please tokens=20 rate=2.5 now") == Directives(tokens=20, rate=2.5)
    assert directives_in("mytokens=3 tokens=x unknown=1 a,cut=2") == Directives()


@pytest.mark.parametrize("end", ["incomplete", "failed", "error"])
async def test_a_directive_chooses_the_ending(sdk: AsyncOpenAI, end: str) -> None:
    events = await ask(sdk, f"end={end}")
    assert events[-1].type == (end if end == "error" else f"response.{end}")


async def test_directives_choose_faults(sdk: AsyncOpenAI, upstream: Upstream) -> None:
    with pytest.raises(openai.InternalServerError):
        await ask(sdk, "status=503")
    with pytest.raises(openai.APIError, match="As asked"):
        await ask(sdk, "end=nested")
    for fault in ("cut", "reset"):
        with pytest.raises(openai.APIConnectionError):
            await ask(sdk, f"tokens=9 {fault}=4")
    deltas = [record.now.events_sent - 4 for record in upstream.requests()[-2:]]
    assert deltas == [4, 4]


async def test_the_default_answer_keeps_to_max_output_tokens(sdk: AsyncOpenAI) -> None:
    response = await sdk.responses.create(model="m", input="tokens=50", max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.usage is not None
    assert response.usage.output_tokens == 16


ANSWERS = {
    "text": answers.text_answer(),
    "refusal": answers.refusal_answer(),
    "reasoning": answers.reasoning_answer(),
    "function call": answers.function_call_answer("roll", '{"sides": 6}'),
    "web search": answers.web_search_answer(),
    "code": answers.code_interpreter_answer(),
    "image": answers.image_answer(),
    "incomplete": answers.incomplete_answer(),
    "failed": answers.failed_answer(text="Half an"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_ready_made_answers_are_valid_to_the_sdk(
    sdk: AsyncOpenAI, upstream: Upstream, name: str
) -> None:
    upstream.queue(ANSWERS[name])
    events = await ask(sdk)
    for number, event in enumerate(events):
        type(event).model_validate(event.to_dict())
        assert event.sequence_number == number
    done = [event.item for event in events if event.type == "response.output_item.done"]
    assert done == events[-1].response.output
    deltas = text_of(events)
    assert deltas == events[-1].response.output_text


def test_a_bare_answer_has_no_numbers_and_begins_twice() -> None:
    events = answers.bare_answer("Hi.")
    types = [event["type"] for event in events]
    assert types.count("response.created") == types.count("response.in_progress") == 2
    for key in ("sequence_number", "output_index", "content_index", "obfuscation", "logprobs"):
        assert not [event for event in events if key in event]


def test_deltas_that_are_not_the_text_are_refused() -> None:
    with pytest.raises(ValueError, match="deltas"):
        answers.text_answer("one two", deltas=["one", "two"])
