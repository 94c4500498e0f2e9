"""What anybody saw, and every promise that it broke."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

Fields = dict[str, Any]

SEQ = "seq grows by 1: no gap, no double"
SAME = "an event is the same for everybody, always"
KEPT = "nothing seen is gone"
ONE_ENDING = "one generation.finished, and it is last"
ENDS = "every accepted turn ends"
FOLDS = "snapshot + events = final snapshot"
TEXT = "the text is the answer, or a prefix of it"
EXPLAINED = "each ending has a reason"
STOPS = "a stop closes upstream within 1 s"
OBEYED = "every command is obeyed"
RESTORED = "every process ends and starts when told"
CLEAN = "no open generation, no lease, no upstream stream is left"
INVARIANTS = (
    SEQ, SAME, KEPT, ONE_ENDING, ENDS, FOLDS, TEXT, EXPLAINED, STOPS, OBEYED, RESTORED, CLEAN,
)  # fmt: skip

SNAPSHOTS_KEPT = 8
"""Snapshots of one generation to fold at the end; enough, and a long run stays small."""


@dataclass
class Answer:
    """A generation that somebody was promised, and what upstream answers to its question."""

    question: str
    stop_asked: bool = False
    snapshots: dict[int, Fields] = field(default_factory=dict)

    @property
    def expected(self) -> str:
        """The scripted upstream echoes."""
        return f"You said: {self.question}"


class Witness:
    """Belongs to one run; tabs report to it."""

    def __init__(self) -> None:
        self.violations: defaultdict[str, list[str]] = defaultdict(list)
        self.answers: dict[str, Answer] = {}
        self.log: defaultdict[str, dict[int, str]] = defaultdict(dict)
        """Generation → seq → the event as it was first seen, as JSON text."""
        self.counts: Counter[str] = Counter()
        self.closes: Counter[int] = Counter()
        self.slowest_stop = 0.0

    def violate(self, invariant: str, **evidence: Any) -> None:
        """Notes a broken promise."""
        said = ", ".join(f"{name}={value!r}"[:600] for name, value in evidence.items())
        self.violations[invariant].append(said)

    def promised(self, generation: str, question: str) -> Answer:
        """Somebody's turn was accepted."""
        return self.answers.setdefault(generation, Answer(question))

    def saw(self, generation: str, event: Fields) -> None:
        """Somebody saw an event, live or replayed."""
        self.counts["events seen"] += 1
        log, seq = self.log[generation], event["seq"]
        text = json.dumps(event)  # keeps the order of the fields
        if log.setdefault(seq, text) != text:
            self.violate(SAME, generation=generation, first=log[seq], then=text)
        if event["type"] == "generation.finished" and seq < max(log):
            self.violate(ONE_ENDING, generation=generation, event=text, but=log[max(log)])

    def saw_snapshot(self, conversation: str, snapshot: Fields, floor: dict[str, int]) -> None:
        """Somebody saw a snapshot; `floor` says what had been seen before it was asked for."""
        shown = {g["id"]: g for turn in snapshot["turns"] for g in turn["generations"]}
        for generation, seq in floor.items():
            if shown.get(generation, {"cursor": -1})["cursor"] < seq:
                self.violate(
                    KEPT,
                    conversation=conversation,
                    generation=generation,
                    seen=seq,
                    shown=shown.get(generation),
                )
        for id, generation in shown.items():
            self.saw_standing(id, generation)

    def saw_standing(self, id: str, generation: Fields) -> None:
        """A generation as a snapshot or `turn.created` shows it, to be folded at the end."""
        if id in self.answers:
            kept = self.answers[id].snapshots
            if len(kept) < SNAPSHOTS_KEPT:
                kept.setdefault(generation["cursor"], json.loads(json.dumps(generation)))

    def events(self, generation: str) -> list[Fields]:
        """All events of a generation that anybody saw, in order."""
        return [json.loads(text) for _, text in sorted(self.log[generation].items())]
