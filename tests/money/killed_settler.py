"""Ends generations in processes that are killed while they do it.

`python -m tests.money.killed_settler USER KILLS SEED`. Each of KILLS processes ends ten
generations of USER, one commit each, and is killed after some milliseconds; then all ten
endings are written once more, as by a process that never learned of the commit. Prints a line
of JSON: `ended`, how many endings each process got done; `faults`, what was wrong with the books.
"""

import json
import os
import random
import signal
import sys
import time
import uuid
from typing import Any

import django

EACH = 10
LONGEST_MS = 60


def main(user_id: int, kills: int, seed: int) -> dict[str, Any]:
    from django.db import connections

    from conversations.recorder import commit
    from tests.money.books import faults

    chance = random.Random(seed)
    ended, found = [], []
    for _ in range(kills):
        frames = _running(user_id)
        connections.close_all()  # a connection must not be shared with a fork
        ready, tell = os.pipe()
        process = os.fork()
        if process == 0:
            connections["default"].ensure_connection()
            os.write(tell, b"x")
            for frame in frames:
                commit([frame])
            signal.pause()
        os.read(ready, 1)
        time.sleep(chance.uniform(0, LONGEST_MS) / 1000)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(ready)
        os.close(tell)
        ended.append(_ended(frames))
        found += faults()
        for frame in frames:
            commit([frame])
        found += faults() if _ended(frames) == EACH else [{"ended": _ended(frames)}]
    return {"ended": ended, "faults": found}


def _running(user_id: int) -> list[Any]:
    """The last frames of ten new generations, with what these cost."""
    from django.contrib.auth import get_user_model

    from conversations import leases, turns
    from conversations.protocol import CreateTurn

    user = get_user_model()._default_manager.get(pk=user_id)
    for _ in range(EACH):
        command = CreateTurn(id=uuid.uuid4(), conversation=None, text="Why?")
        turns.start_turn(user, command, "test-model")
    return [_last_frame(generation) for generation in leases.claim("settler")]


def _last_frame(generation: Any) -> Any:
    from django.utils import timezone

    from billing.usage import TokenUsage
    from conversations.charges import charge_of
    from conversations.log import GenerationLog
    from conversations.snapshots import generation_wire

    usage = TokenUsage(input_tokens=10, output_tokens=400)
    charge = charge_of(generation, "completed", usage, [], {})
    conversation, epoch = generation.turn.conversation_id, generation.epoch
    log = GenerationLog(generation_wire(generation), conversation, epoch, lambda log: None)
    shared = {"status": "completed", "usage": usage.wire(), "estimated": False, "error": None}
    ending = {**shared, "cost": charge.amount, "ended": timezone.now()}
    log.finish(ending, charge, **shared, cost=str(charge.amount))
    return log.take()


def _ended(frames: list[Any]) -> int:
    from conversations.models import Generation

    ids = [frame.generation for frame in frames]
    return Generation.objects.filter(pk__in=ids, status="completed").count()


if __name__ == "__main__":
    django.setup()
    print(json.dumps(main(*map(int, sys.argv[1:])), default=str))
