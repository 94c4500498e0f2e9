"""The last look: what a fresh reader gets, and what the database and upstream hold."""

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import Any

from django.utils import timezone

from conversations.fold import fold
from conversations.models import OPEN_STATUSES, EventFrame, Generation
from conversations.worker import FRAMES_STAY
from tests.chaos.people import Chatter
from tests.chaos.setups import Stand
from tests.chaos.tab import FINAL
from tests.chaos.witness import (
    CLEAN,
    ENDS,
    EXPLAINED,
    FOLDS,
    KEPT,
    ONE_ENDING,
    SAME,
    SEQ,
    TEXT,
    Answer,
    Fields,
    Witness,
)
from tests.folding import assert_snapshots_meet
from tests.tab import Tab, text_in

SPLIT_EVERYWHERE = 10
"""Answers that are folded at every split; the others at the snapshots that somebody saw."""
IDLE_SECONDS = 5.0
LOOKING = timedelta(minutes=4)
"""Longer than the last look takes."""


async def look(stand: Stand, chatters: list[Chatter], witness: Witness) -> Counter[str]:
    """Checks everything once more; how many answers ended how."""
    endings: Counter[str] = Counter()
    await _check_rest(stand, witness)
    folded = await asyncio.to_thread(stand.webs[0].in_database, _folded)
    for number, chatter in enumerate(chatters):
        site = stand.webs[number % len(stand.webs)]
        for conversation in chatter.conversations:
            async with Tab(site, chatter.person) as tab:
                await tab.expect("hello")
                final = await tab.open(conversation)
                shown = {g["id"]: g for turn in final["turns"] for g in turn["generations"]}
                await tab.open(conversation, dict.fromkeys(shown, 0))
                for id, generation in shown.items():
                    endings[_ending(generation)] += 1
                    if generation["status"] not in FINAL:
                        witness.violate(ENDS, generation=id, standing=generation)
                    elif id in folded:
                        _check_folded(stand, witness, id, generation)
                    else:
                        await tab.finished(id)
                        _check(stand, witness, id, generation, tab.events[id])
    return endings


def _ending(generation: Fields) -> str:
    error = generation["error"]
    return f"{generation['status']} ({error['code']})" if error else str(generation["status"])


async def _check_rest(stand: Stand, witness: Witness) -> None:
    """Nothing goes on, and the log is whole."""
    try:
        await stand.upstream.aidle(IDLE_SECONDS)
    except TimeoutError:
        streams = [r.text for r in stand.upstream.requests() if not r.now.ended]
        witness.violate(CLEAN, upstream_streams=streams)
    for left in await asyncio.to_thread(stand.webs[0].in_database, _left_behind):
        witness.violate(CLEAN, **left)
    for torn in await asyncio.to_thread(stand.webs[0].in_database, _torn_logs):
        witness.violate(SEQ, **torn)


def _left_behind(alias: str) -> list[Fields]:
    """Generations that have not ended, or that a lease still holds."""
    rows = Generation.objects.using(alias)
    left = rows.filter(status__in=OPEN_STATUSES) | rows.filter(lease_until__isnull=False)
    names = ("pk", "status", "worker", "epoch", "lease_until", "turn__text")
    return [{"row": row} for row in left.values(*names)]


def _folded(alias: str) -> set[str]:
    """Generations that ended so long ago that their frames are deleted, or may be at any moment
    while we look."""
    before = timezone.now() - FRAMES_STAY + LOOKING
    rows = Generation.objects.using(alias).filter(ended__lt=before)
    return {str(id) for id in rows.values_list("pk", flat=True)}


def _torn_logs(alias: str) -> list[dict[str, Any]]:
    """Generations whose stored frames do not go from 1 to the row's cursor."""
    folded = _folded(alias)
    frames = EventFrame.objects.using(alias).order_by("generation", "first_seq")
    ends: dict[Any, int] = {}
    torn = []
    for id, first, last in frames.values_list("generation", "first_seq", "last_seq"):
        if first != ends.get(id, 0) + 1:
            torn.append({"generation": id, "first": first, "after": ends.get(id, 0)})
        ends[id] = last
    cursors = dict(Generation.objects.using(alias).values_list("pk", "cursor"))
    return torn + [
        {"generation": id, "cursor": cursors[id], "last": ends.get(id, 0)}
        for id in cursors
        if cursors[id] != ends.get(id, 0) and str(id) not in folded
    ]


def _check(stand: Stand, witness: Witness, id: str, final: Fields, events: list[Fields]) -> None:
    """One answer, as the fresh reader has it."""
    log, answer = witness.log[id], witness.answers.get(id)
    numbers = [event["seq"] for event in events]
    if numbers != list(range(1, len(events) + 1)):
        witness.violate(SEQ, generation=id, reader="fresh", numbers=numbers)
    texts = {event["seq"]: json.dumps(event) for event in events}
    for seq, seen in log.items():
        if seq not in texts:
            witness.violate(KEPT, generation=id, seen=seen, last=events[-1])
        elif texts[seq] != seen:
            witness.violate(SAME, generation=id, seen=seen, stored=texts[seq])
    endings = [event["seq"] for event in events if event["type"] == "generation.finished"]
    if endings != numbers[-1:]:
        witness.violate(ONE_ENDING, generation=id, endings=endings, last=numbers[-1:])
    if answer is None:
        # Accepted, and its maker never heard of it: the run ended first. Nothing to compare.
        witness.counts["answers that nobody waited for"] += 1
        return
    _check_text(witness, id, final, text_in(events), answer)
    _check_ending(stand, witness, id, final, answer)
    _check_folds(witness, id, final, events, answer)


def _check_folded(stand: Stand, witness: Witness, id: str, final: Fields) -> None:
    """One answer whose log is gone after a long run: the row holds all there is."""
    if answer := witness.answers.get(id):
        _check_text(witness, id, final, final["text"], answer)
        _check_ending(stand, witness, id, final, answer)


def _check_text(witness: Witness, id: str, final: Fields, streamed: str, answer: Answer) -> None:
    """What streamed is what stands there, and is upstream's answer or the beginning of it."""
    status, text = final["status"], final["text"]
    right = text == answer.expected or (status != "completed" and answer.expected.startswith(text))
    if not right or streamed != text:
        witness.violate(
            TEXT,
            generation=id,
            status=status,
            text=text,
            streamed=streamed,
            expected=answer.expected,
        )


def _check_ending(stand: Stand, witness: Witness, id: str, final: Fields, answer: Answer) -> None:
    status, code = final["status"], final["error"] and final["error"]["code"]
    explained = {
        "completed": code is None,
        "stopped": answer.stop_asked and code is None,
        "interrupted": code == "worker_lost" and not stand.resumes,
        "failed": code == "worker_lost",
    }
    if not explained.get(status, False):
        witness.violate(EXPLAINED, generation=id, status=status, error=final["error"])


def _check_folds(
    witness: Witness, id: str, final: Fields, events: list[Fields], answer: Answer
) -> None:
    for cursor, snapshot in answer.snapshots.items():
        witness.counts["snapshots folded"] += 1
        folded = fold(json.loads(json.dumps(snapshot)), json.loads(json.dumps(events)))
        if folded != final:
            differing = {k: (folded[k], final[k]) for k in final if folded.get(k) != final[k]}
            witness.violate(FOLDS, generation=id, snapshot_at=cursor, differing=differing)
    fresh = answer.snapshots.get(0)
    if fresh and witness.counts["folded at every split"] < SPLIT_EVERYWHERE:
        witness.counts["folded at every split"] += 1
        try:
            assert_snapshots_meet(fresh, events, final)
        except AssertionError as error:
            witness.violate(FOLDS, generation=id, split=str(error)[:300])
