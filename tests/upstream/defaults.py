"""What the upstream answers when no rule fits: an echo, or what directives in the text ask for.

Directives are words `name=value` anywhere in the last user text (see `Directives`), so that a
person in a browser, or a load test that only sees the site, can choose the answer:
`tokens=200 rate=50` makes 200 deltas "0 ", "1 ", … at 50 a second.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tests.upstream import script
from tests.upstream.builder import Answer, pieces, usage
from tests.upstream.messages import RecordData
from tests.upstream.script import Event, Step

MARKDOWN = """\
# A sample

Some **bold**, some *italic*, some `code` and a [link](https://example.com/).

| fruit | price |
| --- | ---: |
| apple | 1.20 |
| pear | 0.80 |

```python
def add(a: int, b: int) -> int:
    return a + b  # a comment
```

1. first
2. second
   - nested, with ünïcödé and 😀

> quoted
"""


class Directives(msgspec.Struct, frozen=True):
    """The words a user text may hold. Counts are in deltas; 0 or empty means: not asked for."""

    tokens: int = 0  # so many numbered deltas instead of the echo
    rate: float = 0.0  # deltas a second; 0 = all at once
    first: float = 0.0  # seconds before the first byte
    cut: int = 0  # close the connection after so many deltas
    reset: int = 0  # reset it
    stall: int = 0  # fall silent
    status: int = 0  # an HTTP error instead of a stream
    end: str = ""  # "incomplete", "failed", "error" or "nested" instead of completed
    sample: str = ""  # "markdown": a sample document; "reasoning": a summary before the echo


_NAMES = "|".join(Directives.__struct_fields__)
_DIRECTIVE = re.compile(rf"(?<!\S)({_NAMES})=(\S+)")


def directives_in(text: str) -> Directives:
    """The directives of a text; what isn't one, or has a value that doesn't fit, is ignored."""
    found = Directives()
    for name, value in _DIRECTIVE.findall(text):
        try:
            change = msgspec.convert({name: value}, Directives, strict=False)
        except msgspec.ValidationError:
            continue
        found = msgspec.structs.replace(found, **{name: getattr(change, name)})
    return found


def count_tokens(value: Any) -> int:
    """Tokens of all text in a request: words and signs, which is near enough and repeatable."""
    if isinstance(value, str):
        return len(re.findall(r"\w+|[^\w\s]", value))
    if isinstance(value, list):
        return sum(count_tokens(part) for part in value)
    if isinstance(value, dict):
        keys = ("text", "content", "output", "arguments", "refusal")
        return sum(count_tokens(value[key]) for key in keys if key in value)
    return 0


def count_input(body: Any) -> int:
    """Input tokens of a request: instructions and input."""
    if not isinstance(body, dict):
        return 0
    return count_tokens(body.get("instructions")) + count_tokens(body.get("input"))


def default_script(record: RecordData) -> list[Step]:
    """The answer to a request that no rule fits."""
    wanted = directives_in(record.text)
    if wanted.status:
        wait = {"retry-after": "1"} if wanted.status in (429, 503) else {}
        return [script.reply_error(wanted.status, "scripted", headers=wait)]
    events = _events(record, wanted)
    first_delta = _delta_index(events, 0)
    steps: list[Step] = [script.Pause(wanted.first)] if wanted.first else []
    limit = wanted.cut or wanted.reset or wanted.stall
    last = _delta_index(events, limit) if limit else len(events)
    steps.append(script.Play(events[:first_delta]))
    steps.append(script.Play(events[first_delta:last], rate=wanted.rate))
    if limit:
        steps.append(
            script.Cut() if wanted.cut else script.Reset() if wanted.reset else script.Silence()
        )
    return steps


def _delta_index(events: list[Event], count: int) -> int:
    """Where the delta with this number (from 0) is; behind the last one: the end."""
    deltas = [i for i, e in enumerate(events) if e["type"] == "response.output_text.delta"]
    return deltas[count] if count < len(deltas) else len(events)


def _events(record: RecordData, wanted: Directives) -> list[Event]:
    body = record.body if isinstance(record.body, dict) else {}
    if wanted.tokens:
        deltas = [f"{number} " for number in range(wanted.tokens)]
    elif wanted.sample == "markdown":
        deltas = pieces(MARKDOWN)
    else:
        deltas = pieces(f"You said: {record.text}")
    limit = body.get("max_output_tokens")
    short = isinstance(limit, int) and limit < len(deltas)
    deltas = deltas[:limit] if short else deltas
    answer = Answer(background=bool(body.get("background")))
    if wanted.sample == "reasoning":
        answer.reasoning("**Reading** the question")
    ending = "incomplete" if short else wanted.end or "completed"
    answer.message("".join(deltas), deltas, "completed" if ending == "completed" else "incomplete")
    return _finish(answer, ending, usage(count_input(body), len(deltas)))


def _finish(answer: Answer, ending: str, count: dict[str, Any]) -> list[Event]:
    if ending == "incomplete":
        return answer.finish(
            ending, usage=count, incomplete_details={"reason": "max_output_tokens"}
        )
    if ending == "failed":
        error = {"code": "server_error", "message": "Failed as asked."}
        return answer.finish(ending, usage=count, error=error)
    if ending == "error":
        return answer.add("error", code="server_error", message="As asked.", param=None).events
    if ending == "nested":
        return answer.add("error", error={"code": "server_error", "message": "As asked."}).events
    return answer.finish(usage=count)
