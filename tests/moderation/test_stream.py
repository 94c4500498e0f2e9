"""The driver: what it shows, notes and ends, whatever the checker does."""

import asyncio
from typing import Any

import pytest

from conversations.moderation.gate import Gate, Mode
from conversations.moderation.stream import ANSWER, ModeratedStream
from conversations.moderation.verdict import CheckFailed
from tests.moderation.asked import Asked
from tests.moderation.counted import Counted
from tests.moderation.simulation import Fields, cut, ended, parsed, said

TEXT = "response.output_text.delta"
CHECKING = "moderation.checking"
LOOK = 0.1


class Shown:
    """What came out of a stream, in order."""

    def __init__(
        self,
        checker: Asked,
        mode: Mode = Mode.HOLD,
        every: int = 20,
        gate: Gate | None = None,
        **options: Any,
    ) -> None:
        self.events: list[Fields] = []
        self.news = asyncio.Event()
        self.interrupted = asyncio.Event()
        self.stream = ModeratedStream(
            gate or Gate(mode, every),
            checker,
            lambda event: self._take(event.fields),
            lambda kind, **fields: self._take({"type": kind, **fields}),
            self.interrupted.set,
            **{"fail_open": True, "look_seconds": LOOK, **options},
        )

    def _take(self, fields: Fields) -> None:
        self.events.append(fields)
        self.news.set()

    @property
    def text(self) -> str:
        return "".join(event.get("delta", "") for event in self.events)

    @property
    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    async def until(self, wanted: str, count: int = 1) -> None:
        """Waits until this text is shown, or so many events of this type."""
        async with asyncio.timeout(10):
            while wanted not in self.text and self.kinds.count(wanted) < count:
                self.news.clear()
                await self.news.wait()

    def push(self, events: list[Fields]) -> None:
        for event in parsed(events):
            self.stream.push(event)


async def test_what_is_clear_is_shown_after_its_check_and_in_order() -> None:
    shown = Shown(Asked())
    events = said(TEXT, cut("All is well and nothing is wrong here.", [5])) + ended()
    shown.push(events)
    await shown.stream.settle()
    ours = [event for event in shown.events if event["type"] == "moderation.checked"]
    assert [event for event in shown.events if event not in ours] == events
    assert ours[-1]["chars"] == 38
    assert all(not event["flagged"] for event in ours)
    assert shown.events.index(ours[0]) < next(
        index for index, event in enumerate(shown.events) if "delta" in event
    )


async def test_a_flag_interrupts_in_the_middle_of_a_silence() -> None:
    shown = Shown(Asked(), Mode.WATCH)
    shown.push(said(TEXT, ["something ", "bad comes ", "here "], repeat=False))
    await asyncio.wait_for(shown.interrupted.wait(), 5)
    block = shown.stream.blocked
    assert block
    assert block.wire()["code"] == "moderation_blocked"
    assert block.categories == ("violence",)
    assert shown.text == "something bad comes here "
    assert shown.events[-1] == {
        "type": "moderation.checked",
        "chars": 20,
        "flagged": True,
        "categories": ["violence"],
    }
    before = list(shown.events)
    shown.push(said(TEXT, ["more "], repeat=False))
    await shown.stream.settle()
    assert shown.events == before


async def test_open_lets_pass_what_cannot_be_checked_and_counts_it() -> None:
    counted = Counted()
    shown = Shown(Asked(RuntimeError("no")))
    events = said(TEXT, ["bad but unchecked"]) + ended()
    shown.push(events)
    await shown.stream.settle()
    assert shown.events == events
    assert counted.checks == {"failed": 1}


async def test_closed_blocks_what_cannot_be_checked() -> None:
    shown = Shown(Asked(CheckFailed("no")), fail_open=False)
    shown.push(said(TEXT, ["quite good"]) + ended())
    await shown.stream.settle()
    assert shown.text == ""
    assert shown.stream.blocked
    assert shown.stream.blocked.wire() == {
        "code": "moderation_unavailable",
        "message": ANSWER["moderation_unavailable"],
        "retryable": True,
    }


@pytest.mark.parametrize("fail_open", [True, False])
async def test_a_check_that_hangs_has_failed(fail_open: bool) -> None:
    checker = Asked()
    checker.gate.clear()
    counted = Counted()
    shown = Shown(checker, fail_open=fail_open, seconds=0.05)
    shown.push(said(TEXT, ["some text"]) + ended())
    await shown.stream.settle()
    assert counted.checks == {"failed": 1}
    assert shown.text == ("some text" if fail_open else "")
    assert bool(shown.stream.blocked) is not fail_open


async def test_a_silence_of_upstream_has_the_tail_checked_whole_words_first() -> None:
    checker = Asked()
    shown = Shown(checker, every=1000)
    shown.push(said(TEXT, ["Half a ", "sent"], repeat=False))
    await shown.until("Half a ")
    assert checker.texts == ["Half a "]
    await shown.until("Half a sent")
    shown.push(said(TEXT, ["ence."], repeat=False)[1:])
    await shown.until("Half a sentence.")


async def test_a_flag_in_the_tail_is_found_in_a_silence() -> None:
    shown = Shown(Asked(), Mode.WATCH, every=1000)
    shown.push(said(TEXT, ["this is bad"], repeat=False))
    assert shown.text == "this is bad"
    await asyncio.wait_for(shown.interrupted.wait(), 5)


async def test_text_that_waits_long_is_said_to_be_checked_once_until_some_is_shown() -> None:
    checker = Asked()
    checker.gate.clear()
    shown = Shown(checker)
    shown.push(said(TEXT, ["Twenty characters are "], repeat=False))
    await shown.until(CHECKING)
    shown.push(said(TEXT, ["here, and more of them "], repeat=False)[1:])
    for _ in range(2):  # longer than a look takes
        await asyncio.sleep(LOOK)
    assert shown.kinds.count(CHECKING) == 1
    checker.gate.set()
    await shown.until("more of them ")
    checker.gate.clear()
    shown.push(said(TEXT, ["and again twenty are held "], repeat=False)[1:])
    await shown.until(CHECKING, 2)
    shown.stream.close()


async def test_nobody_is_told_of_checks_that_are_quick_or_hold_nothing_back() -> None:
    checker = Asked()
    quick, watched = Shown(checker), Shown(checker, Mode.WATCH)
    for shown in (quick, watched):
        shown.push(said(TEXT, ["something ", "is said ", "here "]) + ended())
        await shown.stream.settle()
    checker.gate.clear()
    watched.push(said(TEXT, ["something ", "is said ", "here "], item="it_2", repeat=False))
    await asyncio.sleep(2 * LOOK)
    assert CHECKING not in quick.kinds + watched.kinds
    watched.stream.close()


async def test_settling_again_after_another_round_checks_that_too() -> None:
    checker = Asked()
    shown = Shown(checker, every=1000)
    shown.push(said(TEXT, ["first "], item="it_1") + ended())
    await shown.stream.settle()
    assert shown.text == "first "
    shown.push(said(TEXT, ["second"], item="it_2") + ended())
    await shown.stream.settle()
    assert shown.text == "first second"
    assert len(checker.texts) == 2


async def test_closing_shows_nothing_that_waits() -> None:
    checker = Asked()
    checker.gate.clear()
    shown = Shown(checker)
    shown.push(said(TEXT, ["some text that is held"]))
    await asyncio.sleep(0)
    shown.stream.close()
    checker.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await shown.stream.settle()
    assert shown.text == ""


async def test_what_a_dead_process_showed_unchecked_is_checked_without_a_new_event() -> None:
    log = said(TEXT, ["bad "], repeat=False)
    shown = Shown(Asked(), gate=Gate.restored(Mode.WATCH, 100, log))
    await asyncio.wait_for(shown.interrupted.wait(), 5)
    assert shown.stream.blocked
